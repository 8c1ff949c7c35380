// The clock port: nothing in domain code reads the time by itself.

export interface Clock {
  /** Wall clock, milliseconds since 1970. For showing to people, never for deciding a timeout. */
  nowMs(): number;
  /** Monotonic clock, milliseconds since an arbitrary start. */
  monotonicMs(): number;
  /** Resolves after `ms`, or at once when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
