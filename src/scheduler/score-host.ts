// Scores of a host that passed all filters: higher is better; every part lies between 0 and its weight.
import type { FilterInput } from './filter.js';

/** Memory is what runs out first; then CPUs; an even count breaks near ties. A host where it failed lately comes last. */
const WEIGHTS = { freeMemory: 100, freeCpus: 50, fewWorkloads: 10, failedLately: -1_000 } as const;

export function scoreHost({ host, facts, usage, workload, policy }: FilterInput): Readonly<Record<string, number>> {
  const memory = Math.max(1, (facts.memoryMiB - policy.reservedMemoryMiB) * policy.memoryOvercommit);
  const cpus = Math.max(1, facts.cpus * policy.cpuOvercommit);
  return {
    freeMemory: WEIGHTS.freeMemory * share(1 - (usage.memoryMiB + workload.needs.memoryMiB) / memory),
    freeCpus: WEIGHTS.freeCpus * share(1 - (usage.vcpus + workload.needs.vcpus) / cpus),
    fewWorkloads: WEIGHTS.fewWorkloads / (1 + usage.workloads),
    ...(workload.failures.failedHostIds.includes(host.id) ? { failedLately: WEIGHTS.failedLately } : {}),
  };
}

const share = (value: number): number => Math.min(1, Math.max(0, value));
