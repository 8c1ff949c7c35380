// Operations that bring a process to their target: what was known when one was decided is what it is held against.
import type { Operation } from '../../cluster/operation.js';
import type { HostId, WorkloadId } from '../../shared/ids.js';
import type { MemoryClusterStore } from '../memory-cluster-store.js';

export const PLACES: ReadonlySet<string> = new Set(['start', 'recover', 'create', 'migrate', 'relocate']);

/** The newest that brought the workload to this host. */
export function placingOperation(store: MemoryClusterStore, workloadId: WorkloadId, hostId: HostId): Operation | null {
  return store.peekOperations().findLast((one) => one.workloadId === workloadId && PLACES.has(one.kind) && one.targetHostId === hostId) ?? null;
}
