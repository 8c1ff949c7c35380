// In which order workloads leave a host or are recovered from it.
import type { Workload } from '../workloads/workload.js';

const byId = (one: Workload, other: Workload): number => (one.id < other.id ? -1 : one.id > other.id ? 1 : 0);

/** Highest priority first; among equals the largest, which is the hardest to place; then by id. */
export function orderForRecovery(workloads: readonly Workload[]): readonly Workload[] {
  return [...workloads].sort((one, other) => other.priority - one.priority || other.needs.memoryMiB - one.needs.memoryMiB || byId(one, other));
}

/** The largest first while there is most room; then by id. */
export function orderForDrain(workloads: readonly Workload[]): readonly Workload[] {
  return [...workloads].sort((one, other) => other.needs.memoryMiB - one.needs.memoryMiB || byId(one, other));
}
