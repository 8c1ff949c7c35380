// Virtual time: events in order of their time, those of one moment in the order they were asked for. The heart of the simulator.

export interface TimerEvent {
  readonly atMs: number;
  readonly order: number;
  /** Starts nothing asynchronous unless a port says so (`touch`): the microtasks are then not waited for. */
  readonly quiet: boolean;
  /** Null: cancelled. */
  run: (() => void) | null;
}

export class VirtualTime {
  #nowMs = 0;
  #orders = 0;
  #processed = 0;
  #touched = false;
  readonly #heap: TimerEvent[] = [];

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events that have run. */
  get processed(): number {
    return this.#processed;
  }

  /** Something asynchronous was started within a quiet event. */
  touch(): void {
    this.#touched = true;
  }

  after(ms: number, run: () => void, quiet = false): TimerEvent {
    const event: TimerEvent = { atMs: this.#nowMs + Math.max(0, ms), order: this.#orders++, quiet, run };
    push(this.#heap, event);
    return event;
  }

  /** Lets time pass up to this moment; `afterStep` looks at the world after every event. */
  async runUntil(untilMs: number, afterStep: () => void): Promise<void> {
    await microtasks();
    for (let event = this.#heap[0]; event && event.atMs <= untilMs; event = this.#heap[0]) {
      pop(this.#heap);
      if (event.run === null) continue;
      this.#nowMs = event.atMs;
      this.#processed += 1;
      this.#touched = false;
      event.run();
      if (!event.quiet || this.#touched) await microtasks();
      afterStep();
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }
}

/** So many waits between two turns of the real event loop: whoever watches the run from there is not starved. */
const BREATH = 1_000;
let waits = 0;

/** All promises that can settle now have settled when this has: a tick that is asked for by one of them comes when there is none left. Nothing simulated waits for the real loop, whose turns cost more than most steps. */
function microtasks(): Promise<void> {
  waits += 1;
  return new Promise(waits % BREATH === 0 ? breathe : settle);
}

const breathe = (resolve: () => void): void => void setImmediate(resolve);
const settle = (resolve: () => void): void => process.nextTick(resolve);

const before = (one: TimerEvent, other: TimerEvent): boolean => one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);

function push(heap: TimerEvent[], event: TimerEvent): void {
  let at = heap.length;
  heap.push(event);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent] as TimerEvent;
    if (!before(event, above)) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = event;
}

function pop(heap: TimerEvent[]): void {
  const last = heap.pop() as TimerEvent;
  if (heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1] as TimerEvent, heap[child] as TimerEvent)) child += 1;
    if (!before(heap[child] as TimerEvent, last)) break;
    heap[at] = heap[child] as TimerEvent;
    at = child;
  }
  heap[at] = last;
}
