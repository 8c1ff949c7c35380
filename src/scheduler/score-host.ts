// Scores of a host that passed all filters: higher is better. What weighs more is named first.
import { deadAmong, isFailing } from '../hosts/host-health.js';
import type { FilterInput } from './filter.js';
import { addCpuScore } from './score-cpu.js';
import { addEvenness } from './score-evenness.js';
import { addRuleScores } from './score-rules.js';

/**
 * A host where it failed lately comes last, before it one with trouble: a hint keeps nothing down. Soft rules come before evenness; then evenness as the strategy says.
 */
const FAILED_LATELY = -1_000_000;
/** There it would run and reach nobody; where hardware is failing it may be lost soon. */
const UPLINK_LOST = -300_000;
const HARDWARE_FAILING = -200_000;
/** Else another one of the plan stays without a place: more than a preference, less than trouble. */
const PLANNED = 170_000;

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
