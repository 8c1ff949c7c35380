// SentTimes: when we sent which of our messages, so that an acknowledgement is dated by our own clock.
// Its sender's word about its age would not do: a heartbeat that was held back on the way says the same as a fresh one.

/** Beats that are remembered. At the shortest interval they still cover the shortest window several times over. */
const KEPT_BEATS = 256;

export class SentTimes {
  readonly #beats: { readonly firstSequence: number; readonly atMs: number }[] = [];

  /** All messages from this sequence on were sent now. */
  record(firstSequence: number, nowMs: number): void {
    this.#beats.push({ firstSequence, atMs: nowMs });
    if (this.#beats.length > KEPT_BEATS) this.#beats.shift();
  }

  /** Null when it is too long ago to be remembered, or was never sent. */
  sentAtMs(sequence: number): number | null {
    return this.#beats.findLast((beat) => beat.firstSequence <= sequence)?.atMs ?? null;
  }
}
