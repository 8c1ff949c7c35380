// What random storms or mutants once found in the product: each stays in test/sim/regressions, with the seeds that found it.
import { readFileSync, readdirSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { withoutLocks } from '../mutants/mutants.js';
import { runScenario } from '../run-scenario.js';
import { parseScenario } from '../scenario/parse-scenario.js';

const FOLDER = new URL('../../../test/sim/regressions/', import.meta.url);

interface Regression {
  readonly file: string;
  readonly text: string;
  readonly seeds: readonly number[];
}

const REGRESSIONS = readdirSync(FOLDER).map((file): Regression => {
  const text = readFileSync(new URL(file, FOLDER), 'utf8');
  return { file, text, seeds: (/^# seeds: (.+)$/m.exec(text)?.[1] ?? '').split(' ').filter(Boolean).map(Number) };
});

let restore = (): void => undefined;
afterEach(() => restore());

describe('found once, and gone', () => {
  it('each file names its seeds', () => {
    expect(REGRESSIONS.length).toBeGreaterThan(0);
    for (const { file, seeds } of REGRESSIONS) expect([file, seeds.length > 0 && seeds.every(Number.isInteger)]).toEqual([file, true]);
  });

  // Without the locks of the disks: the rules of the product must do alone.
  it.each(REGRESSIONS.flatMap(({ file, text, seeds }) => seeds.map((seed) => ({ file, text, seed }))))('$file, seed $seed', async ({ text, seed }) => {
    const scenario = parseScenario(text);
    if (!scenario.ok) throw new Error(scenario.error);
    restore = withoutLocks();
    expect((await runScenario(scenario.value, { seed })).violations).toEqual([]);
  });
});
