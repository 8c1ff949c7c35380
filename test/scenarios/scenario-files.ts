// The golden scenarios: every file of this folder, and how one is run.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runScenario } from '../../src/sim/run-scenario.js';
import { parseScenario } from '../../src/sim/scenario/parse-scenario.js';
import type { SimulationResult } from '../../src/sim/scenario/result.js';
import type { Scenario } from '../../src/sim/scenario/scenario.js';
import { showResult } from '../../src/sim/scenario/show-result.js';

const SCENARIOS_DIR = import.meta.dirname;
/** As `reeve simulate` takes it when none is given. */
const SEED = 1;

export interface ScenarioFile {
  readonly name: string;
  /** The first line: the story in an operator's words. */
  readonly story: string;
  readonly scenario: Scenario;
}

const filesWith = (ending: string): readonly string[] => readdirSync(SCENARIOS_DIR).filter((file) => file.endsWith(ending)).map((file) => file.slice(0, -ending.length)).sort();

export const goldenNames = (): readonly string[] => filesWith('.golden');

export function scenarioFiles(): readonly ScenarioFile[] {
  return filesWith('.yaml').map((name) => {
    const text = readFileSync(join(SCENARIOS_DIR, `${name}.yaml`), 'utf8');
    const parsed = parseScenario(text);
    if (!parsed.ok) throw new Error(`${name}.yaml: ${parsed.error}`);
    return { name, story: /^# (.+)/.exec(text)?.[1] ?? '', scenario: parsed.value };
  });
}

/** The golden text is what `reeve simulate` prints. */
export async function runFile({ scenario }: ScenarioFile): Promise<{ readonly result: SimulationResult; readonly text: string }> {
  const result = await runScenario(scenario, { seed: SEED });
  // How many steps it took changes with every command that is added, and tells nobody anything.
  return { result, text: showResult(result, scenario.name).replace(/, \d+ steps\)$/m, ')') };
}
