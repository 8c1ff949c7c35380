// IPMI over LAN, by the real ipmitool.
import { OperationalError } from '../../shared/errors.js';
import type { FenceDevice, PowerState } from '../fence-device.js';
import { runProgram } from './run-program.js';

export interface IpmiOptions {
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** RMCP+ cipher suite. Without a given one ipmitool asks the BMC first, which takes 10 s where that is not answered. */
  readonly cipher: number;
  readonly timeoutMs: number;
}

/**
 * ipmitool waits `-N` seconds for an answer, and with `-R 1` opens a session twice before it gives up: a dead BMC is told
 * after 2 s. (-R 2 takes 6 s, -R 3 takes 12 s.) A BMC that is slow, and not dead, gets a second more with each unanswered call.
 */
const RESENDS = '1';
const FIRST_WAIT_S = 1;
const LONGEST_WAIT_S = 3;

export class IpmiDevice implements FenceDevice {
  readonly automatic = true;
  readonly describe: string;
  #waitS = FIRST_WAIT_S;

  constructor(private readonly options: IpmiOptions) {
    this.describe = `ipmi ${options.address}`;
  }

  off = (): Promise<void> => this.#power('off').then(() => undefined);
  on = (): Promise<void> => this.#power('on').then(() => undefined);

  async status(): Promise<PowerState> {
    const answer = await this.#power('status');
    const state = /^Chassis Power is (on|off)$/im.exec(answer.trim())?.[1]?.toLowerCase();
    if (state === 'on' || state === 'off') return state;
    throw new OperationalError('failed', `it answered "${answer.trim()}", neither on nor off`);
  }

  async #power(verb: 'on' | 'off' | 'status'): Promise<string> {
    const { address, port, user, password, cipher, timeoutMs } = this.options;
    const waitS = this.#waitS;
    // Until it has answered, the next call waits longer.
    this.#waitS = Math.min(LONGEST_WAIT_S, waitS + 1);
    const args = ['-I', 'lanplus', '-C', String(cipher), '-H', address, '-p', String(port), '-U', user, '-E', '-N', String(waitS), '-R', RESENDS, 'chassis', 'power', verb];
    const startedAtMs = performance.now();
    const { code, stdout, stderr } = await runProgram('ipmitool', args, { timeoutMs, env: { IPMI_PASSWORD: password } });
    const waitedOut = performance.now() - startedAtMs >= waitS * 1000;
    if (code !== 0) throw failure((stderr || stdout).trim(), waitedOut);
    this.#waitS = FIRST_WAIT_S;
    return stdout;
  }
}

/** ipmitool has the same words for a BMC that is dead and for one that refuses: only the latter answers at once. */
function failure(words: string, waitedOut: boolean): OperationalError {
  const last = words.split('\n').at(-1) || 'ipmitool failed without a word';
  if (waitedOut) return new OperationalError('unreachable', `the BMC does not answer (${last})`);
  if (/invalid (authentication|integrity|confidentiality) algorithm/i.test(words)) return new OperationalError('failed', 'the BMC refuses the cipher suite; set the option cipher');
  if (/could not open socket|address lookup|Unable to resolve|Name or service/i.test(words)) return new OperationalError('unreachable', `the BMC's address can't be reached (${last})`);
  if (/Unable to establish|RAKP|unauthorized/i.test(words)) return new OperationalError('failed', 'the BMC refuses the user, the password or the cipher suite');
  return new OperationalError('failed', last);
}
