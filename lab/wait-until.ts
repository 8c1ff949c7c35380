// Waits on a condition, never a sleep: polls until it gives a value, within a named bound.

/** Polls `look` every `everyMs` until it returns something other than null/undefined/false. Throws with `what` and the last state. */
export async function waitUntil<T>(what: string, look: () => Promise<T | null | undefined | false>, { timeoutMs = 30_000, everyMs = 50, describe }: { readonly timeoutMs?: number; readonly everyMs?: number; readonly describe?: () => Promise<string> } = {}): Promise<T> {
  const until = performance.now() + timeoutMs;
  let last = '';
  for (;;) {
    try {
      const found = await look();
      if (found !== null && found !== undefined && found !== false) return found;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    if (performance.now() > until) {
      const state = describe ? await describe().catch((error: unknown) => String(error)) : '';
      throw new Error(`waited ${timeoutMs} ms for: ${what}${last ? `; last error: ${last}` : ''}${state ? `\n${state}` : ''}`);
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
