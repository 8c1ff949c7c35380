// Any program of the fence-agents project, by its standard interface: options as key=value lines on standard input.
import { OperationalError } from '../../shared/errors.js';
import type { FenceDevice, PowerState } from '../fence-device.js';
import { runProgram, type ProgramAnswer } from './run-program.js';

export interface FenceAgentOptions {
  /** Name of the program, e.g. fence_ipmilan, fence_redfish, fence_apc. */
  readonly agent: string;
  /** The agent's own options, e.g. ip, username, password, plug. */
  readonly options: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** Exit codes of `action=status`: 0 on, 2 off. But 2 is "bad arguments" as well, so that the words must say it too. */
const STATUS_ON = 0;
const STATUS_OFF = 2;
const SAYS_OFF = /^\s*status:\s*off\s*$/im;
const SAYS_ON = /^\s*status:\s*on\s*$/im;

export class FenceAgentDevice implements FenceDevice {
  readonly automatic = true;
  readonly describe: string;

  constructor(private readonly settings: FenceAgentOptions) {
    const { ip, ipaddr, plug, port } = settings.options;
    this.describe = [settings.agent, ip ?? ipaddr, plug ?? port].filter(Boolean).join(' ');
  }

  off = (): Promise<void> => this.#mustEndWell('off');
  on = (): Promise<void> => this.#mustEndWell('on');

  async status(): Promise<PowerState> {
    const answer = await this.#run('status');
    const state = stateOf(answer);
    if (state !== null) return state;
    throw new OperationalError('failed', `${this.settings.agent} tells no power state (exit ${answer.code}): ${wordsOf(answer)}`);
  }

  async #mustEndWell(action: 'on' | 'off'): Promise<void> {
    const answer = await this.#run(action);
    if (answer.code !== 0) throw new OperationalError('failed', wordsOf(answer));
  }

  #run(action: 'on' | 'off' | 'status'): Promise<ProgramAnswer> {
    const { agent, options, timeoutMs } = this.settings;
    const lines = Object.entries({ ...options, action }).map(([key, value]) => `${key}=${value}\n`);
    return runProgram(agent, [], { timeoutMs, input: lines.join('') });
  }
}

/** "Off" is a proof, so code and words must agree; for "on" either is enough. Null: neither. */
function stateOf({ code, stdout }: ProgramAnswer): PowerState | null {
  if (code === STATUS_ON || SAYS_ON.test(stdout)) return 'on';
  return code === STATUS_OFF && SAYS_OFF.test(stdout) ? 'off' : null;
}

/** The agent's own words, without its log's time stamps and its hint at `-h`. */
function wordsOf({ code, stdout, stderr }: ProgramAnswer): string {
  const lines = `${stdout}\n${stderr}`.split('\n').map((line) => line.replace(/^[\d-]+ [\d:,]+ |(ERROR|WARNING):(root:)?\s*/g, '').trim());
  return lines.filter((line) => line !== '' && !/^Please use '-h'|DeprecationWarning|^from \w+ import/.test(line)).at(-1) ?? `exit ${code}`;
}
