// Which workloads take of a scarce thing at a host: those that hold a place there, and those that it is promised to.
import type { HostId } from '../shared/ids.js';
import type { Workload, WorkloadNeeds } from '../workloads/workload.js';
import type { PlacementView } from './placement.js';
import { promiseIndex } from './promise-index.js';
import { holdsPlace, workloadsById } from './usage.js';

type ByHost = ReadonlyMap<HostId, readonly Workload[]>;

/** Few need it: a round looks for them once, and never when it is asked for nothing. */
const WITH_HUGEPAGES = new WeakMap<readonly Workload[], ByHost>();
const UNFINISHED = new WeakMap<readonly Workload[], ByHost>();

/** With hugepages, without those in `except`. */
export function withHugepagesAt({ workloads, promised }: Pick<PlacementView, 'workloads' | 'promised'>, hostId: HostId, except: readonly Workload[]): readonly Workload[] {
  const isExcept = (id: string): boolean => except.some((one) => one.id === id);
  const there = (placedOf(workloads).get(hostId) ?? []).filter(({ id }) => !isExcept(id));
  return [...there, ...promisedTo({ workloads, promised }, hostId).filter((one) => !isExcept(one.id) && !there.includes(one) && hasHugepages(one.needs))];
}

/** Those that are on their way to it, each once. */
export function promisedTo({ workloads, promised }: Pick<PlacementView, 'workloads' | 'promised'>, hostId: HostId): readonly Workload[] {
  const ids = promiseIndex(promised).byHost.get(hostId);
  return ids === undefined ? NOBODY : [...ids].flatMap((id) => workloadsById(workloads).get(id) ?? []);
}

const NOBODY: readonly Workload[] = [];

export const hasHugepages = ({ hugepages }: Pick<WorkloadNeeds, 'hugepages'>): boolean => hugepages !== undefined && hugepages.length > 0;

/** Those whose first copy is being made there. */
export function copiedTo(workloads: readonly Workload[], hostId: HostId): readonly Workload[] {
  return byHost(UNFINISHED, workloads, ({ replica }) => (replica !== null && replica.asOfMs === null ? replica.hostId : null)).get(hostId) ?? NOBODY;
}

const placedOf = (workloads: readonly Workload[]): ByHost => byHost(WITH_HUGEPAGES, workloads, (one) => (hasHugepages(one.needs) && holdsPlace(one) ? one.hostId : null));

function byHost(kept: WeakMap<readonly Workload[], ByHost>, workloads: readonly Workload[], hostOf: (workload: Workload) => HostId | null): ByHost {
  const known = kept.get(workloads);
  if (known) return known;
  const found = new Map<HostId, Workload[]>();
  for (const one of workloads) {
    const hostId = hostOf(one);
    const there = hostId === null ? undefined : found.get(hostId);
    if (there) there.push(one);
    else if (hostId !== null) found.set(hostId, [one]);
  }
  kept.set(workloads, found);
  return found;
}
