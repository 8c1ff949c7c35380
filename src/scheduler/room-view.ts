// The cluster as it is for the question what would be lost with a host: what is on its way has arrived, and what is not heard for a moment is there.
import type { HostId } from '../shared/ids.js';
import type { PlacementView } from './placement.js';

/** A view never changes. */
const KNOWN = new WeakMap<PlacementView, PlacementView>();

/**
 * Moves under way count where they end, once; agents, leases and hypervisors that are away for seconds count as there.
 * So the answer hangs on hosts, workloads and rules alone, and does not come and go with what passes.
 */
export function roomView(view: PlacementView): PlacementView {
  const known = KNOWN.get(view) ?? settled(view);
  KNOWN.set(view, known);
  KNOWN.set(known, known);
  return known;
}

function settled({ hosts, workloads, promised, strangers, rules, policy }: PlacementView): PlacementView {
  const ends = new Map<string, HostId>(promised.map(({ workloadId, hostId }) => [workloadId, hostId]));
  const arrived = ends.size === 0 ? workloads : workloads.map((one) => {
    const end = ends.get(one.id);
    return end === undefined || end === one.hostId ? one : { ...one, hostId: end };
  });
  return { hosts, workloads: arrived, heard: new Set(hosts.map(({ id }) => id)), leaseless: new Set(), promised: [], ...(strangers ? { strangers } : {}), rules, policy };
}
