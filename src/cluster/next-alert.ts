// What a target is to be sent next: events that it does not want are passed over, those that are too old are counted.
import { alertOf, skippedAlert, wants, type Alert, type AlertFilter, type AlertSource } from './alert.js';
import type { AlertCursor, SkippedAlerts } from './alert-cursor.js';
import type { ClusterEvent } from './cluster-event.js';

export interface NextAlertInput {
  readonly filter: AlertFilter;
  readonly source: AlertSource;
  readonly nowMs: number;
  /** An event that is older is not sent any more. */
  readonly maxAgeMs: number;
}

export interface NextAlert {
  /** As given, moved on over what is not sent. */
  readonly cursor: AlertCursor;
  /** Null: nothing for now. */
  readonly alert: Alert | null;
  /** Of the event that the alert is about; null: it is the summary of those that were skipped. */
  readonly seq: number | null;
  /** Those behind the cursor and the alert. */
  readonly rest: readonly ClusterEvent[];
}

/** `events`: those after the cursor, oldest first. What was skipped is told before what follows it. */
export function nextAlert(cursor: AlertCursor, events: readonly ClusterEvent[], { filter, source, nowMs, maxAgeMs }: NextAlertInput): NextAlert {
  let { seq, skipped } = cursor;
  let passed = 0;
  for (const event of events) {
    const wanted = wants(filter, event);
    if (wanted && nowMs - event.atMs <= maxAgeMs) break;
    if (wanted) skipped = withOneMore(skipped, event.seq);
    seq = event.seq;
    passed += 1;
  }
  const moved = passed === 0 ? cursor : { ...cursor, seq, skipped };
  const fresh = events[passed];
  if (skipped) return { cursor: moved, alert: skippedAlert(source, skipped, nowMs), seq: null, rest: events.slice(passed) };
  if (!fresh) return { cursor: moved, alert: null, seq: null, rest: [] };
  return { cursor: moved, alert: alertOf(source, fresh), seq: fresh.seq, rest: events.slice(passed + 1) };
}

function withOneMore(skipped: SkippedAlerts | null, seq: number): SkippedAlerts {
  return { count: (skipped?.count ?? 0) + 1, firstSeq: skipped?.firstSeq ?? seq, lastSeq: seq };
}
