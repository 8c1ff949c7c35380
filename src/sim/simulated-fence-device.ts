// The FenceDevice port over the simulated world: cuts the power of one simulated host, or misbehaves on request.
import type { FenceDevice, PowerState } from '../fencing/fence-device.js';
import { OperationalError } from '../shared/errors.js';
import type { SimulatedWorld } from './simulated-world.js';

/** `fails`: refuses at once. `hangs`: answers nothing within its bound. `lies`: says ok and does nothing. `slow`: the power goes a while later. */
export type FenceFault = 'none' | 'fails' | 'hangs' | 'lies' | 'slow';

/** As the real devices' bound on one call. */
const CALL_MS = 5_000;
/** What some boards take to cut the power. */
export const SLOW_MS = 3_000;

export class SimulatedFenceDevice implements FenceDevice {
  readonly automatic = true;
  readonly describe: string;
  fault: FenceFault = 'none';
  /** How often it was told off. */
  tolds = 0;
  readonly #world: SimulatedWorld;
  readonly #host: string;
  #offAtMs: number | null = null;

  constructor(world: SimulatedWorld, hostName: string) {
    this.#world = world;
    this.#host = hostName;
    this.describe = `power device of ${hostName}`;
  }

  async off(): Promise<void> {
    this.tolds += 1;
    await this.#answer('off');
    if (this.fault === 'lies') return;
    this.#offAtMs = this.#world.clock.monotonicMs() + (this.fault === 'slow' ? SLOW_MS : 0);
    // Whether anybody looks again or not.
    if (this.fault === 'slow') void this.#world.clock.sleep(SLOW_MS).then(() => this.#passTime());
    this.#passTime();
  }

  async on(): Promise<void> {
    await this.#answer('on');
    this.#offAtMs = null;
    if (this.fault !== 'lies') this.#world.givePower(this.#host);
  }

  async status(): Promise<PowerState> {
    await this.#answer('status');
    return this.#world.host(this.#host).powered ? 'on' : 'off';
  }

  async #answer(what: string): Promise<void> {
    if (this.fault === 'fails') throw new OperationalError('failed', `${what} refused`);
    if (this.fault === 'hangs') {
      await this.#world.clock.sleep(CALL_MS);
      throw new OperationalError('timeout', `no answer within ${CALL_MS} ms`);
    }
    this.#passTime();
  }

  #passTime(): void {
    if (this.#offAtMs === null || this.#world.clock.monotonicMs() < this.#offAtMs) return;
    this.#offAtMs = null;
    this.#world.cutPower(this.#host);
  }
}
