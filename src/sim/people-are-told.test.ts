// Whatever happens to replicas, database and the way to people: they are told everything that they want, in order, in the end.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { wants } from '../cluster/alert.js';
import { applyEntry } from './apply-entry.js';
import { playScenario } from './run-scenario.js';
import { parseScenario } from './scenario/parse-scenario.js';
import type { Scenario } from './scenario/scenario.js';
import { Simulation } from './simulation.js';

const SCENARIOS = join(import.meta.dirname, '../../test/scenarios');
const PEOPLE = { target: 'people', least: 'warning', types: null } as const;
/** A leader that takes over waits for the lease; then an alert takes a look or two. */
const SOON_S = 10;

function scenarioOf(text: string): Scenario {
  const parsed = parseScenario(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
}

function expectToldAll({ store, people, wallMs }: Simulation): void {
  const wanted = store.peek().events.filter((event) => wants(PEOPLE, event) && event.atMs < wallMs - SOON_S * 1_000).map((event) => event.seq);
  const told = people.taken.map((alert) => alert.seq).filter((seq) => seq !== null);
  expect(wanted.length).toBeGreaterThan(0);
  expect([...new Set(told)].slice(0, wanted.length)).toEqual(wanted);
}

const aboutDelivery = ({ store }: Simulation): readonly string[] => store.peek().events.filter((event) => event.type.startsWith('alert.')).map((event) => event.type);

describe('people', () => {
  it.each(['leader-dies-during-fence', 'leader-pauses', 'no-quorum'])('are told all of %s', async (name) => {
    const { simulation, untilS } = await playScenario(scenarioOf(readFileSync(join(SCENARIOS, `${name}.yaml`), 'utf8')), { seed: 1 });
    await simulation.runUntil(untilS + 2 * SOON_S);
    expectToldAll(simulation);
  });

  it.each(['refuses', 'hangs', 'forgetful'] as const)('that could not be reached (%s) are told afterwards, also by another leader', async (fault) => {
    const simulation = new Simulation(scenarioOf('hosts: [{ name: h1, fencing: [power] }, { name: h2, fencing: [power] }, { name: h3, fencing: [power] }]\nworkloads: [{ name: v1, host: h1 }]'), { seed: 1 });
    simulation.people.fault = fault;
    await simulation.setUp();
    simulation.time.after(10_000, () => applyEntry(simulation, { at: 10, do: 'host.power-cut', host: 'h1' }));
    await simulation.runUntil(30);
    simulation.leader()?.crash();
    await simulation.runUntil(60);
    expect(aboutDelivery(simulation)).toEqual(['alert.delivery-failing']);
    simulation.people.fault = 'none';
    // The next try is up to a minute away by now.
    await simulation.runUntil(130);
    expectToldAll(simulation);
    expect(aboutDelivery(simulation)).toEqual(['alert.delivery-failing', 'alert.delivery-works']);
  });
});
