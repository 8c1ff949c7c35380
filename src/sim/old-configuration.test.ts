// A configuration of before that is written late (by an enrolment that began earlier, say) takes no host back to voters that no take-over asks any more.
import { expect, it } from 'vitest';
import { applyEntry } from './apply-entry.js';
import { parseScenario } from './scenario/parse-scenario.js';
import type { TimelineEntry } from './scenario/scenario.js';
import { Simulation } from './simulation.js';

const CLUSTER = 'controllers: 1\nhosts: [{ name: h1 }, { name: h2 }, { name: h3 }, { name: h4 }, { name: h5 }]\nworkloads: [{ name: v1, host: h1, memoryMiB: 1024 }, { name: v2, host: h2, memoryMiB: 1024 }]\n';
/** Empty hosts fall away one after the other, and come back to h1 and to each other only. */
const BEFORE: readonly TimelineEntry[] = [
  { at: 10, do: 'host.cut-from', host: 'h5', peers: ['h1', 'h2', 'h3', 'h4', 'control-plane'] },
  { at: 50, do: 'host.cut-from', host: 'h4', peers: ['h1', 'h2', 'h3', 'control-plane'] },
  { at: 90, do: 'host.cut-from', host: 'h3', peers: ['h1', 'h2', 'control-plane'] },
  { at: 140, do: 'host.heal-from', host: 'h5', peers: ['h1', 'h3', 'h4'] },
  { at: 140, do: 'host.heal-from', host: 'h4', peers: ['h1', 'h3'] },
  { at: 140, do: 'host.heal-from', host: 'h3', peers: ['h1'] },
];
/** The agent is killed, and its host cut off from those that have a vote. */
const THEN: readonly TimelineEntry[] = [
  { at: 150, do: 'agent.crash', host: 'h1' },
  { at: 150.03, do: 'agent.start', host: 'h1' },
  { at: 150.05, do: 'host.cut-from', host: 'h1', peers: ['h2', 'control-plane'] },
];

it('the lease of a host ends by the newest voters that it has named, also over a restart of its agent', async () => {
  const parsed = parseScenario(CLUSTER);
  if (!parsed.ok) throw new Error(parsed.error);
  const simulation = new Simulation(parsed.value, { seed: 1 });
  await simulation.setUp();
  const h1 = simulation.world.host('h1');
  const later = (atS: number, act: () => void): void => void simulation.time.after(atS * 1_000, act);
  for (const entry of [...BEFORE, ...THEN]) later(entry.at, () => void applyEntry(simulation, entry));
  later(5, () => {
    const old = h1.agentConfig;
    later(140, () => {
      expect([old?.voters?.ids.length, h1.agentConfig?.voters?.ids.length]).toEqual([5, 3]);
      h1.agentConfig = old;
    });
  });
  await simulation.runUntil(200);
  const { hosts, workloads } = simulation.store.peek();
  const v1 = [...workloads.values()].find((one) => one.name === 'v1');
  expect([...hosts.values()].find((one) => one.name === 'h1')?.proof?.kind).toBe('lease-expired');
  // No disk lock had to save it.
  expect([v1?.state, v1?.hostId && hosts.get(v1.hostId)?.name]).toEqual(['running', 'h2']);
  expect([...simulation.world.hosts].filter((host) => [...host.domains.values()].some((one) => one.name === 'v1' && one.running !== null)).map((host) => host.name)).toEqual(['h2']);
  expect(simulation.checker.violations).toEqual([]);
});
