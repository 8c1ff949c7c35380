// May a workload be on a host, whatever else is there? The fitness of the host and the filters that do not ask where others stand.
import type { Host } from '../hosts/host.js';
import type { Workload } from '../workloads/workload.js';
import type { Filter, FilterInput } from './filter.js';
import { STATIC_FILTERS } from './filters.js';
import type { PlacementView } from './placement.js';
import { hostIsFit } from './rules/host-is-fit.js';
import { NO_USAGE } from './usage.js';

interface Asked {
  readonly view: PlacementView;
  readonly workload: Workload;
  readonly home: Host | null;
  readonly host: Host;
}

export function mayEverBeOn({ view, workload, home, host }: Asked, more: readonly Filter[] = []): boolean {
  const request = { workload, exclude: [] };
  if (host.facts === null || hostIsFit(view, request, host)) return false;
  const input: FilterInput = { view, request, workload, home, host, facts: host.facts, usage: NO_USAGE, companions: [], policy: view.policy };
  return STATIC_FILTERS.every((filter) => filter(input) === null) && more.every((filter) => filter(input) === null);
}
