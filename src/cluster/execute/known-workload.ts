// Where a workload belongs, for a host that is looked over.
import type { Host } from '../../hosts/host.js';
import type { KnownWorkload } from '../../hosts/run-readmission.js';
import { ownerOf, takenOf } from '../../hosts/shared-filesystem.js';
import { poolOf, type Workload } from '../../workloads/workload.js';
import type { ClusterView } from '../cluster-view.js';

/** `lost`: a host whose pool this one takes over; what belongs there belongs here. */
export function knownWorkload(view: ClusterView, host: Host, workload: Workload, lost: Host | null = null): KnownWorkload {
  const moving = view.operations.find((operation) => operation.workloadId === workload.id && operation.targetHostId !== null);
  const pool = poolOf(workload);
  const home = view.hosts.find((one) => one.id === workload.hostId);
  // Where its data are, it belongs.
  const owner = pool && home ? ownerOf(view.hosts, home, pool) : home;
  // What it had begun to take over it goes on with.
  const isBegunHere = pool !== null && owner !== undefined && takenOf(owner, pool)?.byHostId === host.id;
  const placedOn = moving?.targetHostId ?? (isBegunHere ? host.id : (owner?.id ?? workload.hostId));
  const isHere = placedOn === null || placedOn === host.id || placedOn === lost?.id;
  const elsewhere = isHere ? null : (view.hosts.find((one) => one.id === placedOn)?.name ?? 'another host');
  const { uuid, name, workloadEpoch, isProtected, replication } = workload;
  return { uuid, name, workloadEpoch, isProtected, elsewhere, reusesStale: replication?.reusesStale === true };
}
