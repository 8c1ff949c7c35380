// A simulated process: its own clocks, timers that die with it, and calls whose answers never come once it is dead.
import type { Clock, Timers } from '../../shared/clock.js';
import type { TimerEvent, VirtualTime } from './virtual-time.js';

export interface ProcessClocks {
  /** Its wall clock against the true one. */
  readonly wallOffsetMs: number;
  /** Its timers run so much faster than true ones: 50e-6 is 50 ppm. Its wall clock too, as far as NTP lets it. */
  readonly drift: number;
}

/** Wall clocks show a date, not 1970. */
export const EPOCH_MS = 1_700_000_000_000;

/** However fast a machine counts, its date is kept together with the others'. */
const MOST_WALL_DRIFT = 50e-6;

/** Periodic timers are as coarse as on a busy machine, within what the product counts as no stall: every step costs. */
const LEAST_PERIOD_MS = 125;

/** Datagrams that a paused process finds in its socket when it goes on; more are lost. */
const SOCKET_DATAGRAMS = 256;

export class SimProcess {
  readonly clock: Clock & Timers;
  #alive = true;
  #paused = false;
  #resume: TimerEvent | null = null;
  readonly #held: (() => void)[] = [];
  readonly #datagrams: (() => void)[] = [];

  constructor(
    readonly time: VirtualTime,
    readonly name: string,
    clocks: ProcessClocks,
  ) {
    const rate = 1 + clocks.drift;
    const wallRate = 1 + Math.max(-MOST_WALL_DRIFT, Math.min(MOST_WALL_DRIFT, clocks.drift));
    const startedAtMs = time.nowMs;
    this.clock = {
      nowMs: () => Math.floor(EPOCH_MS + clocks.wallOffsetMs + time.nowMs * wallRate),
      // Not from zero: nobody may take a monotonic time for an age.
      monotonicMs: () => 10_000 + (time.nowMs - startedAtMs) * rate,
      sleep: (ms, signal) => this.#sleep(ms / rate, signal),
      after: (ms, run) => this.#after(ms / rate, run),
      every: (ms, run) => this.#every(Math.max(ms, LEAST_PERIOD_MS) / rate, run),
    };
  }

  get alive(): boolean {
    return this.#alive;
  }

  get isPaused(): boolean {
    return this.#paused;
  }

  /** Killed at whatever it waits for: no line of it runs any more. */
  kill(): void {
    this.#alive = false;
    this.#held.length = 0;
    this.#datagrams.length = 0;
  }

  /** Stops the world of this process; null: until `resume`. */
  pause(ms: number | null): void {
    this.#paused = true;
    if (this.#resume) this.#resume.run = null;
    this.#resume = ms === null ? null : this.time.after(ms, () => this.resume());
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    // As an event loop does it: timers that are due, then the socket.
    for (const run of [...this.#held.splice(0), ...this.#datagrams.splice(0)]) this.time.after(0, () => this.#alive && run());
  }

  /** A call through a port. Its answer is seen by a living process only, and by a paused one when it goes on. */
  call<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    this.time.touch();
    if (!this.#alive) return new Promise(() => undefined);
    return new Promise((resolve, reject) => {
      ask().then(
        (answer) => this.enter(() => resolve(answer)),
        (error: unknown) => this.enter(() => reject(error instanceof Error ? error : new Error(String(error)))),
      );
    });
  }

  /** Something arrives from outside: now, or when the process goes on; never when it is dead. */
  enter(run: () => void): void {
    if (!this.#alive) return;
    this.time.touch();
    if (this.#paused) this.#held.push(run);
    else run();
  }

  /** A datagram: lost when the process is dead or its socket full. */
  receive(run: () => void): void {
    if (!this.#alive) return;
    if (!this.#paused) run();
    else if (this.#datagrams.length < SOCKET_DATAGRAMS) this.#datagrams.push(run);
  }

  /** Every method of a port, called through this process. `own` holds what is answered without a call. */
  through<Port extends object>(port: Port, own: Partial<Port> = {}): Port {
    return new Proxy(port, {
      get: (target, key, receiver) => {
        if (Object.hasOwn(own, key)) return Reflect.get(own, key, receiver) as unknown;
        const value = Reflect.get(target, key, target) as unknown;
        if (typeof value !== 'function') return value;
        return (...values: readonly unknown[]) => this.call(async () => (await Reflect.apply(value, target, values)) as unknown);
      },
    });
  }

  #sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.time.touch();
    return new Promise((resolve) => {
      if (signal?.aborted) {
        resolve();
        return;
      }
      const done = (): void => {
        event.run = null;
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const event = this.time.after(ms, () => this.enter(done));
      signal?.addEventListener('abort', done, { once: true });
    });
  }

  #after(ms: number, run: () => void): () => void {
    let stopped = false;
    const event = this.time.after(ms, () => this.#fire(() => !stopped && run()), true);
    return () => {
      stopped = true;
      event.run = null;
    };
  }

  /** As setInterval: a paused process gets one call when it goes on, however many it has missed. */
  #every(ms: number, run: () => void): () => void {
    let stopped = false;
    let waiting = false;
    let event: TimerEvent;
    const fire = (): void => {
      waiting = false;
      if (!stopped) run();
    };
    const due = (): void => {
      if (stopped || !this.#alive) return;
      event = this.time.after(ms, due, true);
      if (waiting) return;
      waiting = true;
      this.#fire(fire);
    };
    event = this.time.after(ms, due, true);
    return () => {
      stopped = true;
      event.run = null;
    };
  }

  #fire(run: () => void): void {
    if (!this.#alive) return;
    if (this.#paused) this.#held.push(run);
    else run();
  }
}
