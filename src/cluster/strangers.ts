// What runs on a host and is no workload of Reeve's: guests of libvirt, LXD or Incus that nobody has adopted. They take their part of the host all the same.
import type { Host } from '../hosts/host.js';
import { holdsPlace } from '../scheduler/usage.js';
import type { Workload } from '../workloads/workload.js';
import type { Room } from '../scheduler/placement.js';
import type { HostId } from '../shared/ids.js';
import type { ClusterView } from './cluster-view.js';

/** By host; hosts without any are left out. As far as was seen: of a hypervisor that does not answer, nothing is known. */
export function strangersOn(view: Seen): ReadonlyMap<HostId, Room> {
  const known = KNOWN.get(view) ?? count(view);
  KNOWN.set(view, known);
  return known;
}

type Seen = Pick<ClusterView, 'hosts' | 'workloads' | 'inventories'>;
/** A view never changes, and is asked for every placement of a round. */
const KNOWN = new WeakMap<Seen, ReadonlyMap<HostId, Room>>();

function count({ hosts, workloads, inventories }: Seen): ReadonlyMap<HostId, Room> {
  const known = new Set(workloads.map(({ uuid }) => uuid));
  const latest = new Map(inventories.map((one) => [one.hostId, one]));
  const found = new Map<HostId, Room>();
  for (const { id, bootId, facts } of hosts) {
    const seen = latest.get(id);
    const isOfNow = seen !== undefined && seen.bootId === bootId && !seen.unadmitted;
    const strangers = (isOfNow ? seen.workloads : []).filter(({ uuid, runState }) => runState !== 'stopped' && !known.has(uuid));
    const room = strangers.reduce((sum, one) => ({ memoryMiB: sum.memoryMiB + one.memoryMiB, vcpus: sum.vcpus + one.vcpus, workloads: sum.workloads + 1 }), { memoryMiB: 0, vcpus: 0, workloads: 0 });
    if (strangers.length > 0) found.set(id, { ...room, memoryMiB: Math.max(0, room.memoryMiB - pagesOfStrangers(facts, workloads.filter(({ hostId }) => hostId === id))) });
  }
  return found;
}

/** Hugepages are off a host's ordinary memory already: what strangers have in them does not count there once more. */
function pagesOfStrangers(facts: Host['facts'], ours: readonly Workload[]): number {
  const usedMiB = (facts?.hugepages ?? []).reduce((sum, { sizeKiB, total, free }) => sum + (Math.max(0, total - free) * sizeKiB) / 1_024, 0);
  const oursMiB = ours.filter(holdsPlace).reduce((sum, { needs }) => sum + (needs.hugepages ?? []).reduce((part, { memoryMiB }) => part + memoryMiB, 0), 0);
  return Math.max(0, usedMiB - oursMiB);
}
