// Places promised by operations under way, by host and by workload.
import type { HostId } from '../shared/ids.js';
import type { PlacementView } from './placement.js';

export interface PromiseIndex {
  /** Ids of workloads, each once, in the order in which they were promised it. */
  readonly byHost: ReadonlyMap<HostId, ReadonlySet<string>>;
  readonly byWorkload: ReadonlyMap<string, readonly HostId[]>;
}

interface Growing extends PromiseIndex {
  readonly byHost: Map<HostId, Set<string>>;
  readonly byWorkload: Map<string, HostId[]>;
  read: number;
}

/** A round's promises grow at their end while it places one workload after the other: only what is new is read. */
const KNOWN = new WeakMap<PlacementView['promised'], Growing>();

export function promiseIndex(promised: PlacementView['promised']): PromiseIndex {
  const known = KNOWN.get(promised);
  const index = known && known.read <= promised.length ? known : { byHost: new Map<HostId, Set<string>>(), byWorkload: new Map<string, HostId[]>(), read: 0 };
  if (index !== known) KNOWN.set(promised, index);
  for (; index.read < promised.length; index.read += 1) {
    const promise = promised[index.read];
    if (promise) keep(index, promise);
  }
  return index;
}

function keep({ byHost, byWorkload }: Growing, { hostId, workloadId }: PlacementView['promised'][number]): void {
  const ids = byHost.get(hostId);
  if (ids) ids.add(workloadId);
  else byHost.set(hostId, new Set([workloadId]));
  const hostIds = byWorkload.get(workloadId);
  if (hostIds) hostIds.push(hostId);
  else byWorkload.set(workloadId, [hostId]);
}
