// A question to a host that may be away.
import { OperationalError } from '../shared/errors.js';

/** Undefined: it can't be asked now. */
export async function unlessAway<Answer>(ask: () => Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return undefined;
  }
}
