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

  it('draws every resource, and gives no host more than it has', () => {
    const all = Array.from({ length: 300 }, (_, seed) => randomScenario(seed));
    const drawn = new Set(all.flatMap(({ hosts, workloads = [] }) => [...hosts, ...workloads].flatMap((one) => Object.keys(one))));
    expect([...drawn]).toEqual(expect.arrayContaining(['hugepages', 'cpuFlags', 'cpu', 'cpuFeatures', 'localDiskMiB', 'diskMiB']));
    for (const { hosts, workloads = [] } of all) {
      for (const host of hosts) {
        const there = workloads.filter((one) => one.host === host.name);
        const pagesMiB = there.reduce((sum, one) => sum + (one.hugepages ? (one.memoryMiB ?? 1024) : 0), 0);
        expect(pagesMiB).toBeLessThanOrEqual(2 * (typeof host.hugepages === 'object' ? (host.hugepages['2MiB'] ?? 0) : 0));
        for (const feature of there.flatMap(({ cpuFeatures = [] }) => cpuFeatures)) expect(host.cpuFlags).toContain(feature);
      }
    }
  });

  it('gives the same bytes for the same seed, and others for another', async () => {
    const bytes = async (seed: number): Promise<string> => JSON.stringify({ ...(await runScenario(randomScenario(SMALL), { seed, endsEarly: true })), seed: null });
    const [one, again, other] = [await bytes(3), await bytes(3), await bytes(4)];
    expect(again).toBe(one);
    expect(other).not.toBe(one);
  });
});
