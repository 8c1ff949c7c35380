// `reeve simulate FILE`: runs a scenario in virtual time and prints what happened. It needs no control plane.
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { compileLate } from './engine/compile-late.js';
import { runScenario } from './run-scenario.js';
import { parseScenario } from './scenario/parse-scenario.js';
import { showResult } from './scenario/show-result.js';

export interface SimulateOutput {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** Exit codes: it ran; an invariant was violated; the file is refused. */
const RAN = 0;
const VIOLATED = 1;
const REFUSED = 2;
const DEFAULT_SEED = 1;

export async function simulate(file: string, options: { readonly json: boolean; readonly seed: number | null }, { out, err }: SimulateOutput): Promise<number> {
  compileLate();
  let content: string;
  try {
    content = file === '-' ? await text(process.stdin) : await readFile(file, 'utf8');
  } catch (error) {
    err(`reeve: ${file}: ${error instanceof Error ? error.message : String(error)}\n`);
    return REFUSED;
  }
  const scenario = parseScenario(content);
  if (!scenario.ok) {
    err(`reeve: ${file}: ${scenario.error}\n`);
    return REFUSED;
  }
  const result = await runScenario(scenario.value, { seed: options.seed ?? DEFAULT_SEED });
  out(options.json ? `${JSON.stringify(result, null, 2)}\n` : showResult(result, scenario.value.name));
  return result.violations.length > 0 ? VIOLATED : RAN;
}
