// Endings: what follows from the outcome of each kind of operation, as changes in the same transaction.
import type { Host } from '../hosts/host.js';
import type { HostFacts } from '../hosts/host-facts.js';
import type { WorkflowOutcome } from '../shared/workflow.js';
import { movesLive, NO_FAILURES, type Workload, type WorkloadFailures } from '../workloads/workload.js';
import type { Change, WorkloadFields } from './change.js';
import { event, type ClusterEvent } from './cluster-event.js';
import { LEFT_STOPPED } from '../migration/start-at-source.js';
import { UNLEASED } from '../migration/run-cold-relocation.js';
import { STOPPED_BY_HAND } from '../migration/run-copy-relocation.js';
import { healingNews } from './healing.js';
import type { HostId } from '../shared/ids.js';
import { runsUnderLease } from './runs-under-lease.js';
import { provenOff } from './commands/host-commands.js';
import type { Operation } from './operation.js';
import type { Ending } from './run-operation.js';

type Outcome = WorkflowOutcome;

export interface WorkloadCase {
  readonly operation: Operation;
  readonly workload: Workload;
  readonly outcome: Outcome;
  readonly nowMs: number;
}

export function ending(outcome: Outcome, changes: readonly Change[]): Ending {
  if (outcome.kind === 'succeeded') return { state: 'succeeded', code: null, why: outcome.note, changes };
  return { state: outcome.kind, code: outcome.code, why: outcome.why, changes };
}

/** As in the tokens of the operation that put it there. */
const leasedOn = (workload: Workload, host: Host): HostId | null => (runsUnderLease(workload, host) ? host.id : null);

const set = (workload: Workload, fields: WorkloadFields): Change => ({ change: 'workload', id: workload.id, set: fields });

/** Where it runs now there is no copy of it any more; what it left behind in order is one. */
function replicaAfter({ replica, replication }: Workload, target: Host, { left = null, memo = {} }: { readonly left?: Host | null; readonly memo?: Readonly<Record<string, unknown>> } = {}): WorkloadFields {
  const { copiedAsOfMs } = memo;
  if (replication !== null && left !== null) return { replica: { hostId: left.id, asOfMs: typeof copiedAsOfMs === 'number' ? copiedAsOfMs : null, triedAtMs: 0, why: null, isToldLate: false } };
  return replica?.hostId === target.id ? { replica: null } : {};
}

/** What is lost is told with what was saved. */
function fromCopy({ workload: { replica, needs }, target, nowMs }: WorkloadCase & { readonly target: Host }): string {
  if (needs.instance === null || replica?.hostId !== target.id || replica.asOfMs === null) return '';
  return `, as it was ${Math.max(0, Math.round((nowMs - replica.asOfMs) / 1000))} s ago: what it wrote since is not in this copy`;
}

/** Somebody was to start it from there, and it has none. */
function replicaIsNone({ replica }: Workload, target: Host, code: string): WorkloadFields {
  return code === 'data-missing' && replica?.hostId === target.id ? { replica: { ...replica, asOfMs: null, why: `${target.name} has no whole copy of it` } } : {};
}

/** What is told of one workload's operation: the event's type, its sentence, and how bad it is. */
type Told = readonly [type: string, message: string, severity: ClusterEvent['severity'], data?: Readonly<Record<string, unknown>>];

function tell(operation: Operation, workload: Workload, [type, message, severity, data = {}]: Told): Change {
  return { change: 'event', event: event(type, message, { severity, workload: workload.name, operationId: operation.id, data }) };
}

/** Tries are counted when they are decided; here it is kept that the last one failed, where and when. */
function failedOn(failures: WorkloadFailures, host: Host, nowMs: number): WorkloadFailures {
  const failedHostIds = failures.failedHostIds.includes(host.id) ? failures.failedHostIds : [...failures.failedHostIds, host.id];
  return { ...failures, failedHostIds, lastAtMs: nowMs };
}

/** Nothing was tried at the target: it could not be reached, or a newer command governs. That is not the workload's failure. */
const NOT_TRIED: ReadonlySet<string> = new Set(['target-unreachable', 'target-lost', 'guard-refused', 'no-proof', 'data-missing']);
/** Waits for a person: nobody knows what is true, or something else uses the disk. */
const needsPerson = (outcome: Exclude<Outcome, { kind: 'succeeded' }>): boolean => outcome.kind === 'unknown' || outcome.code === 'storage-locked';

/** After a start or recovery: running there, or one failure more; `unknown` waits for a person. */
export function startEnding(one: WorkloadCase & { readonly target: Host; readonly from: Host | null }): Ending {
  const { operation, workload, outcome, target, from } = one;
  if (outcome.kind === 'succeeded') {
    const elsewhere = from && from.id !== target.id;
    const copied = elsewhere ? fromCopy(one) : '';
    const message = elsewhere ? `${workload.name} is recovered from ${from.name} on ${target.name}${copied}` : `${workload.name} runs on ${target.name}`;
    const type = elsewhere ? 'workload.recovered' : 'workload.started';
    return ending(outcome, [
      set(workload, { state: 'running', hostId: target.id, leasedOn: leasedOn(workload, target), why: null, isDefinedAtHome: true, ...replicaAfter(workload, target) }),
      tell(operation, workload, [type, message, 'notice', { from: from?.name ?? null, to: target.name, proof: operation.proof?.kind ?? null }]),
    ]);
  }
  if (outcome.kind === 'cancelled') return ending(outcome, [set(workload, { state: workload.desired === 'running' ? 'waiting' : 'stopped', why: outcome.why })]);
  // The target stopped answering in the middle: it may run there, so that host is its home now until it answers or is proven off.
  if (outcome.kind === 'unknown' && outcome.code === 'target-unknown') return ending(outcome, [set(workload, { state: 'awaiting-fence', hostId: target.id, leasedOn: leasedOn(workload, target), isDefinedAtHome: false, why: outcome.why })]);
  const givesUp = needsPerson(outcome);
  if (outcome.code === 'data-missing' && workload.hostId === target.id) return ending(outcome, [set(workload, { state: 'missing', why: outcome.why })]);
  const why = `start on ${target.name} failed: ${outcome.why}`;
  return ending(outcome, [
    set(workload, { state: givesUp ? 'error' : 'waiting', why, ...(givesUp ? {} : afterFailedStart(one, outcome.code)) }),
    tell(operation, workload, [givesUp ? 'workload.error' : 'workload.start-failed', `${workload.name}: ${why}`, givesUp ? 'alert' : 'warning', { host: target.name, code: outcome.code }]),
  ]);
}

/**
 * It surely does not run at the target, where it was tried: that is its home from now on, and further tries count from there.
 * Its old home is proven off, or was asked and does not run it. One that is copied keeps its home until it has run elsewhere: the newest data are there.
 */
function afterFailedStart({ workload, target, nowMs }: WorkloadCase & { readonly target: Host }, code: string): WorkloadFields {
  const failures = failedOn(workload.failures, target, nowMs);
  if (NOT_TRIED.has(code)) return { failures: { ...failures, lastAtMs: workload.failures.lastAtMs }, ...replicaIsNone(workload, target, code) };
  return { failures, ...(workload.hostId === target.id || !movesLive(workload) ? {} : { hostId: target.id, leasedOn: leasedOn(workload, target), isDefinedAtHome: false }) };
}

/** After a move: at the target, still at the source, or a person must look. A failed move leaves it running. */
export function moveEnding(one: WorkloadCase & { readonly source: Host; readonly target: Host }): Ending {
  const { operation, workload, outcome, source, target, nowMs } = one;
  if (operation.params['isCold'] === true) return coldMoveEnding(one);
  if (outcome.kind === 'succeeded') {
    const how = operation.kind === 'migrate' ? 'live' : 'cold';
    const cause = typeof operation.params['cause'] === 'string' ? operation.params['cause'] : 'operator';
    // What moved live has left nothing behind.
    const left = operation.kind === 'relocate' ? source : null;
    return ending(outcome, [
      set(workload, { state: 'running', hostId: target.id, leasedOn: outcome.memo['unleased'] === true ? null : leasedOn(workload, target), why: null, isDefinedAtHome: true, ...(cause === 'operator' ? { movedByHandAtMs: nowMs } : {}), ...replicaAfter(workload, target, { left, memo: outcome.memo }) }),
      tell(operation, workload, ['workload.moved', `${workload.name} moved from ${source.name} to ${target.name} (${how}; ${cause})`, 'notice', { from: source.name, to: target.name, how, cause, ...numbersOf(outcome.memo) }]),
    ]);
  }
  const why = `move to ${target.name} ${outcome.kind === 'cancelled' ? 'cancelled' : 'failed'}: ${outcome.why}`;
  const stopped = leftStoppedEnding(one, outcome, why);
  if (stopped) return stopped;
  if (outcome.code === STOPPED_BY_HAND) return ending(outcome, [set(workload, { state: 'stopped', why: outcome.why }), tell(operation, workload, ['workload.move-failed', `${workload.name}: ${why}`, 'notice', { from: source.name, to: target.name, code: outcome.code }])]);
  if (mayRunAtTarget(operation, outcome)) return ending(outcome, [set(workload, { state: 'awaiting-fence', hostId: target.id, leasedOn: operation.kind === 'migrate' && !movesLive(workload) ? null : leasedOn(workload, target), isDefinedAtHome: false, why }), tell(operation, workload, ['workload.move-failed', `${workload.name}: ${why}`, 'warning', { from: source.name, to: target.name, code: outcome.code }])]);
  if (outcome.kind === 'unknown') {
    return ending(outcome, [set(workload, { state: 'error', why }), tell(operation, workload, ['workload.error', `${workload.name}: ${why}`, 'alert', { code: outcome.code }])]);
  }
  if (operation.params['isRestart'] === true) return restartEnding(one, outcome, why);
  const lost = outcome.code === 'source-lost' || source.condition === 'fenced';
  return ending(outcome, [
    set(workload, lost ? { state: 'awaiting-fence', why } : { state: 'running', why: null }),
    tell(operation, workload, ['workload.move-failed', `${workload.name}: ${why}${lost ? '' : `; it runs on at ${source.name}`}`, 'warning', { from: source.name, to: target.name, code: outcome.code }]),
  ]);
}

/**
 * It did not run and was not to be started: it is stopped, here or there; only where it is may be unknown. Why it is stopped stays said. `workload`: as it is now;
 * who wants it running by now has only said so, as long as it was moved.
 */
function coldMoveEnding({ operation, workload, outcome, source, target }: WorkloadCase & { readonly source: Host; readonly target: Host }): Ending {
  const isWanted = workload.desired === 'running' && operation.params['wasDesired'] !== 'running';
  const left: WorkloadFields = isWanted ? { state: 'waiting', why: 'it is wanted running', failures: NO_FAILURES } : { state: 'stopped' };
  if (outcome.kind === 'succeeded') {
    return ending(outcome, [
      set(workload, { ...left, hostId: target.id, leasedOn: outcome.memo[UNLEASED] === true ? null : leasedOn(workload, target), isDefinedAtHome: true, ...replicaAfter(workload, target, { left: source, memo: outcome.memo }) }),
      tell(operation, workload, ['workload.moved', `${workload.name} moved from ${source.name} to ${target.name} (stopped as it is; operator)`, 'notice', { from: source.name, to: target.name, how: 'stopped', cause: 'operator' }]),
    ]);
  }
  const why = `move to ${target.name} ${outcome.kind === 'cancelled' ? 'cancelled' : 'failed'}: ${outcome.why}`;
  const isUnknown = outcome.kind === 'unknown';
  return ending(outcome, [
    set(workload, isUnknown ? { state: 'error', why } : left),
    tell(operation, workload, [isUnknown ? 'workload.error' : 'workload.move-failed', `${workload.name}: ${why}`, isUnknown ? 'alert' : 'warning', { from: source.name, to: target.name, code: outcome.code }]),
  ]);
}

/**
 * It was stopped for the move, surely runs nowhere else, and its source has not said that it started it again: it waits there for its start, or for its recovery once
 * that host is proven off. Should it run there after all, that is seen.
 */
function leftStoppedEnding({ operation, workload, source, target }: WorkloadCase & { readonly source: Host; readonly target: Host }, outcome: Exclude<Outcome, { kind: 'succeeded' }>, why: string): Ending | null {
  const left = outcome.kind !== 'unknown' ? outcome.memo[LEFT_STOPPED] : operation.kind === 'relocate' && outcome.code === 'host-unknown' ? 'it was started nowhere else' : null;
  if (typeof left !== 'string') return null;
  const state = workload.desired === 'running' ? 'waiting' : 'stopped';
  return ending(outcome, [
    set(workload, { state, why: `${why}; ${left}`, failures: { ...workload.failures, lastAtMs: null } }),
    tell(operation, workload, ['workload.move-failed', `${workload.name}: ${why}; ${left}`, 'warning', { from: source.name, to: target.name, code: outcome.code }]),
  ]);
}

/** A start may be under way there, and nobody can be asked: that host is its home until it answers or is proven off. */
function mayRunAtTarget({ kind }: Operation, outcome: Exclude<Outcome, { kind: 'succeeded' }>): boolean {
  if ((kind !== 'relocate' && kind !== 'migrate') || outcome.kind !== 'unknown') return false;
  return outcome.code === 'target-unknown' || (outcome.code === 'undo-failed' && outcome.memo['promoting'] === true);
}

/** Codes of a target that never got as far as trying it. */
const TRIED_THERE: ReadonlySet<string> = new Set(['start-failed', 'ended-at-once', 'define-failed']);

/** It did not run before this move, so it does not run on: it waits for the next try, there or where it was. */
function restartEnding({ operation, workload, source, target, nowMs }: WorkloadCase & { readonly source: Host; readonly target: Host }, outcome: Exclude<Outcome, { kind: 'succeeded' }>, why: string): Ending {
  const failures = failedOn(workload.failures, target, nowMs);
  const home = TRIED_THERE.has(outcome.code) && movesLive(workload) ? { hostId: target.id, leasedOn: leasedOn(workload, target), isDefinedAtHome: false } : {};
  const givesUp = needsPerson(outcome);
  return ending(outcome, [
    set(workload, { state: givesUp ? 'error' : 'waiting', why, failures, ...(givesUp ? {} : home) }),
    tell(operation, workload, [givesUp ? 'workload.error' : 'workload.start-failed', `${workload.name}: ${why}`, givesUp ? 'alert' : 'warning', { from: source.name, host: target.name, code: outcome.code }]),
  ]);
}

function numbersOf(memo: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(memo).filter(([, value]) => typeof value === 'number' || value === null));
}

export function stopEnding({ operation, workload, outcome }: WorkloadCase): Ending {
  if (outcome.kind === 'succeeded') return ending(outcome, [set(workload, { state: 'stopped', why: null, failures: NO_FAILURES }), tell(operation, workload, ['workload.stopped', `${workload.name} is stopped`, 'notice'])]);
  return ending(outcome, [set(workload, { state: 'running', why: `stop failed: ${outcome.why}` })]);
}

export function deleteEnding({ operation, workload, outcome }: WorkloadCase): Ending {
  if (outcome.kind === 'succeeded') return ending(outcome, [{ change: 'remove-workload', id: workload.id }, tell(operation, workload, ['workload.deleted', `${workload.name} is deleted`, 'notice'])]);
  return ending(outcome, [set(workload, { why: `delete failed: ${outcome.why}` })]);
}

/** A workload that could not be created is removed again: nothing half-done stays. */
export function createEnding(one: WorkloadCase & { readonly target: Host; readonly definition: string | null }): Ending {
  const { operation, workload, outcome, target, definition } = one;
  if (outcome.kind === 'succeeded') {
    const state = workload.desired === 'running' ? 'running' : 'stopped';
    return ending(outcome, [
      set(workload, { state, hostId: target.id, leasedOn: leasedOn(workload, target), why: null, ...(definition === null ? {} : { definition }) }),
      tell(operation, workload, ['workload.created', `${workload.name} is created on ${target.name}`, 'notice', { host: target.name }]),
    ]);
  }
  const told = tell(operation, workload, ['workload.create-failed', `${workload.name}: ${outcome.why}`, 'warning', { code: outcome.code }]);
  if (outcome.kind === 'unknown') return ending(outcome, [set(workload, { state: 'error', why: outcome.why }), told]);
  return ending(outcome, [{ change: 'remove-workload', id: workload.id }, told]);
}

export interface HostCase {
  readonly operation: Operation;
  readonly host: Host;
  readonly outcome: Outcome;
  readonly nowMs: number;
}

/** After a fence: proven off with a higher epoch, or silent again and retried. */
export function fenceEnding({ operation, host, outcome, nowMs }: HostCase, proof: { readonly kind: 'power-off' | 'lease-expired'; readonly evidence: string }): Ending {
  // Proven off in the meantime by something faster (a new boot, a person): nothing to change.
  if (host.condition !== 'fencing') return ending(outcome, []);
  if (outcome.kind === 'succeeded') return ending(outcome, provenOff(host, proof, nowMs));
  const why = outcome.kind === 'cancelled' ? outcome.why : `fencing failed: ${outcome.why}`;
  return ending(outcome, [
    { change: 'host', id: host.id, set: { condition: 'silent', conditionSinceMs: nowMs, why } },
    { change: 'event', event: event(outcome.kind === 'cancelled' ? 'host.fence-called-off' : 'host.fence-failed', `${host.name}: ${why}`, { severity: 'alert', host: host.name, operationId: operation.id, data: { code: outcome.code } }) },
  ]);
}

/** After enrolment or re-admission: online at this boot and epoch, or as it was, with the reason. */
export function admissionEnding({ operation, host, outcome, nowMs }: HostCase, admitted: { readonly bootId: string; readonly facts: HostFacts | null } | null): Ending {
  if (outcome.kind === 'succeeded' && admitted) {
    return ending(outcome, [
      { change: 'host', id: host.id, set: { condition: 'online', conditionSinceMs: nowMs, bootId: admitted.bootId, excludedEpoch: null, leaving: null, why: null, ...(admitted.facts ? { facts: admitted.facts } : {}) } },
      ...(admitted.facts ? healingNews(host, admitted.facts) : []),
      { change: 'event', event: event('host.online', `${host.name} is online (boot ${admitted.bootId.slice(0, 8)}, epoch ${host.hostEpoch})`, { severity: 'notice', host: host.name, operationId: operation.id }) },
    ]);
  }
  const why = outcome.kind === 'succeeded' ? 'it reported no boot id' : outcome.why;
  return ending(outcome, [
    { change: 'host', id: host.id, set: { why } },
    { change: 'event', event: event('host.not-admitted', `${host.name}: ${why}`, { severity: why === host.why ? 'info' : 'warning', host: host.name, operationId: operation.id }) },
  ]);
}
