// The story that is offered where there can be no lab: it is taken, each part of it happens, and nothing is violated.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runScenario } from '../src/sim/run-scenario.js';
import { parseScenario } from '../src/sim/scenario/parse-scenario.js';

it('plays the story on simulated hosts', async () => {
  const scenario = parseScenario(readFileSync(join(import.meta.dirname, 'story.scenario.yaml'), 'utf8'));
  if (!scenario.ok) expect.fail(scenario.error);
  const { events, violations } = await runScenario(scenario.value, { seed: 1 });
  expect(violations).toEqual([]);
  const types = events.map((event) => event.type);
  for (const type of ['workload.moved', 'host.drained', 'host.silent', 'host.fenced', 'workload.recovered', 'host.online']) expect(types).toContain(type);
});
