// What the latest drain of a host took away from it, and where that still is: by its operations.
import type { HostId, WorkloadId } from '../../shared/ids.js';
import type { ClusterStore } from '../cluster-store.js';
import type { ClusterView } from '../cluster-view.js';
import type { Operation } from '../operation.js';

/** So many operations are read at once; of a host that had more since its drain, the next ones follow. */
const PAGE = 500;

export interface DrainedWorkload {
  readonly workloadId: WorkloadId;
  /** Where it was before. */
  readonly hostId: HostId;
}

/** What went on from there since stays where it went. */
export async function drainedAway(store: Pick<ClusterStore, 'listOperations'>, view: Pick<ClusterView, 'workloads'>, hostIds: readonly HostId[]): Promise<readonly DrainedWorkload[]> {
  const found: DrainedWorkload[] = [];
  for (const hostId of hostIds) {
    const [drain] = await store.listOperations({ kind: 'drain', hostId, limit: 1 });
    if (!drain) continue;
    const moves = [...(await movesOf(store, drain, hostId, 'migrate')), ...(await movesOf(store, drain, hostId, 'relocate'))];
    for (const { workloadId, targetHostId } of moves) {
      const workload = view.workloads.find((one) => one.id === workloadId);
      if (workload && workload.hostId === targetHostId && !found.some((one) => one.workloadId === workload.id)) found.push({ workloadId: workload.id, hostId });
    }
  }
  return found;
}

async function movesOf(store: Pick<ClusterStore, 'listOperations'>, drain: Operation, hostId: HostId, kind: 'migrate' | 'relocate'): Promise<readonly Operation[]> {
  const found: Operation[] = [];
  for (let before: Operation['id'] | undefined; ; ) {
    const page = await store.listOperations({ kind, hostId, states: ['succeeded'], limit: PAGE, ...(before === undefined ? {} : { before }) });
    found.push(...page.filter((one) => one.params['drain'] === drain.id && one.hostId === hostId));
    const last = page.at(-1);
    if (page.length < PAGE || !last || last.createdAtMs < drain.createdAtMs) return found;
    before = last.id;
  }
}
