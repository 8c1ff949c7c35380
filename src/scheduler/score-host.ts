// Scores of a host that passed all filters: higher is better. What weighs more is named first.
import { deadAmong, isFailing } from '../hosts/host-health.js';
import { reservedHugepagesMiB } from '../hosts/hugepages.js';
import { ordinaryMemoryMiB } from '../workloads/hugepage-needs.js';
import type { FilterInput } from './filter.js';
import { scoreCpu } from './score-cpu.js';
import { scoreRules } from './score-rules.js';
import { takenBy } from './usage.js';

/**
 * A host where it failed lately comes last, before it one with trouble: a hint keeps nothing down. Soft rules come before evenness; then evenness as the strategy says.
 * balanced: one workload less outweighs any difference in size. capacity, usage: memory is what runs out first, then CPUs.
 */
const FAILED_LATELY = -1_000_000;
/** There it would run and reach nobody; where hardware is failing it may be lost soon. */
const UPLINK_LOST = -300_000;
const HARDWARE_FAILING = -200_000;
/** Else another one of the plan stays without a place. */
const PLANNED = 250_000;
const BALANCED = { eachWorkload: -100, freeMemory: 60, freeCpus: 39 } as const;
const BY_SIZE = { freeMemory: 100, freeCpus: 50, fewWorkloads: 10 } as const;

export function scoreHost(input: FilterInput): Readonly<Record<string, number>> {
  const { host, workload, request } = input;
  return {
    ...(workload.failures.failedHostIds.includes(host.id) ? { failedLately: FAILED_LATELY } : {}),
    ...(deadAmong(host, workload.needs.bridges).length > 0 ? { uplinkLost: UPLINK_LOST } : {}),
    ...(isFailing(host) ? { hardwareFailing: HARDWARE_FAILING } : {}),
    ...(request.planned === host.id ? { planned: PLANNED } : {}),
    ...scoreRules(input),
    ...scoreCpu(input),
    ...evenness(input),
  };
}

function evenness({ facts, usage, workload, policy }: FilterInput): Readonly<Record<string, number>> {
  const memory = Math.max(1, (facts.memoryMiB - reservedHugepagesMiB(facts) - policy.reservedMemoryMiB) * policy.memoryOvercommit);
  const cpus = Math.max(1, facts.cpus * policy.cpuOvercommit);
  const taken = takenBy(workload);
  const byUsage = policy.strategy === 'usage';
  const freeMemory = share(1 - (byUsage ? usage.usedMemoryMiB + taken.memoryMiB : usage.memoryMiB + ordinaryMemoryMiB(workload.needs)) / memory);
  const freeCpus = share(1 - (byUsage ? usage.usedCpus + taken.cpus : usage.vcpus + workload.needs.vcpus) / cpus);
  if (policy.strategy === 'balanced') return { workloads: BALANCED.eachWorkload * usage.workloads, freeMemory: BALANCED.freeMemory * freeMemory, freeCpus: BALANCED.freeCpus * freeCpus };
  return { freeMemory: BY_SIZE.freeMemory * freeMemory, freeCpus: BY_SIZE.freeCpus * freeCpus, fewWorkloads: BY_SIZE.fewWorkloads / (1 + usage.workloads) };
}

const share = (value: number): number => Math.min(1, Math.max(0, value));
