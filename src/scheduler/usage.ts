// What is used and promised on each host, without looking at every workload for every placement.
import type { HostId } from '../shared/ids.js';
import type { Workload } from '../workloads/workload.js';
import type { PlacementView } from './placement.js';

export interface Usage {
  readonly memoryMiB: number;
  readonly vcpus: number;
  readonly workloads: number;
}

export const NO_USAGE: Usage = { memoryMiB: 0, vcpus: 0, workloads: 0 };

/** States in which it holds memory at its host, or will in a moment. */
const HOLDS_MEMORY: ReadonlySet<Workload['state']> = new Set(['running', 'starting', 'stopping', 'migrating', 'paused', 'awaiting-fence']);

const holdsPlace = (workload: Workload): boolean => HOLDS_MEMORY.has(workload.state) || workload.desired === 'running';

/** What is used and promised; `except`: as if this workload were nowhere. A workload promised to a host where it is counts once. */
export function usageOf(view: Pick<PlacementView, 'workloads' | 'promised'>, except: Workload | null = null): ReadonlyMap<HostId, Usage> {
  const { usage: placed, byId } = placedIn(view.workloads);
  const usage = new Map(placed);
  const left = except === null ? undefined : byId.get(except.id);
  if (left?.hostId && holdsPlace(left)) add(usage, left.hostId, left, -1);
  const counted = new Set<string>();
  for (const { workloadId, hostId } of view.promised) {
    const workload = byId.get(workloadId);
    const promise = `${hostId} ${workloadId}`;
    if (!workload || workloadId === except?.id || counted.has(promise) || (workload.hostId === hostId && holdsPlace(workload))) continue;
    counted.add(promise);
    add(usage, hostId, workload, 1);
  }
  return usage;
}

interface Placed {
  readonly usage: ReadonlyMap<HostId, Usage>;
  readonly byId: ReadonlyMap<string, Workload>;
}

/** A view's workloads never change: a round with hundreds of placements sums them up once. */
const KNOWN = new WeakMap<readonly Workload[], Placed>();

function placedIn(workloads: readonly Workload[]): Placed {
  const known = KNOWN.get(workloads);
  if (known) return known;
  const usage = new Map<HostId, Usage>();
  for (const workload of workloads) if (workload.hostId !== null && holdsPlace(workload)) add(usage, workload.hostId, workload, 1);
  const placed: Placed = { usage, byId: new Map(workloads.map((workload) => [workload.id as string, workload])) };
  KNOWN.set(workloads, placed);
  return placed;
}

function add(usage: Map<HostId, Usage>, hostId: HostId, { needs }: Workload, times: 1 | -1): void {
  const { memoryMiB, vcpus, workloads } = usage.get(hostId) ?? NO_USAGE;
  usage.set(hostId, { memoryMiB: memoryMiB + times * needs.memoryMiB, vcpus: vcpus + times * needs.vcpus, workloads: workloads + times });
}
