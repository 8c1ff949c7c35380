// What is used and promised on each host, computed once per view.
import type { HostId } from '../shared/ids.js';
import type { Workload } from '../workloads/workload.js';
import type { PlacementView } from './placement.js';

export interface Usage {
  readonly memoryMiB: number;
  readonly vcpus: number;
  readonly workloads: number;
}

export const NO_USAGE: Usage = { memoryMiB: 0, vcpus: 0, workloads: 0 };

/** States in which it holds memory at its host, or will in a moment. */
const HOLDS_MEMORY: ReadonlySet<Workload['state']> = new Set(['running', 'starting', 'stopping', 'migrating', 'paused', 'awaiting-fence']);

export function usageOf(view: Pick<PlacementView, 'workloads' | 'promised'>): ReadonlyMap<HostId, Usage> {
  const byId = new Map(view.workloads.map((workload) => [workload.id as string, workload]));
  const places = new Map<HostId, Set<Workload>>();
  const put = (hostId: HostId, workload: Workload): void => {
    const there = places.get(hostId);
    if (there) there.add(workload);
    else places.set(hostId, new Set([workload]));
  };
  for (const workload of view.workloads) if (workload.hostId !== null && (HOLDS_MEMORY.has(workload.state) || workload.desired === 'running')) put(workload.hostId, workload);
  for (const promise of view.promised) {
    const workload = byId.get(promise.workloadId);
    if (workload) put(promise.hostId, workload);
  }
  return new Map([...places].map(([hostId, workloads]) => [hostId, sum(workloads)]));
}

function sum(workloads: ReadonlySet<Workload>): Usage {
  let memoryMiB = 0;
  let vcpus = 0;
  for (const { needs } of workloads) {
    memoryMiB += needs.memoryMiB;
    vcpus += needs.vcpus;
  }
  return { memoryMiB, vcpus, workloads: workloads.size };
}
