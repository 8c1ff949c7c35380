// What is used and promised on each host, without looking at every workload for every placement.
import type { HostId } from '../shared/ids.js';
import { ordinaryMemoryMiB } from '../workloads/hugepage-needs.js';
import type { Workload } from '../workloads/workload.js';
import type { PlacementView, Room } from './placement.js';

export interface Usage extends Room {
  /** Measured, as far as it was; declared for the rest. */
  readonly usedMemoryMiB: number;
  readonly usedCpus: number;
}

export const NO_USAGE: Usage = { memoryMiB: 0, vcpus: 0, workloads: 0, usedMemoryMiB: 0, usedCpus: 0 };

/** States in which it holds memory at its host, or will in a moment. */
const HOLDS_MEMORY: ReadonlySet<Workload['state']> = new Set(['running', 'starting', 'stopping', 'migrating', 'paused', 'awaiting-fence', 'frozen', 'unmanaged']);

/** It runs there, may run there, or is to run there. */
export const holdsPlace = (workload: Workload): boolean => HOLDS_MEMORY.has(workload.state) || workload.desired === 'running';

/** What it takes now, by measurement where there is one. */
export const takenBy = ({ needs, usage }: Workload): { readonly memoryMiB: number; readonly cpus: number } => usage ?? { memoryMiB: ordinaryMemoryMiB(needs), cpus: needs.vcpus };

/** What is used and promised, with what Reeve does not know; `except`: as if this workload were nowhere. A workload promised to a host where it is counts once. */
export function usageOf(view: Pick<PlacementView, 'workloads' | 'promised' | 'strangers'>, except: Workload | null = null): ReadonlyMap<HostId, Usage> {
  const { usage: placed, byId } = placedIn(view.workloads);
  const usage = new Map(placed);
  const left = except === null ? undefined : byId.get(except.id);
  if (left?.hostId && holdsPlace(left)) add(usage, left.hostId, left, -1);
  for (const [hostId, { memoryMiB, vcpus, workloads }] of view.strangers ?? []) {
    const there = usage.get(hostId) ?? NO_USAGE;
    usage.set(hostId, { memoryMiB: there.memoryMiB + memoryMiB, vcpus: there.vcpus + vcpus, workloads: there.workloads + workloads, usedMemoryMiB: there.usedMemoryMiB + memoryMiB, usedCpus: there.usedCpus + vcpus });
  }
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

/** Of one view, by id. */
export const workloadsById = (workloads: readonly Workload[]): ReadonlyMap<string, Workload> => placedIn(workloads).byId;

function placedIn(workloads: readonly Workload[]): Placed {
  const known = KNOWN.get(workloads);
  if (known) return known;
  const usage = new Map<HostId, Usage>();
  for (const workload of workloads) if (workload.hostId !== null && holdsPlace(workload)) add(usage, workload.hostId, workload, 1);
  const placed: Placed = { usage, byId: new Map(workloads.map((workload) => [workload.id as string, workload])) };
  KNOWN.set(workloads, placed);
  return placed;
}

function add(usage: Map<HostId, Usage>, hostId: HostId, workload: Workload, times: 1 | -1): void {
  const { needs } = workload;
  const taken = takenBy(workload);
  const { memoryMiB, vcpus, workloads, usedMemoryMiB, usedCpus } = usage.get(hostId) ?? NO_USAGE;
  usage.set(hostId, {
    memoryMiB: memoryMiB + times * ordinaryMemoryMiB(needs), vcpus: vcpus + times * needs.vcpus, workloads: workloads + times,
    usedMemoryMiB: usedMemoryMiB + times * taken.memoryMiB, usedCpus: usedCpus + times * taken.cpus,
  });
}
