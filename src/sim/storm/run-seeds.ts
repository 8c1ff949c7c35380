// Runs seeds of random storms; a seed that fails gives its violations and its scenario, shrunk as far as it still fails in the same way.
import { messageOf } from '../../shared/errors.js';
import { runScenario } from '../run-scenario.js';
import type { Scenario } from '../scenario/scenario.js';
import { randomScenario } from './random-scenario.js';

export interface FailedSeed {
  readonly seed: number;
  /** Names of what was violated, and the first detail of each; or what broke. */
  readonly violations: readonly string[];
  readonly scenario: Scenario;
}

export async function runSeed(seed: number): Promise<FailedSeed | null> {
  const scenario = randomScenario(seed);
  const violations = await violationsOf(scenario, seed);
  return violations.length === 0 ? null : { seed, violations, scenario };
}

async function violationsOf(scenario: Scenario, seed: number): Promise<readonly string[]> {
  try {
    const { violations } = await runScenario(scenario, { seed, endsEarly: true });
    const names = [...new Set(violations.map((one) => one.invariant))];
    return names.map((name) => `${name}: ${violations.find((one) => one.invariant === name)?.detail ?? ''} at ${violations.find((one) => one.invariant === name)?.t ?? 0} s`);
  } catch (error) {
    return [`broke: ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}`];
  }
}

const nameOf = (violation: string): string => violation.slice(0, violation.indexOf(':'));

/** More runs than this make no file any shorter that a person would thank for. */
const MOST_RUNS = 150;

/** Leaves out entries of the timeline, then rules and workloads, for as long as the first invariant is still violated. */
export async function shrink({ seed, scenario, violations }: FailedSeed): Promise<Scenario> {
  const wanted = nameOf(violations[0] ?? '');
  let smallest = scenario;
  let runs = 0;
  const fails = async (candidate: Scenario): Promise<boolean> => {
    runs += 1;
    return (await violationsOf(candidate, seed)).some((one) => nameOf(one) === wanted);
  };
  for (let size = Math.ceil((smallest.timeline?.length ?? 0) / 2); size >= 1 && runs < MOST_RUNS; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < (smallest.timeline?.length ?? 0) && runs < MOST_RUNS; ) {
      const candidate = { ...smallest, timeline: (smallest.timeline ?? []).filter((_, index) => index < at || index >= at + size) };
      if (await fails(candidate)) smallest = candidate;
      else at += size;
    }
  }
  for (const candidateOf of [(one: Scenario) => ({ ...one, rules: [] }), (one: Scenario) => ({ ...one, weather: {} })]) {
    const candidate = candidateOf(smallest);
    if (await fails(candidate)) smallest = candidate;
  }
  for (const { name } of smallest.workloads ?? []) {
    const isNamed = JSON.stringify([smallest.timeline, smallest.rules, (smallest.workloads ?? []).map((one) => one.startAfter)]).includes(`"${name}"`);
    if (isNamed || runs >= MOST_RUNS) continue;
    const candidate = { ...smallest, workloads: (smallest.workloads ?? []).filter((one) => one.name !== name) };
    if (await fails(candidate)) smallest = candidate;
  }
  return smallest;
}
