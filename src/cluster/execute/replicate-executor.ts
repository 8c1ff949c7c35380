// Replicate: from an operation's row to the copying of a workload, and what is known of its copy afterwards.
import { newestWholeMs } from '../../hosts/hypervisor.js';
import { REPLICATION_STEPS } from '../../migration/run-replication.js';
import { runWorkflow, type WorkflowOutcome } from '../../shared/workflow.js';
import type { Host } from '../../hosts/host.js';
import type { Workload } from '../../workloads/workload.js';
import type { Change } from '../change.js';
import { event } from '../cluster-event.js';
import { ending } from '../endings.js';
import type { Operation } from '../operation.js';
import type { Ending, Executor } from '../run-operation.js';
import { OperationalError } from '../../shared/errors.js';
import type { Place } from '../../workloads/place.js';
import { withFactsAfter } from './facts-after.js';
import { hostOf, losablePlaceOf, type ExecutePorts } from './execute-ports.js';

export function replicateExecutor(ports: ExecutePorts): Executor {
  return async (operation, view, journal) => {
    const workload = view.workloads.find((one) => one.id === operation.params['workload']);
    if (!workload) return { state: 'cancelled', code: 'cancelled', why: 'the workload is no longer managed', changes: [] };
    const source = hostOf(view, operation.hostId, 'source');
    const target = hostOf(view, operation.targetHostId, 'target');
    const context = {
      operationId: operation.id, workload, stillWanted: () => whyUnwanted(ports, operation, workload), clock: ports.clock, bandwidthMiBps: ports.migration.bandwidthMiBps,
      source: losablePlaceOf(ports, operation, source, workload), target: losablePlaceOf(ports, operation, target, workload),
    };
    const outcome = await runWorkflow(REPLICATION_STEPS, context, journal);
    const later = await ports.store.readView();
    const now = later.workloads.find((one) => one.id === workload.id);
    if (!now) return ending(outcome, []);
    // Whatever was done, the target knows what it has.
    const seen = await asOf(context.target, workload.uuid);
    const asOfMs = seen === 'unknown' ? (now.replica?.asOfMs ?? null) : seen;
    const isOvertaken = later.operations.some((one) => one.workloadId === workload.id);
    const end = replicateEnding({ operation, workload: now, outcome, target, nowMs: ports.clock.nowMs(), asOfMs, isOvertaken });
    // A copy that is made anew takes no more room than it had.
    return workload.replica?.hostId === target.id && workload.replica.asOfMs !== null ? end : withFactsAfter(ports, { target, workload }, end);
  };
}

/** It may have moved since this was begun: what is left at its old home is not copied over the good copy. */
async function whyUnwanted({ store }: ExecutePorts, operation: Operation, { id, name }: Workload): Promise<string | null> {
  const view = await store.readView();
  const now = view.workloads.find((one) => one.id === id);
  if (!now) return 'the workload is no longer managed';
  if (now.hostId !== operation.hostId) return `${name} is at home elsewhere by now`;
  return view.operations.some((one) => one.workloadId === id) ? `something else is being done with ${name}` : null;
}

async function asOf({ hypervisor }: Place, uuid: string): Promise<number | null | 'unknown'> {
  try {
    return newestWholeMs((await hypervisor.copies?.replicas(uuid)) ?? [], uuid);
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return 'unknown';
  }
}

interface ReplicateCase {
  readonly operation: Operation;
  readonly workload: Workload;
  readonly outcome: WorkflowOutcome;
  readonly target: Host;
  readonly nowMs: number;
  /** Of the last whole copy; null: there is none. */
  readonly asOfMs: number | null;
  /** Something else was begun with the workload meanwhile, which ends its copying. */
  readonly isOvertaken: boolean;
}

/** Of one that has moved since, or is copied elsewhere by now, this copy says nothing. */
export function replicateEnding({ operation, workload, outcome, target, nowMs, asOfMs, isOvertaken }: ReplicateCase): Ending {
  const { replica } = workload;
  if (replica === null || workload.hostId !== operation.hostId) return ending(outcome, []);
  const isElsewhere = replica.hostId !== target.id;
  if (outcome.kind === 'succeeded') return ending(outcome, [{ change: 'workload', id: workload.id, set: { replica: { hostId: target.id, asOfMs, triedAtMs: replica.triedAtMs, why: null, isToldLate: false } } }]);
  const { why } = outcome;
  const changes: Change[] = [{ change: 'workload', id: workload.id, set: { replica: isElsewhere ? { ...replica, triedAtMs: nowMs, why } : { hostId: target.id, asOfMs, triedAtMs: nowMs, why, isToldLate: replica.isToldLate } } }];
  if (outcome.kind !== 'cancelled' && !isOvertaken) changes.push({ change: 'event', event: event('workload.replica-failed', `${workload.name}: its copy on ${target.name} was not made: ${why}`, { severity: 'warning', workload: workload.name, host: target.name, operationId: operation.id }) });
  return ending(outcome, changes);
}
