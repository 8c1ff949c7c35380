// How far each target was told, as it is kept; and what a success or a failure makes of that.
import { DELIVERY_FAILING, DELIVERY_WORKS } from './alert.js';
import { event, type NewClusterEvent } from './cluster-event.js';

export interface AlertFailure {
  readonly sinceMs: number;
  /** In a row, the last one included. */
  readonly attempts: number;
  readonly why: string;
  readonly lastAtMs: number;
  readonly nextAtMs: number;
}

export interface SkippedAlerts {
  readonly count: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
}

export interface AlertCursor {
  readonly target: string;
  /** Events up to this one were sent, not wanted, or skipped. */
  readonly seq: number;
  readonly lastSuccessAtMs: number | null;
  /** Null: the last try succeeded, or there was none. */
  readonly failure: AlertFailure | null;
  /** Too old to be sent, and not told yet that they were. */
  readonly skipped: SkippedAlerts | null;
}

/** With the last test by a person that succeeded, which is no delivery. */
export interface KeptCursor extends AlertCursor {
  readonly testedAtMs: number | null;
}

/** The AlertCursors port: durable, one cursor for each target of the cluster. */
export interface AlertCursors {
  list(): Promise<readonly KeptCursor[]>;
  /**
   * Writes the cursor, and the events with it, in one transaction. False: another leader than `leaderEpoch` leads by now, or the target is
   * further already; nothing was written.
   */
  save(cursor: AlertCursor, at: { readonly leaderEpoch: number; readonly events: readonly NewClusterEvent[] }): Promise<boolean>;
  /** Remembers a successful test. Without effect on a target that has no cursor yet. */
  tested(target: string, atMs: number): Promise<void>;
}

export interface Settled {
  readonly cursor: AlertCursor;
  readonly events: readonly NewClusterEvent[];
}

const FIRST_WAIT_MS = 1_000;
/** Tries never end: the longest wait is what a person who repaired the target waits for. */
const LONGEST_WAIT_MS = 5 * 60_000;
/** One failure that the next try a second later makes good is no news. */
const TOLD_AT_ATTEMPT = 2;

/** Milliseconds from the `attempts`-th failure in a row (1 is the first) to the next try. */
export function alertWaitMs(attempts: number): number {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(Math.max(0, attempts - 1), 30));
}

/** A target that is new here begins at now: what was before it is not its business. */
export function newCursor(target: string, newestSeq: number): AlertCursor {
  return { target, seq: newestSeq, lastSuccessAtMs: null, failure: null, skipped: null };
}

/** A test that succeeded after the last failure makes it due at once; so does a clock that was set back, rather than hold it up. */
export function isDue({ failure, testedAtMs }: Pick<KeptCursor, 'failure' | 'testedAtMs'>, nowMs: number): boolean {
  if (failure === null || nowMs >= failure.nextAtMs) return true;
  return nowMs < failure.nextAtMs - LONGEST_WAIT_MS || (testedAtMs !== null && testedAtMs > failure.lastAtMs);
}

/** `seq`: of the event that was sent; null: it was the summary of those that were skipped. */
export function succeeded(cursor: AlertCursor, seq: number | null, nowMs: number): Settled {
  const { target, failure } = cursor;
  const events = failure !== null && failure.attempts >= TOLD_AT_ATTEMPT ? [event(DELIVERY_WORKS, `alerts reach ${target} again, after ${failure.attempts} tries`, { severity: 'notice', data: { target } })] : [];
  return { cursor: { ...cursor, seq: seq ?? cursor.seq, skipped: seq === null ? null : cursor.skipped, lastSuccessAtMs: nowMs, failure: null }, events };
}

export function failed(cursor: AlertCursor, why: string, nowMs: number): Settled {
  const { target } = cursor;
  const attempts = (cursor.failure?.attempts ?? 0) + 1;
  const failure = { sinceMs: cursor.failure?.sinceMs ?? nowMs, attempts, why, lastAtMs: nowMs, nextAtMs: nowMs + alertWaitMs(attempts) };
  const events = attempts === TOLD_AT_ATTEMPT ? [event(DELIVERY_FAILING, `alerts do not reach ${target}: ${why}; \`reeve alert list\``, { severity: 'alert', data: { target } })] : [];
  return { cursor: { ...cursor, failure }, events };
}
