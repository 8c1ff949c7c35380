// Whole scenarios: the same seed gives the same bytes, the file's policy counts, and the truth is told apart from belief.
import { describe, expect, it } from 'vitest';
import { runScenario } from './run-scenario.js';
import { parseScenario } from './scenario/parse-scenario.js';
import type { Scenario } from './scenario/scenario.js';

const HOSTS = 'hosts: [{ name: h1, fencing: [power] }, { name: h2, fencing: [power] }, { name: h3, fencing: [power] }]\nworkloads: [{ name: v1, host: h1 }]\n';

function scenario(text: string): Scenario {
  const parsed = parseScenario(HOSTS + text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
}

describe('a scenario', () => {
  it('gives the same bytes for the same seed, and others for another', async () => {
    const storm = scenario('weather: { jitterMs: 20 }\ntimeline: [{ at: 10, do: host.power-cut, host: h1 }]\nuntil: 20');
    const [one, again, other] = [await runScenario(storm, { seed: 3 }), await runScenario(storm, { seed: 3 }), await runScenario(storm, { seed: 4 })];
    expect(JSON.stringify(again)).toBe(JSON.stringify(one));
    expect(JSON.stringify({ ...other, seed: 3 })).not.toBe(JSON.stringify(one));
  });

  it('recovers from a power cut with proof before the start', async () => {
    const { events, final, violations } = await runScenario(scenario('timeline: [{ at: 10, do: host.power-cut, host: h1 }]\nuntil: 30'), { seed: 1 });
    const types = events.filter((one) => one.t >= 10).map((one) => one.type);
    expect(types.indexOf('host.fenced')).toBeGreaterThan(types.indexOf('host.silent'));
    expect(types.indexOf('guest.started')).toBeGreaterThan(types.indexOf('host.fenced'));
    expect(final.workloads['v1']).toMatchObject({ state: 'running', runningOn: [expect.stringMatching(/h[23]/)] });
    expect(violations).toEqual([]);
  });

  it.each([
    ['freeze', 'frozen', []],
    ['failover', 'running', ['elsewhere']],
  ])('obeys its policy for an orderly shutdown: %s', async (policy, state, elsewhere) => {
    const { final } = await runScenario(scenario(`policy: { gracefulShutdown: ${policy} }\ntimeline: [{ at: 10, do: host.shutdown, host: h1 }]\nuntil: 40`), { seed: 1 });
    expect(final.workloads['v1']?.state).toBe(state);
    expect(final.workloads['v1']?.runningOn.map((host) => (host === 'h1' ? 'at home' : 'elsewhere'))).toEqual(elsewhere);
  });

  it('shows the disarmed state, and no workload that was deleted', async () => {
    const { final } = await runScenario(scenario('timeline: [{ at: 5, do: workload.create, workload: { name: v2, desired: stopped, host: h2 } }, { at: 8, do: workload.delete, workload: v2 }, { at: 12, do: cluster.disarm }]\nuntil: 20'), { seed: 1 });
    expect(final.workloads).toMatchObject({ v1: { state: 'frozen', runningOn: ['h1'] } });
    expect(Object.keys(final.workloads)).toEqual(['v1']);
  });
});
