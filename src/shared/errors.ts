// Errors are named by who must act: the caller, the operator of the hosts, or we.

/** The caller asked for something that can't be: one clear line, naming the field and what would be right. */
export class UserError extends Error {
  override readonly name = 'UserError';
  constructor(
    readonly code: 'invalid' | 'not-found' | 'conflict' | 'refused' | 'unauthorized',
    message: string,
    readonly remedy: string | null = null,
  ) {
    super(message);
  }
}

/** What is in the way is ours, and over in a moment: asked again, it may be granted. */
export class PassingConflict extends UserError {
  constructor(message: string, remedy: string | null = null) {
    super('conflict', message, remedy);
  }
}

export type OperationalCode =
  | 'unreachable' // no connection to the host, or the connection broke
  | 'timeout' // no answer within the named bound; the effect is unknown
  | 'guard-refused' // the guard on the host refused an old epoch or an unadmitted boot
  | 'locked' // a storage lock is held by someone else: a safety signal, never force
  | 'not-found' // the thing is not there
  | 'no-data' // the data that it would need are not there, and are elsewhere or nowhere
  | 'already' // it is already so
  | 'busy' // a limit on the far side; retry later
  | 'unsupported'
  | 'failed'; // any other refusal by the far side, with its words

/** The world outside refused or did not answer. After one of these, ask what is true before acting. */
export class OperationalError extends Error {
  override readonly name = 'OperationalError';
  constructor(
    readonly code: OperationalCode,
    message: string,
    readonly remedy: string | null = null,
  ) {
    super(message);
  }
  get retryable(): boolean {
    return this.code === 'unreachable' || this.code === 'timeout' || this.code === 'busy';
  }
}

/** Our own mistake: a state that can't be. */
export class Defect extends Error {
  override readonly name = 'Defect';
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** For a sentence. */
export const withRemedy = ({ message, remedy }: OperationalError): string => (remedy === null ? message : `${message} (${remedy})`);
