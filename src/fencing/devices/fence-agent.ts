// Any program of the fence-agents project, by its standard interface: options as key=value lines on standard input.
import { OperationalError } from '../../shared/errors.js';
import type { FenceDevice, PowerState } from '../fence-device.js';
import { runProgram } from './run-program.js';

export interface FenceAgentOptions {
  /** Name of the program, e.g. fence_ipmilan, fence_redfish, fence_apc. */
  readonly agent: string;
  /** The agent's own options, e.g. ip, username, password, plug. */
  readonly options: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** Exit codes of `action=status`: 0 on, 2 off, anything else is an error. */
const STATUS_ON = 0;
const STATUS_OFF = 2;

export class FenceAgentDevice implements FenceDevice {
  readonly automatic = true;
  readonly describe: string;

  constructor(private readonly settings: FenceAgentOptions) {
    const target = settings.options['ip'] ?? settings.options['ipaddr'] ?? settings.options['plug'] ?? '';
    this.describe = `${settings.agent} ${target}`.trim();
  }

  off = (): Promise<void> => this.#mustEndWell('off');
  on = (): Promise<void> => this.#mustEndWell('on');

  async status(): Promise<PowerState> {
    const { code, words } = await this.#run('status');
    if (code === STATUS_ON) return 'on';
    if (code === STATUS_OFF) return 'off';
    throw new OperationalError('failed', words);
  }

  async #mustEndWell(action: 'on' | 'off'): Promise<void> {
    const { code, words } = await this.#run(action);
    if (code !== 0) throw new OperationalError('failed', words);
  }

  async #run(action: 'on' | 'off' | 'status'): Promise<{ readonly code: number; readonly words: string }> {
    const lines = Object.entries({ ...this.settings.options, action }).map(([key, value]) => `${key}=${value}\n`);
    const { code, stdout, stderr } = await runProgram(this.settings.agent, [], { timeoutMs: this.settings.timeoutMs, input: lines.join('') });
    const words = (stderr.trim() || stdout.trim()).split('\n').at(-1) || `exit ${code}`;
    return { code, words };
  }
}
