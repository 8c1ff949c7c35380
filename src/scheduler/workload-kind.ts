// The kind of a workload: what filters ask of it that does not change by where others stand, and is no size.
import type { Host } from '../hosts/host.js';
import type { StoragePool } from '../hosts/host-facts.js';
import type { HostId } from '../shared/ids.js';
import type { Workload } from '../workloads/workload.js';
import type { PlacementView } from './placement.js';
import { ruleIndex } from './placement-rule.js';

/** Of one kind: equal answers of these filters on every host. What hangs on the workload itself, as a replica or a device, makes it a kind of its own. */
export function workloadKind(view: PlacementView, homes: ReadonlyMap<HostId, Host>, workload: Workload): string {
  const { needs, isProtected, id } = workload;
  if (needs.instance !== null || needs.pinnedBy.length > 0) return id;
  const home = workload.hostId === null ? undefined : homes.get(workload.hostId);
  const disks = needs.disks.map(({ pool, path }) => {
    const shown = home?.facts?.pools.find((one) => one.name === pool);
    return shown ? poolKey(shown) : [pool, path, workload.hostId];
  });
  const rules = ruleIndex(view.rules).hosts(id).filter((rule) => rule.hard).map(({ name }) => name);
  const { memoryMiB: _memory, vcpus: _vcpus, disks: _disks, ...rest } = needs;
  // A pool without a marker is shared with nobody: whose it is counts.
  return JSON.stringify([rest, disks, rules, isProtected, workload.hostId === null, disks.some(([, , marker]) => marker === null) ? workload.hostId : null]);
}

const poolKey = ({ name, path, markerId }: StoragePool): readonly (string | null)[] => [name, path, markerId];
