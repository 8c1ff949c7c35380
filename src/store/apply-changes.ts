// Applies changes inside a transaction: all or none, checked by the database's own constraints.
import { randomBytes } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import type { Change, NewOperation } from '../cluster/change.js';
import type { Host } from '../hosts/host.js';
import { Defect } from '../shared/errors.js';
import { operationId, type OperationId } from '../shared/ids.js';
import type { Workload } from '../workloads/workload.js';
import { eventRow, hostRow, workloadRow } from './rows.js';
import { ClusterTable, EventTable, HostTable, OperationTable, OutboxTable, WorkloadTable, type OperationDocument } from './tables.js';

export interface Applied {
  readonly operationIds: OperationId[];
  /** True when something changed that decisions depend on. */
  raisesVersion: boolean;
}

export async function applyChanges(tx: EntityManager, changes: readonly Change[], leaderEpoch: number): Promise<Applied> {
  const applied: Applied = { operationIds: [], raisesVersion: false };
  for (const change of changes) {
    await applyOne(tx, change, leaderEpoch, applied);
    if (change.change !== 'event') applied.raisesVersion = true;
  }
  return applied;
}

async function applyOne(tx: EntityManager, change: Change, leaderEpoch: number, applied: Applied): Promise<void> {
  switch (change.change) {
    case 'host':
      return mergeHost(tx, change.id, change.set);
    case 'add-host':
      await tx.insert(HostTable, hostRow(change.host) as never);
      return;
    case 'remove-host':
      await tx.delete(HostTable, { id: change.id });
      await tx.query('DELETE FROM inventory WHERE host_id = $1', [change.id]);
      return;
    case 'workload':
      return mergeWorkload(tx, change.id, change.set);
    case 'add-workload':
      await tx.insert(WorkloadTable, workloadRow(change.workload) as never);
      return;
    case 'remove-workload':
      await tx.delete(WorkloadTable, { id: change.id });
      return;
    case 'operation':
      applied.operationIds.push(await addOperation(tx, change.operation, leaderEpoch));
      return;
    case 'cancel-operation':
      await tx.query(`UPDATE operation SET cancel_requested = true WHERE id = $1 AND state IN ('pending', 'running')`, [change.id]);
      return;
    case 'disarm':
      await tx.update(ClusterTable, { id: 1 }, { disarm: change.disarm as never });
      return;
    case 'event':
      await tx.insert(EventTable, eventRow(change.event) as never);
  }
}

async function mergeHost(tx: EntityManager, id: string, set: Partial<Host>): Promise<void> {
  const row = await tx.findOneBy(HostTable, { id });
  // Removed in the meantime: what was to be said about it is void.
  if (row) await tx.save(HostTable, hostRow({ ...row.document, ...set }), { reload: false });
}

async function mergeWorkload(tx: EntityManager, id: string, set: Partial<Workload>): Promise<void> {
  const row = await tx.findOneBy(WorkloadTable, { id });
  if (row) await tx.save(WorkloadTable, workloadRow({ ...row.document, ...set }), { reload: false });
}

async function addOperation(tx: EntityManager, wanted: NewOperation, leaderEpoch: number): Promise<OperationId> {
  const id = operationId(randomBytes(8).toString('hex'));
  const workload = wanted.workloadId === null ? null : await tx.findOneBy(WorkloadTable, { id: wanted.workloadId });
  if (wanted.workloadId !== null && !workload) throw new Defect(`operation ${wanted.kind} names an unknown workload ${wanted.workloadId}`);
  const document: OperationDocument = {
    targetHostId: wanted.targetHostId,
    requestedBy: wanted.requestedBy,
    reason: wanted.reason,
    params: wanted.params ?? {},
    proof: wanted.proof ?? null,
    leaderEpoch,
    workloadEpoch: workload ? workload.document.workloadEpoch : null,
    outcomeCode: null,
    why: null,
  };
  await tx.insert(OperationTable, { id, kind: wanted.kind, state: 'pending', workload_id: wanted.workloadId, host_id: wanted.hostId, document: document as never, steps: [] as never, memo: {} as never });
  await tx.insert(OutboxTable, { operation_id: id });
  return id;
}
