// Evenness as scores: the emptier a host would be with the workload on it, the better, by what the strategy counts.
import { reservedHugepagesMiB } from '../hosts/hugepages.js';
import { ordinaryMemoryMiB } from '../workloads/hugepage-needs.js';
import type { Workload } from '../workloads/workload.js';
import type { FilterInput } from './filter.js';
import { takenBy } from './usage.js';

interface Weights {
  readonly eachWorkload: number;
  readonly freeMemory: number;
  readonly freeCpus: number;
  readonly fewWorkloads: number;
}

/** balanced: one workload less outweighs any difference in size. capacity, usage: memory is what runs out first, then CPUs. */
const BALANCED: Weights = { eachWorkload: -100, freeMemory: 60, freeCpus: 39, fewWorkloads: 0 };
const BY_SIZE: Weights = { eachWorkload: 0, freeMemory: 100, freeCpus: 50, fewWorkloads: 10 };

interface Parts {
  readonly workloads: number;
  readonly freeMemory: number;
  readonly freeCpus: number;
  readonly fewWorkloads: number;
}

/** Null: nothing is added to what is there. */
function partsWith({ facts, usage, policy }: Pick<FilterInput, 'facts' | 'usage' | 'policy'>, workload: Workload | null): Parts {
  const weights = policy.strategy === 'balanced' ? BALANCED : BY_SIZE;
  const byUsage = policy.strategy === 'usage';
  const memoryMiB = Math.max(1, (facts.memoryMiB - reservedHugepagesMiB(facts) - policy.reservedMemoryMiB) * policy.memoryOvercommit);
  const cpus = Math.max(1, facts.cpus * policy.cpuOvercommit);
  const added = workload === null ? NOTHING : byUsage ? takenBy(workload) : { memoryMiB: ordinaryMemoryMiB(workload.needs), cpus: workload.needs.vcpus };
  return {
    workloads: weights.eachWorkload * usage.workloads,
    freeMemory: weights.freeMemory * share(1 - ((byUsage ? usage.usedMemoryMiB : usage.memoryMiB) + added.memoryMiB) / memoryMiB),
    freeCpus: weights.freeCpus * share(1 - ((byUsage ? usage.usedCpus : usage.vcpus) + added.cpus) / cpus),
    fewWorkloads: weights.fewWorkloads / (1 + usage.workloads),
  };
}

const NOTHING = { memoryMiB: 0, cpus: 0 };

const share = (value: number): number => Math.min(1, Math.max(0, value));

export function addEvenness(input: FilterInput, add: (part: string, value: number) => void): void {
  const { workloads, freeMemory, freeCpus, fewWorkloads } = partsWith(input, input.workload);
  const isBalanced = input.policy.strategy === 'balanced';
  if (isBalanced) add('workloads', workloads);
  add('freeMemory', freeMemory);
  add('freeCpus', freeCpus);
  if (!isBalanced) add('fewWorkloads', fewWorkloads);
}

/** All of it together. */
export function evennessWith(host: Pick<FilterInput, 'facts' | 'usage' | 'policy'>, workload: Workload | null): number {
  const { workloads, freeMemory, freeCpus, fewWorkloads } = partsWith(host, workload);
  return workloads + freeMemory + freeCpus + fewWorkloads;
}
