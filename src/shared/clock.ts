// The clock port: nothing in domain code reads the time by itself.

export interface Clock {
  /** Wall clock, milliseconds since 1970. For showing to people, never for deciding a timeout. */
  nowMs(): number;
  /** Monotonic clock, milliseconds since an arbitrary start. */
  monotonicMs(): number;
  /** Resolves after `ms`, or at once when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Timers of a process with a life of its own. What they call never throws. */
export interface Timers {
  /** Calls every `ms`, the first time after `ms`; returns its stop. */
  every(ms: number, run: () => void): () => void;
  /** Calls once after `ms`; returns its stop. */
  after(ms: number, run: () => void): () => void;
}
