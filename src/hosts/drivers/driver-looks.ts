// What the hypervisors of one host show, each by itself: one that hangs may blind only what it runs.
import { OperationalError } from '../../shared/errors.js';
import type { Clock } from '../../shared/clock.js';
import type { DriverName, Hypervisor, ObservedWorkload } from '../hypervisor.js';

interface Looked {
  readonly name: DriverName;
  readonly hypervisor: Pick<Hypervisor, 'inventory'>;
}

/** `error`: it did not answer, and nothing is known of what it runs. */
export type DriverLook<Driver extends Looked> = { readonly driver: Driver; readonly shown: readonly ObservedWorkload[]; readonly error: null } | { readonly driver: Driver; readonly shown: null; readonly error: unknown };

/** As long as this the others' answers are kept for one that is not done. A look takes 30 ms, a second on a host with its processors full. */
const PATIENCE_MS = 3_000;

export class DriverLooks<Driver extends Looked> {
  /** Asked, and not waited for any longer: asked anew when that has ended, so that commands don't pile up at a daemon that hangs. */
  readonly #late = new Set<Driver>();

  constructor(private readonly drivers: readonly Driver[], private readonly clock: Pick<Clock, 'sleep'>) {}

  /** Throws what the first says when none of them answers. */
  async all(): Promise<readonly DriverLook<Driver>[]> {
    const done = new Map<Driver, DriverLook<Driver>>();
    const asks = new Map(this.drivers.map((driver) => [driver, this.#ask(driver, done)]));
    await this.#untilEnough([...asks.values()]);
    const looks = this.drivers.map((driver) => done.get(driver) ?? this.#leave(driver, asks.get(driver)));
    if (looks.every(({ error }) => error !== null)) throw looks[0]?.error;
    return looks;
  }

  async #ask(driver: Driver, done: Map<Driver, DriverLook<Driver>>): Promise<DriverLook<Driver>> {
    const look = this.#late.has(driver) ? stillAsked(driver) : await lookAt(driver);
    done.set(driver, look);
    return look;
  }

  /** All of them, or as long after the first answer as is worth waiting. */
  async #untilEnough(asks: readonly Promise<DriverLook<Driver>>[]): Promise<void> {
    const enough = new AbortController();
    const answered = new Promise<void>((resolve) => {
      for (const ask of asks) void ask.then(({ error }) => (error === null ? resolve() : undefined));
    });
    await Promise.race([Promise.all(asks), answered.then(() => this.clock.sleep(PATIENCE_MS, enough.signal))]);
    enough.abort();
  }

  #leave(driver: Driver, ask: Promise<unknown> | undefined): DriverLook<Driver> {
    this.#late.add(driver);
    void ask?.then(() => this.#late.delete(driver));
    return stillAsked(driver);
  }
}

async function lookAt<Driver extends Looked>(driver: Driver): Promise<DriverLook<Driver>> {
  try {
    const { workloads, mute } = await driver.hypervisor.inventory();
    const [first] = mute;
    if (first) throw new OperationalError('timeout', first.why);
    return { driver, shown: workloads, error: null };
  } catch (error) {
    return { driver, shown: null, error };
  }
}

function stillAsked<Driver extends Looked>(driver: Driver): DriverLook<Driver> {
  return { driver, shown: null, error: new OperationalError('timeout', `${driver.name} was asked, and has not answered yet`) };
}
