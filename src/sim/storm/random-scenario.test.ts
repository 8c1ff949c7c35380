// Random storms: files that are taken as they are, and the same bytes for the same seed.
import { describe, expect, it } from 'vitest';
import { runScenario } from '../run-scenario.js';
import { checkScenario } from '../scenario/parse-scenario.js';
import { randomScenario } from './random-scenario.js';

describe('a random storm', () => {
  it.each(Array.from({ length: 60 }, (_, index) => index + 1))('of seed %i is a scenario file', (seed) => {
    const checked = checkScenario(JSON.parse(JSON.stringify(randomScenario(seed))));
    expect(checked.ok ? null : checked.error).toBe(null);
  });

  it('gives the same bytes for the same seed, and others for another', async () => {
    const bytes = async (storm: number, seed: number): Promise<string> => JSON.stringify(await runScenario(randomScenario(storm), { seed, endsEarly: true }));
    expect(await bytes(3, 3)).toBe(await bytes(3, 3));
    expect(await bytes(3, 4)).not.toBe(await bytes(3, 3));
  });
});
