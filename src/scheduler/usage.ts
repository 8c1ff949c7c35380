// What is used and promised on each host, without looking at every workload for every placement.
import type { HostId } from '../shared/ids.js';
import { ordinaryMemoryMiB } from '../workloads/hugepage-needs.js';
import type { Workload } from '../workloads/workload.js';
import type { PlacementView, Room } from './placement.js';
import { promiseIndex } from './promise-index.js';

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

type Looked = Pick<PlacementView, 'workloads' | 'promised' | 'strangers'>;

/** What is used and promised there, with what Reeve does not know; `except`: as if this workload were nowhere. A workload promised to a host where it is counts once. */
export function usageAt({ workloads, promised, strangers }: Looked, hostId: HostId, except: Workload | null = null): Usage {
  const { usage, byId } = placedIn(workloads);
  const placed = usage.get(hostId) ?? NO_USAGE;
  const left = except === null ? undefined : byId.get(except.id);
  const isLeft = left !== undefined && left.hostId === hostId && holdsPlace(left);
  const unknown = strangers?.get(hostId);
  const coming = promiseIndex(promised).byHost.get(hostId);
  if (!isLeft && unknown === undefined && coming === undefined) return placed;
  const there: Sums = { ...placed };
  if (isLeft) count(there, left, -1);
  if (unknown !== undefined) countRoom(there, unknown);
  for (const id of coming ?? []) {
    const workload = byId.get(id);
    if (workload && id !== except?.id && !(workload.hostId === hostId && holdsPlace(workload))) count(there, workload, 1);
  }
  return there;
}

type Sums = { -readonly [Part in keyof Usage]: Usage[Part] };

function count(sums: Sums, workload: Workload, times: 1 | -1): void {
  const { needs } = workload;
  const taken = takenBy(workload);
  sums.memoryMiB += times * ordinaryMemoryMiB(needs);
  sums.vcpus += times * needs.vcpus;
  sums.workloads += times;
  sums.usedMemoryMiB += times * taken.memoryMiB;
  sums.usedCpus += times * taken.cpus;
}

function countRoom(sums: Sums, { memoryMiB, vcpus, workloads }: Room): void {
  sums.memoryMiB += memoryMiB;
  sums.vcpus += vcpus;
  sums.workloads += workloads;
  sums.usedMemoryMiB += memoryMiB;
  sums.usedCpus += vcpus;
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
  const usage = new Map<HostId, Sums>();
  const byId = new Map<string, Workload>();
  for (const workload of workloads) {
    byId.set(workload.id, workload);
    if (workload.hostId === null || !holdsPlace(workload)) continue;
    const there = usage.get(workload.hostId) ?? { ...NO_USAGE };
    if (there.workloads === 0) usage.set(workload.hostId, there);
    count(there, workload, 1);
  }
  const placed: Placed = { usage, byId };
  KNOWN.set(workloads, placed);
  return placed;
}
