// Random storms: files that are taken as they are, and the same bytes for the same seed.
import { describe, expect, it } from 'vitest';
import { DOS } from '../../../test/scenarios/coverage.js';
import { runScenario } from '../run-scenario.js';
import { checkScenario } from '../scenario/parse-scenario.js';
import { randomScenario } from './random-scenario.js';

/** Three hosts and one workload, so that this stays quick. */
const SMALL = 2;

describe('a random storm', () => {
  it.each(Array.from({ length: 60 }, (_, index) => index + 1))('of seed %i is a scenario file', (seed) => {
    const checked = checkScenario(JSON.parse(JSON.stringify(randomScenario(seed))));
    expect(checked.ok ? null : checked.error).toBe(null);
  });

  it('does in one seed or another all that a timeline can hold', () => {
    const drawn = new Set(Array.from({ length: 300 }, (_, seed) => randomScenario(seed).timeline ?? []).flat().map((entry) => entry.do as string));
    expect(DOS.filter((one) => !drawn.has(one))).toEqual([]);
  });

  it('gives the same bytes for the same seed, and others for another', async () => {
    const bytes = async (seed: number): Promise<string> => JSON.stringify({ ...(await runScenario(randomScenario(SMALL), { seed, endsEarly: true })), seed: null });
    const [one, again, other] = [await bytes(3), await bytes(3), await bytes(4)];
    expect(again).toBe(one);
    expect(other).not.toBe(one);
  });
});
