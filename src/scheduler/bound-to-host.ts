// Is a workload bound to its host, so that its loss is no question of room?
import type { Workload } from '../workloads/workload.js';
import { STATIC_FILTERS } from './filters.js';
import { withLost } from './as-lost.js';
import type { PlacementView } from './placement.js';
import { NO_USAGE } from './usage.js';

/** By what neither room nor order nor care changes: were its host lost, no other one could take it though that were empty and in service. */
export function boundToHost(view: PlacementView, workload: Workload): boolean {
  const { hosts } = workload.hostId === null ? view : withLost(view, [workload.hostId]);
  const home = hosts.find(({ id }) => id === workload.hostId) ?? null;
  const others = hosts.filter(({ id }) => id !== workload.hostId);
  const refuses = others.flatMap((host) => {
    const { facts } = host;
    if (facts === null) return [];
    const input = { view: { ...view, hosts }, request: { workload, exclude: [] }, workload, home, host, facts, usage: NO_USAGE, companions: [], policy: view.policy };
    return [STATIC_FILTERS.some((filter) => filter(input) !== null)];
  });
  return refuses.length > 0 && refuses.every(Boolean);
}
