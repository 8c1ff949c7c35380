// Memory of a workload that lies in hugepages of its host, and what is left of it for ordinary memory.
import type { WorkloadNeeds } from './workload.js';

export interface HugepageNeed {
  /** Null: the host's own default size. */
  readonly sizeKiB: number | null;
  readonly memoryMiB: number;
  /** It comes on top of its memory, as what a container may take; else it is a part of it. */
  readonly isBeside?: true;
}

/** What counts against the ordinary memory of its host. */
export function ordinaryMemoryMiB({ memoryMiB, hugepages }: Pick<WorkloadNeeds, 'memoryMiB' | 'hugepages'>): number {
  if (hugepages === undefined) return memoryMiB;
  let ordinaryMiB = memoryMiB;
  for (const one of hugepages) if (one.isBeside !== true) ordinaryMiB -= one.memoryMiB;
  return Math.max(0, ordinaryMiB);
}
