// Scores of a host that passed all filters: higher is better. What weighs more is named first.
import { deadAmong, isFailing } from '../hosts/host-health.js';
import { reservedHugepagesMiB } from '../hosts/hugepages.js';
import { ordinaryMemoryMiB } from '../workloads/hugepage-needs.js';
import type { FilterInput } from './filter.js';
import { addCpuScore } from './score-cpu.js';
import { addRuleScores } from './score-rules.js';
import { takenBy } from './usage.js';

/**
 * A host where it failed lately comes last, before it one with trouble: a hint keeps nothing down. Soft rules come before evenness; then evenness as the strategy says.
 * balanced: one workload less outweighs any difference in size. capacity, usage: memory is what runs out first, then CPUs.
 */
const FAILED_LATELY = -1_000_000;
/** There it would run and reach nobody; where hardware is failing it may be lost soon. */
const UPLINK_LOST = -300_000;
const HARDWARE_FAILING = -200_000;
/** Else another one of the plan stays without a place: more than a preference, less than trouble. */
const PLANNED = 170_000;
const BALANCED = { eachWorkload: -100, freeMemory: 60, freeCpus: 39 } as const;
const BY_SIZE = { freeMemory: 100, freeCpus: 50, fewWorkloads: 10 } as const;

/** Takes the parts one by one: of a thousand hosts only the sum is wanted, and nothing is made for it. */
export type AddScore = (part: string, value: number) => void;

export function scoreHost(input: FilterInput): Readonly<Record<string, number>> {
  const parts: Record<string, number> = {};
  addScores(input, (part, value) => {
    parts[part] = value;
  });
  return parts;
}

export function addScores(input: FilterInput, add: AddScore): void {
  const { host, workload, request } = input;
  if (workload.failures.failedHostIds.includes(host.id)) add('failedLately', FAILED_LATELY);
  if (deadAmong(host, workload.needs.bridges).length > 0) add('uplinkLost', UPLINK_LOST);
  if (isFailing(host)) add('hardwareFailing', HARDWARE_FAILING);
  if (request.planned === host.id) add('planned', PLANNED);
  addRuleScores(input, add);
  addCpuScore(input, add);
  addEvenness(input, add);
}

function addEvenness({ facts, usage, workload, policy }: FilterInput, add: AddScore): void {
  const memory = Math.max(1, (facts.memoryMiB - reservedHugepagesMiB(facts) - policy.reservedMemoryMiB) * policy.memoryOvercommit);
  const cpus = Math.max(1, facts.cpus * policy.cpuOvercommit);
  const taken = takenBy(workload);
  const byUsage = policy.strategy === 'usage';
  const freeMemory = share(1 - (byUsage ? usage.usedMemoryMiB + taken.memoryMiB : usage.memoryMiB + ordinaryMemoryMiB(workload.needs)) / memory);
  const freeCpus = share(1 - (byUsage ? usage.usedCpus + taken.cpus : usage.vcpus + workload.needs.vcpus) / cpus);
  const isBalanced = policy.strategy === 'balanced';
  if (isBalanced) add('workloads', BALANCED.eachWorkload * usage.workloads);
  add('freeMemory', (isBalanced ? BALANCED : BY_SIZE).freeMemory * freeMemory);
  add('freeCpus', (isBalanced ? BALANCED : BY_SIZE).freeCpus * freeCpus);
  if (!isBalanced) add('fewWorkloads', BY_SIZE.fewWorkloads / (1 + usage.workloads));
}

const share = (value: number): number => Math.min(1, Math.max(0, value));
