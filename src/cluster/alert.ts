// Alerts: what is told to people outside, made from events. Which events a target wants, and how an alert looks.
import type { ClusterEvent } from './cluster-event.js';

export type Severity = ClusterEvent['severity'];

/** From the least to the gravest. */
export const SEVERITIES: readonly Severity[] = ['info', 'notice', 'warning', 'alert'];

/** As it is sent: this object, as JSON. Fields may be added; none changes its meaning. */
export interface Alert {
  /** The same however often it is sent: receivers drop those that they know. */
  readonly id: string;
  /** Name of the cluster. */
  readonly cluster: string;
  /** Of the event, rising; null: it is about delivery itself, no event. */
  readonly seq: number | null;
  /** Dotted, as the event's. */
  readonly type: string;
  readonly severity: Severity;
  /** Names; null: it is about none. */
  readonly host: string | null;
  readonly workload: string | null;
  readonly operation: string | null;
  /** A sentence for people. */
  readonly why: string;
  /** When it happened: ISO 8601, UTC, with milliseconds. */
  readonly at: string;
}

/** Whose alerts. Names may be alike in two places, ids are not. */
export interface AlertSource {
  readonly clusterId: string;
  readonly cluster: string;
}

export interface AlertFilter {
  /** Of the target. */
  readonly target: string;
  readonly least: Severity;
  /** `host.*`, `workload.error`; an asterisk stands for anything. Null: every type. */
  readonly types: readonly string[] | null;
}

/** Events about delivery to a target, which that target is not told: what fails would feed itself. */
export const DELIVERY_FAILING = 'alert.delivery-failing';
export const DELIVERY_WORKS = 'alert.delivery-works';
export const SKIPPED = 'alert.skipped';
export const TEST = 'alert.test';

export function wants({ target, least, types }: AlertFilter, { type, severity, data }: Pick<ClusterEvent, 'type' | 'severity' | 'data'>): boolean {
  if ((type === DELIVERY_FAILING || type === DELIVERY_WORKS) && data['target'] === target) return false;
  if (SEVERITIES.indexOf(severity) < SEVERITIES.indexOf(least)) return false;
  return types === null || types.some((pattern) => matches(pattern, type));
}

function matches(pattern: string, type: string): boolean {
  const literal = pattern.split('*').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${literal.join('.*')}$`).test(type);
}

export function alertOf({ clusterId, cluster }: AlertSource, { seq, type, severity, host, workload, operationId, message, atMs }: ClusterEvent): Alert {
  return { id: `${clusterId}-${seq}`, cluster, seq, type, severity, host, workload, operation: operationId, why: message, at: moment(atMs) };
}

/** Severity alert: a test that does not go the way of the real ones tests nothing. `nonce` makes one test another than the last. */
export function testAlert({ clusterId, cluster }: AlertSource, { by, nowMs, nonce }: { readonly by: string; readonly nowMs: number; readonly nonce: string }): Alert {
  const why = `a test by ${by}: alerts of the cluster ${cluster} arrive here`;
  return { id: `${clusterId}-test-${nonce}`, cluster, seq: null, type: TEST, severity: 'alert', host: null, workload: null, operation: null, why, at: moment(nowMs) };
}

/** Instead of alerts that nobody needs any more: how many, and where to read them. */
export function skippedAlert({ clusterId, cluster }: AlertSource, { count, firstSeq, lastSeq }: { readonly count: number; readonly firstSeq: number; readonly lastSeq: number }, nowMs: number): Alert {
  const why = `${count} ${count === 1 ? 'alert was' : 'alerts were'} too old to be sent once this target could be reached; \`reeve events --after ${firstSeq - 1}\` shows them`;
  return { id: `${clusterId}-skipped-${firstSeq}-${lastSeq}`, cluster, seq: null, type: SKIPPED, severity: 'alert', host: null, workload: null, operation: null, why, at: moment(nowMs) };
}

const moment = (ms: number): string => new Date(ms).toISOString();
