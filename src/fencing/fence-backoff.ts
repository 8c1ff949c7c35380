// How long to wait after a failed fence: doubling, bounded, for ever.

/** Milliseconds after the `attempts`-th failure (1 is the first). */
export function fenceBackoffMs(attempts: number, firstMs: number, maxMs: number): number {
  if (attempts <= 0) return 0;
  return Math.min(maxMs, firstMs * 2 ** Math.min(attempts - 1, 30));
}
