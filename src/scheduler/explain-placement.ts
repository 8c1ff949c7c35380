// For `reeve workload explain`: why it is where it is, and what each other host lacks.
import type { Workload } from '../workloads/workload.js';
import { placeWorkload } from './place-workload.js';
import type { HostRefusal, HostScore, PlacementView } from './placement.js';

export interface Explanation {
  readonly workload: string;
  /** Name of its host now. */
  readonly current: string | null;
  /** Where it would be placed if it were placed now; null: nowhere. */
  readonly chosen: string | null;
  readonly ranking: readonly HostScore[];
  readonly refusals: readonly HostRefusal[];
}

export function explainPlacement(view: PlacementView, workload: Workload): Explanation {
  const placed = placeWorkload(view, { workload, exclude: [] });
  return {
    workload: workload.name,
    current: view.hosts.find((host) => host.id === workload.hostId)?.name ?? null,
    chosen: placed.ok ? placed.value.host : null,
    ranking: placed.ok ? placed.value.ranking : [],
    refusals: placed.ok ? placed.value.refusals : placed.error.refusals,
  };
}
