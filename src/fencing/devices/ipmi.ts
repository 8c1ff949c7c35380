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

/** ipmitool sends again after 1 s, twice: a dead BMC is told from a slow one in about 3 s. */
const RESEND_S = '1';
const RESENDS = '3';

export class IpmiDevice implements FenceDevice {
  readonly automatic = true;
  readonly describe: string;

  constructor(private readonly options: IpmiOptions) {
    this.describe = `ipmi ${options.address}`;
  }

  off = (): Promise<void> => this.#power('off').then(() => undefined);
  on = (): Promise<void> => this.#power('on').then(() => undefined);

  async status(): Promise<PowerState> {
    const answer = await this.#power('status');
    const state = /Chassis Power is (on|off)/i.exec(answer)?.[1]?.toLowerCase();
    if (state === 'on' || state === 'off') return state;
    throw new OperationalError('failed', `it answered "${answer.trim()}", neither on nor off`);
  }

  async #power(verb: 'on' | 'off' | 'status'): Promise<string> {
    const { address, port, user, password, cipher, timeoutMs } = this.options;
    const args = ['-I', 'lanplus', '-C', String(cipher), '-H', address, '-p', String(port), '-U', user, '-E', '-N', RESEND_S, '-R', RESENDS, 'chassis', 'power', verb];
    const { code, stdout, stderr } = await runProgram('ipmitool', args, { timeoutMs, env: { IPMI_PASSWORD: password } });
    if (code === 0) return stdout;
    throw failure((stderr || stdout).trim());
  }
}

function failure(words: string): OperationalError {
  if (/Unable to establish|session timeout|timed? ?out/i.test(words)) return new OperationalError('unreachable', 'the BMC does not answer, or refuses the user, password or cipher');
  if (/RAKP 2 (HMAC|message)|invalid.*password|unauthorized/i.test(words)) return new OperationalError('failed', 'the BMC refuses the user or password');
  return new OperationalError('failed', words.split('\n').at(-1) ?? 'failed');
}
