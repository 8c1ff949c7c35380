// Evenness as scores: the emptier a host would be with the workload on it, the better, by what the strategy counts.
import { reservedHugepagesMiB } from '../hosts/hugepages.js';
import type { HostFacts } from '../hosts/host-facts.js';
import { ordinaryMemoryMiB } from '../workloads/hugepage-needs.js';
import type { Workload } from '../workloads/workload.js';
import type { FilterInput } from './filter.js';
import type { PlacementPolicy, PlacementStrategy } from './placement.js';
import { takenBy } from './usage.js';

export interface Weights {
  readonly eachWorkload: number;
  readonly freeMemory: number;
  readonly freeCpus: number;
  readonly fewWorkloads: number;
}

/** balanced: one workload less outweighs any difference in size. capacity, usage: memory is what runs out first, then CPUs. */
const BALANCED: Weights = { eachWorkload: -100, freeMemory: 60, freeCpus: 39, fewWorkloads: 0 };
const BY_SIZE: Weights = { eachWorkload: 0, freeMemory: 100, freeCpus: 50, fewWorkloads: 10 };

export const weightsOf = (strategy: PlacementStrategy): Weights => (strategy === 'balanced' ? BALANCED : BY_SIZE);

export interface Size {
  readonly memoryMiB: number;
  readonly cpus: number;
}

/** Of which shares are free. */
export const sizeFor = (facts: HostFacts, policy: PlacementPolicy): Size => ({
  memoryMiB: Math.max(1, (facts.memoryMiB - reservedHugepagesMiB(facts) - policy.reservedMemoryMiB) * policy.memoryOvercommit),
  cpus: Math.max(1, facts.cpus * policy.cpuOvercommit),
});

/** What the workload adds to what is used. */
export const addedBy = (workload: Workload, { strategy }: PlacementPolicy): Size => (strategy === 'usage' ? takenBy(workload) : { memoryMiB: ordinaryMemoryMiB(workload.needs), cpus: workload.needs.vcpus });

export const freeShare = (used: number, added: number, size: number): number => Math.min(1, Math.max(0, 1 - (used + added) / size));

export function addEvenness({ facts, usage, workload, policy }: FilterInput, add: (part: string, value: number) => void): void {
  const weights = weightsOf(policy.strategy);
  const [size, added] = [sizeFor(facts, policy), addedBy(workload, policy)];
  const byUsage = policy.strategy === 'usage';
  const freeMemory = freeShare(byUsage ? usage.usedMemoryMiB : usage.memoryMiB, added.memoryMiB, size.memoryMiB);
  const freeCpus = freeShare(byUsage ? usage.usedCpus : usage.vcpus, added.cpus, size.cpus);
  if (weights.eachWorkload !== 0) add('workloads', weights.eachWorkload * usage.workloads);
  add('freeMemory', weights.freeMemory * freeMemory);
  add('freeCpus', weights.freeCpus * freeCpus);
  if (weights.fewWorkloads !== 0) add('fewWorkloads', weights.fewWorkloads / (1 + usage.workloads));
}

/** The sum of the same parts in the same order on top of `before`: to the last digit what adding them one by one gives. */
export const withEvenness = (before: number, weights: Weights, workloads: number, freeMemory: number, freeCpus: number): number =>
  before + weights.eachWorkload * workloads + weights.freeMemory * freeMemory + weights.freeCpus * freeCpus + weights.fewWorkloads / (1 + workloads);
