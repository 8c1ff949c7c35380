// How it stands with a target, for people: what it was sent, what waits, what is wrong.
import type { AlertFailure, KeptCursor } from './alert-cursor.js';
import { wants, type Severity } from './alert.js';
import type { ClusterEvent } from './cluster-event.js';
import type { Problem } from './diagnose.js';
import type { AlertTarget } from './notifier.js';

export interface AlertTargetState {
  readonly name: string;
  /** Without secrets. */
  readonly to: string;
  readonly least: Severity;
  readonly types: readonly string[] | null;
  /** Of the last alert or test that it took. */
  readonly lastSuccessAtMs: number | null;
  /** Alerts that it has not got yet. */
  readonly waiting: number;
  /** There are more, which were not counted. */
  readonly moreWait: boolean;
  readonly oldestWaitingAtMs: number | null;
  /** Null: the last try succeeded, or there was none. */
  readonly failure: AlertFailure | null;
}

/** `events`: the next ones after the cursor, oldest first; `areAll`: and there are no more. Without a cursor nothing waits: it begins at now. */
export function alertTargetState({ target, least, types, notifier }: AlertTarget, cursor: KeptCursor | null, { events, areAll }: { readonly events: readonly ClusterEvent[]; readonly areAll: boolean }): AlertTargetState {
  const waiting = cursor === null ? [] : events.filter((event) => wants({ target, least, types }, event));
  const successes = [cursor?.lastSuccessAtMs, cursor?.testedAtMs].filter((at) => typeof at === 'number');
  return {
    name: target, to: notifier.describe, least, types, lastSuccessAtMs: successes.length === 0 ? null : Math.max(...successes),
    waiting: waiting.length, moreWait: cursor !== null && !areAll, oldestWaitingAtMs: waiting[0]?.atMs ?? null, failure: cursor === null ? null : standing(cursor),
  };
}

/** A failure that no later test has disproved. */
function standing({ failure, testedAtMs }: KeptCursor): AlertFailure | null {
  return failure !== null && testedAtMs !== null && testedAtMs > failure.lastAtMs ? null : failure;
}

export function alertProblems(states: readonly AlertTargetState[]): readonly Problem[] {
  return states.flatMap(({ name, to, failure, lastSuccessAtMs, waiting, moreWait }): readonly Problem[] => {
    const remedy = `reeve alert test ${name}`;
    if (failure !== null) {
      const missing = `${moreWait ? 'more than ' : ''}${waiting} wait`;
      return [{ code: 'alerts-failing', severity: 'alert', about: name, evidence: `alerts do not arrive (${failure.attempts} ${failure.attempts === 1 ? 'try' : 'tries'}, ${missing}): ${failure.why}`, remedy }];
    }
    if (lastSuccessAtMs === null) return [{ code: 'alerts-untried', severity: 'warning', about: name, evidence: `nothing was sent to it yet (${to}): nobody knows whether alerts arrive there`, remedy }];
    return [];
  });
}
