// Runs one mutant through its scenario: with the rule switched off the simulator must see a violation, with it in force none.
import { readFile } from 'node:fs/promises';
import { Defect, messageOf } from '../../shared/errors.js';
import { runScenario } from '../run-scenario.js';
import { parseScenario } from '../scenario/parse-scenario.js';
import type { InvariantName } from '../scenario/result.js';
import type { Scenario } from '../scenario/scenario.js';
import { withoutLocks, type Mutant } from './mutants.js';

export interface MutantResult {
  readonly name: string;
  readonly without: string;
  /** The seed and the violation that caught it; null: nobody did. */
  readonly caught: { readonly seed: number; readonly violation: string } | null;
  /** What the product itself violates there: must be empty. */
  readonly product: readonly string[];
  readonly runs: number;
}

/** Seeds of the same scenario: where it takes luck, chance is given so often. */
const BUDGET = 60;

export async function runMutant(mutant: Mutant, folder: string): Promise<MutantResult> {
  const parsed = parseScenario(await readFile(`${folder}/${mutant.name}.yaml`, 'utf8'));
  if (!parsed.ok) throw new Defect(`the scenario of ${mutant.name}: ${parsed.error}`);
  const scenario = parsed.value;
  for (let seed = 1; seed <= BUDGET; seed += 1) {
    const seen = await whileAlive(mutant, () => violationsOf(scenario, seed, mutant.caughtBy));
    const [violation] = seen;
    if (violation === undefined) continue;
    return { name: mutant.name, without: mutant.without, caught: { seed, violation }, product: await withLocksOff(() => violationsOf(scenario, seed, null)), runs: seed };
  }
  return { name: mutant.name, without: mutant.without, caught: null, product: [], runs: BUDGET };
}

export async function whileAlive<T>(mutant: Mutant, run: () => Promise<T>): Promise<T> {
  return withLocksOff(async () => {
    const undo = mutant.apply();
    try {
      return await run();
    } finally {
      undo();
    }
  });
}

async function withLocksOff<T>(run: () => Promise<T>): Promise<T> {
  const undo = withoutLocks();
  try {
    return await run();
  } finally {
    undo();
  }
}

/** `only`: these; null: all. */
export async function violationsOf(scenario: Scenario, seed: number, only: readonly InvariantName[] | null): Promise<readonly string[]> {
  try {
    const { violations } = await runScenario(scenario, { seed });
    return violations.filter((one) => only === null || only.includes(one.invariant)).map((one) => `${one.invariant}: ${one.detail} at ${one.t} s`);
  } catch (error) {
    return only === null ? [`broke: ${messageOf(error)}`] : [];
  }
}
