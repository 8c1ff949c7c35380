// Runs a scenario from its first second to its last, and says how it ended.
import { hostState } from '../cluster/host-state.js';
import type { Host } from '../hosts/host.js';
import { applyEntry } from './apply-entry.js';
import { checkEverythingEnds, hasEverythingEnded } from './invariants/everything-ends.js';
import type { SimulationResult } from './scenario/result.js';
import type { Scenario, TimelineEntry } from './scenario/scenario.js';
import { Simulation, type SimulationOptions } from './simulation.js';

/** After the last entry, where the file does not say. */
const DEFAULT_TAIL_S = 600;

export async function runScenario(scenario: Scenario, options: SimulationOptions): Promise<SimulationResult> {
  const { simulation, untilS } = await playScenario(scenario, options);
  checkEverythingEnds(simulation);
  return resultOf(simulation, options.seed, untilS);
}

/** Runs the whole timeline and leaves the simulation where it stands. */
export async function playScenario(scenario: Scenario, options: SimulationOptions): Promise<{ readonly simulation: Simulation; readonly untilS: number }> {
  const timeline = scenario.timeline ?? [];
  const untilS = scenario.until ?? (timeline.at(-1)?.at ?? 0) + DEFAULT_TAIL_S;
  const simulation = new Simulation(scenario, options);
  await simulation.setUp();
  for (const together of groups(timeline)) {
    simulation.time.after((together[0]?.at ?? 0) * 1000, () => {
      for (const entry of together) applyEntry(simulation, entry);
    });
  }
  if (options.endsEarly === true) return { simulation, untilS: await runUntilCalm(simulation, timeline.at(-1)?.at ?? 0, untilS) };
  await simulation.runUntil(untilS);
  return { simulation, untilS };
}

const LOOK_EVERY_S = 3;
/** Seen as wanted so often in a row: what was about to change has changed. */
const CALM_LOOKS = 4;

async function runUntilCalm(simulation: Simulation, fromS: number, untilS: number): Promise<number> {
  let calm = 0;
  let atS = fromS;
  await simulation.runUntil(atS);
  while (atS < untilS && calm < CALM_LOOKS) {
    atS = Math.min(untilS, atS + LOOK_EVERY_S);
    await simulation.runUntil(atS);
    calm = hasEverythingEnded(simulation) ? calm + 1 : 0;
  }
  return atS;
}

/** Entries of one moment are applied together. */
function groups(timeline: readonly TimelineEntry[]): readonly (readonly TimelineEntry[])[] {
  const byTime = new Map<number, TimelineEntry[]>();
  for (const entry of timeline) byTime.set(entry.at, [...(byTime.get(entry.at) ?? []), entry]);
  return [...byTime.values()];
}

export function resultOf(simulation: Simulation, seed: number, untilS: number): SimulationResult {
  const { narrator, checker, time } = simulation;
  return {
    seed,
    events: narrator.events,
    final: { at: untilS, hosts: finalHosts(simulation), workloads: finalWorkloads(simulation) },
    violations: checker.violations,
    stats: { virtualSeconds: untilS, eventsProcessed: time.processed },
  };
}

function finalHosts(simulation: Simulation): SimulationResult['final']['hosts'] {
  const { hosts, workloads } = simulation.store.peek();
  const verdict = simulation.leaderVerdict();
  const stateOf = (host: Host): string => hostState(host, verdict?.hosts.find((one) => one.hostId === host.id) ?? null, [...workloads.values()]);
  return Object.fromEntries(
    simulation.scenario.hosts.map(({ name }) => {
      const row = hosts.get(name);
      return [name, { state: row ? stateOf(row) : 'offline', power: simulation.world.host(name).powered ? 'on' : 'off', network: simulation.network.isUp(name) ? 'up' : 'down' } as const];
    }),
  );
}

function finalWorkloads(simulation: Simulation): SimulationResult['final']['workloads'] {
  const { workloads } = simulation.store.peek();
  return Object.fromEntries(
    [...simulation.uuids].filter(([name, uuid]) => workloads.has(name) || [...simulation.world.hosts].some((host) => host.domains.has(uuid))).map(([name, uuid]) => {
      const row = workloads.get(name);
      const runningOn = [...simulation.world.hosts].filter((host) => host.powered && (host.domains.get(uuid)?.running ?? null) !== null && host.domains.get(uuid)?.running?.state !== 'migrating-in').map((host) => host.name);
      const home = row?.hostId === undefined || row.hostId === null ? null : row.hostId;
      return [name, row ? { state: simulation.shownState(row), host: row.desired === 'unmanaged' ? (runningOn[0] ?? home) : home, runningOn, why: row.why } : { state: 'unmanaged', host: runningOn[0] ?? null, runningOn, why: null }];
    }),
  );
}
