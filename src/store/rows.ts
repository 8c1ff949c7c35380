// Between rows and the domain's objects.
import type { ClusterEvent, NewClusterEvent } from '../cluster/cluster-event.js';
import type { Operation, OperationKind, OperationState } from '../cluster/operation.js';
import type { Host } from '../hosts/host.js';
import { hostId, operationId, workloadId, type OperationId } from '../shared/ids.js';
import type { SettledOperation } from '../cluster/settle-changes.js';
import type { Workload } from '../workloads/workload.js';
import type { EventRow, HostRow, OperationDocument, OperationRow, WorkloadRow } from './tables.js';

export function hostRow(host: Host): HostRow {
  return { id: host.id, name: host.name, condition: host.condition, host_epoch: String(host.hostEpoch), document: host };
}

export function workloadRow(workload: Workload): WorkloadRow {
  const { id, uuid, name, hostId: placedOn, workloadEpoch } = workload;
  return { id, uuid, name, host_id: placedOn, workload_epoch: String(workloadEpoch), document: workload };
}

/** A new operation's row; the rest is the table's defaults. */
export function newOperationRow(id: OperationId, { wanted, workloadEpoch }: SettledOperation, leaderEpoch: number): Pick<OperationRow, 'kind' | 'workload_id' | 'host_id' | 'document'> & { readonly id: OperationId } {
  const { targetHostId, requestedBy, reason, params = {}, proof = null } = wanted;
  const document: OperationDocument = { targetHostId, requestedBy, reason, params, proof, leaderEpoch, workloadEpoch, outcomeCode: null, why: null };
  return { id, kind: wanted.kind, workload_id: wanted.workloadId, host_id: wanted.hostId, document };
}

export function operationOf(row: OperationRow): Operation {
  return {
    id: operationId(row.id),
    kind: row.kind as OperationKind,
    state: row.state as OperationState,
    workloadId: row.workload_id === null ? null : workloadId(row.workload_id),
    hostId: row.host_id === null ? null : hostId(row.host_id),
    ...row.document,
    steps: row.steps,
    memo: row.memo,
    progress: row.progress,
    cancelRequested: row.cancel_requested,
    attempts: row.attempts,
    createdAtMs: ms(row.created_at) ?? 0,
    startedAtMs: ms(row.started_at),
    endedAtMs: ms(row.ended_at),
  };
}

export function eventOf(row: EventRow): ClusterEvent {
  return {
    seq: Number(row.seq),
    atMs: ms(row.at) ?? 0,
    type: row.type,
    severity: row.severity as ClusterEvent['severity'],
    host: row.host,
    workload: row.workload,
    operationId: row.operation_id,
    message: row.message,
    data: row.data,
  };
}

export function eventRow(event: NewClusterEvent): Omit<EventRow, 'seq' | 'at'> {
  const { type, severity, host, workload, operationId: operation, message, data } = event;
  return { type, severity, host, workload, operation_id: operation, message, data: { ...data } };
}

/** Raw queries give dates, JSON in transit gives text. */
function ms(value: Date | string | null): number | null {
  return value === null ? null : new Date(value).getTime();
}
