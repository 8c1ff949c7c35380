// What a drain would do: a target for each workload of a host, each counted before the next one is placed.
import type { Host } from '../hosts/host.js';
import type { Result } from '../shared/result.js';
import type { Workload } from '../workloads/workload.js';
import { orderForDrain } from './drain-order.js';
import { placeWorkload } from './place-workload.js';
import type { NoPlacement, Placement, PlacementView } from './placement.js';

export interface DrainMove {
  readonly workload: Workload;
  readonly placed: Result<Placement, NoPlacement>;
}

/** Greedy, the largest first. What has no place is named with its reasons; the rest is planned nevertheless. */
export function planDrain(view: PlacementView, host: Host): readonly DrainMove[] {
  const promised = [...view.promised];
  const exclude = [{ hostId: host.id, why: `${host.name} is being drained` }];
  return orderForDrain(view.workloads.filter((workload) => workload.hostId === host.id && LEAVES.has(workload.state))).map((workload) => {
    const placed = placeWorkload({ ...view, promised }, { workload, exclude });
    if (placed.ok) promised.push({ workloadId: workload.id, hostId: placed.value.hostId });
    return { workload, placed };
  });
}

/** What is stopped stays: it is in nobody's way. */
const LEAVES: ReadonlySet<Workload['state']> = new Set(['running', 'paused', 'starting', 'migrating']);
