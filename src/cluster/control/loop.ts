// A periodic loop of a replica: has a name and an interval, and does not run into itself.

export interface Loop {
  readonly name: string;
  readonly everyMs: number;
  /** Never throws. */
  readonly run: () => Promise<void> | void;
}

/** A run that takes longer than its interval is not run beside itself. */
export function alone(run: Loop['run']): () => void {
  let busy = false;
  return () => {
    if (busy) return;
    busy = true;
    const done = run();
    if (!done) busy = false;
    else void done.finally(() => (busy = false));
  };
}
