// Runs one delivered operation: claim it, do its work, end it together with what follows from it, in one transaction.
import { Defect, messageOf } from '../shared/errors.js';
import type { Clock } from '../shared/clock.js';
import type { OperationId } from '../shared/ids.js';
import { JournalLost, type Journal } from '../shared/workflow.js';
import type { Change } from './change.js';
import type { ClusterStore } from './cluster-store.js';
import type { ClusterView } from './cluster-view.js';
import { event } from './cluster-event.js';
import type { Operation, OperationKind, OperationState } from './operation.js';
import { operationJournal } from './operation-journal.js';
import { nextTry } from '../workloads/placement-epoch.js';

/** How an operation ends, and what changes with it. */
export interface Ending {
  readonly state: Exclude<OperationState, 'pending' | 'running'>;
  readonly code: string | null;
  readonly why: string | null;
  readonly changes: readonly Change[];
}

/** Does the work of one kind of operation. Reads the view anew where it needs what is true now. */
export type Executor = (operation: Operation, view: ClusterView, journal: Journal) => Promise<Ending>;

export type Executors = { readonly [K in OperationKind]: Executor };

export interface WorkerPorts {
  readonly store: ClusterStore;
  readonly clock: Clock;
  /** Unique per process start: a restarted worker is another one. */
  readonly worker: string;
  readonly executors: Executors;
  readonly log: (line: string, data: Readonly<Record<string, unknown>>) => void;
}

/** A worker that is killed is replaced after this long. Longer than any pause we expect, short enough for failover. */
export const WORKER_LEASE_MS = 5_000;

/** Safe to call twice for one id: the second finds nothing to claim. */
export async function runOperation(id: OperationId, ports: WorkerPorts): Promise<void> {
  const operation = await ports.store.claimOperation(id, ports.worker, WORKER_LEASE_MS);
  if (operation === null) return;
  const renewing = new AbortController();
  const renewal = keepLease(id, ports, renewing.signal);
  try {
    const view = await ports.store.readView();
    const ending = await endingOf(operation, view, ports);
    const ended = await finish(operation, ending, tellingOf(view, operation), ports);
    if (!ended) ports.log('operation was taken over before it ended', { operation: id });
  } catch (error) {
    if (!(error instanceof JournalLost)) throw error;
    ports.log('operation is left for another worker', { operation: id, why: error.message });
  } finally {
    renewing.abort();
    await renewal;
  }
}

/** An ending that the store calls impossible is our mistake: the operation must not be run for ever because of it. */
async function finish(operation: Operation, ending: Ending, tell: Telling, { store, worker }: WorkerPorts): Promise<boolean> {
  const { state, code, why } = ending;
  try {
    return await store.finishOperation(operation.id, worker, { state, code, why }, [...ending.changes, ...epochAfter(operation, state), tell(ending)]);
  } catch (error) {
    if (!(error instanceof Defect)) throw error;
    const unknown: Ending = { state: 'unknown', code: 'defect', why: `it ended as ${state}, and that could not be written down: ${error.message}`, changes: [] };
    return store.finishOperation(operation.id, worker, { state: unknown.state, code: unknown.code, why: unknown.why }, [...epochAfter(operation, unknown.state), tell(unknown)]);
  }
}

/** What it took back was done with a higher epoch than its own: whoever acts next has to be above that. */
function epochAfter({ workloadId, workloadEpoch }: Operation, state: Ending['state']): readonly Change[] {
  if (state === 'succeeded' || workloadId === null || workloadEpoch === null) return [];
  return [{ change: 'workload', id: workloadId, set: { workloadEpoch: nextTry(workloadEpoch) } }];
}

async function endingOf(operation: Operation, view: ClusterView, ports: WorkerPorts): Promise<Ending> {
  const journal = operationJournal(operation, ports);
  try {
    return await ports.executors[operation.kind](operation, view, journal);
  } catch (error) {
    if (error instanceof JournalLost) throw error;
    // A defect in a workflow: nothing is known about what it left behind.
    return { state: 'unknown', code: 'defect', why: `${operation.kind} broke off: ${messageOf(error)}`, changes: [] };
  }
}

async function keepLease(id: OperationId, { store, clock, worker, log }: WorkerPorts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(WORKER_LEASE_MS / 3, signal);
    if (signal.aborted) return;
    try {
      if (!(await store.renewOperation(id, worker, WORKER_LEASE_MS))) return;
    } catch (error) {
      log('lease of an operation could not be renewed', { operation: id, why: messageOf(error) });
    }
  }
}

type Telling = (ending: Ending) => Change;

/** Names are those of the beginning: what was deleted since had one. */
function tellingOf(view: ClusterView, operation: Operation): Telling {
  const workload = view.workloads.find((one) => one.id === operation.workloadId)?.name ?? null;
  const host = view.hosts.find((one) => one.id === operation.hostId)?.name ?? null;
  const about = workload ?? host;
  const last = view.recentOperations.find((one) => one.kind === operation.kind && one.hostId === operation.hostId && one.workloadId === operation.workloadId);
  return (ending) => {
    // Tried again, and again in vain for the same reason: that is no news.
    const isNews = last?.state !== ending.state || last.why !== ending.why;
    const severity = ending.state === 'succeeded' || ending.state === 'cancelled' || !isNews ? 'info' : ending.state === 'failed' ? 'warning' : 'alert';
    const message = `${operation.kind}${about === null ? '' : ` of ${about}`} ${ending.state}${ending.why ? `: ${ending.why}` : ''}`;
    return { change: 'event', event: event(`operation.${ending.state}`, message, { severity, host, workload, operationId: operation.id, data: { kind: operation.kind, code: ending.code } }) };
  };
}
