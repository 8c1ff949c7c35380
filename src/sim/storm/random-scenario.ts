// A random cluster under a random storm, then everything healed: the same seed gives the same scenario.
import { seededRng, type Rng } from '../../shared/rng.js';
import { DEFAULT_POLICY, type AdmissionMode } from '../../cluster/cluster-policy.js';
import type { Scenario, ScenarioHost, ScenarioRule, ScenarioWorkload, TimelineEntry } from '../scenario/scenario.js';
import { deadWatchdogs } from './dead-watchdogs.js';
import { hangingDaemons } from './hanging-daemons.js';
import { hostTroubles, wellAgain } from './host-troubles.js';
import { labelled, relabelled, selectiveRules } from './random-labels.js';
import { withResources } from './random-resources.js';
import { peopleMeanwhile, replicasChosen, startsAndMoves, stopsByHand } from './random-people.js';
import { plansMeanwhile, randomRebalance } from './random-plans.js';
import { moreRules } from './random-rules.js';
import { healed, pick, putRight, randomStorm } from './random-storm.js';

/** The storm begins once everybody was heard for a while. */
const BEGINS_S = 6;
/** After the last entry: as long as everything-ends allows, see there. A run ends before, once everything has ended. */
const CALM_S = 250;

export function randomScenario(seed: number): Scenario {
  const rng = seededRng(seed);
  const hosts = randomHosts(rng);
  const workloads = randomWorkloads(rng, hosts);
  const controllers = hosts.some((host) => host.runsController) ? rng.int(2) : 1 + rng.int(rng.next() < 0.8 ? 3 : 5);
  const replicas = controllers + hosts.filter((host) => host.runsController).length;
  const lengthS = 5 + rng.int(55);
  const site = { hosts, workloads, replicas, beginsS: BEGINS_S, lengthS };
  const storm = withFenceFaults(seed, randomStorm(rng, site));
  const healAt = BEGINS_S + lengthS + 3 + rng.int(40);
  const weather = withDrift(seed, randomWeather(rng));
  const admission = randomAdmission(seed);
  const seen = labelled(seed, withResources(seed, shortOfMemory(seed, randomCpus(seed, hosts, withContainers(seed, withMoreFaults(seed, hosts, workloads))))));
  const rules = selectiveRules(seed, seen, moreRules(seed, site, randomRules(rng, hosts, workloads)));
  const struck = [...storm, ...deadWatchdogs(seed, site, storm), ...peopleMeanwhile(seed, site, rules), ...stopsByHand(seed, site), ...replicasChosen(seed, site), ...(admission === 'off' ? [] : startsAndMoves(seed, site)), ...hostTroubles(seed, site), ...hangingDaemons(seed, site), ...relabelled(seed, { ...site, ...seen }), ...plansMeanwhile(seed, site)].filter((entry) => entry.at < healAt).sort((one, other) => one.at - other.at);
  const timeline = [...struck, ...wellAgain(struck, healAt), ...healed(site, healAt), ...putRight(struck, healAt + 30)];
  return { name: `storm of seed ${seed}`, ...randomPolicy(seed, admission), controllers, ...weather, ...seen, rules: [...rules], timeline, until: healAt + 30 + CALM_S };
}

/** Of a stream of its own, so that seeds keep their clusters and storms. The bound is far below the product's: a storm is short. */
function randomPolicy(seed: number, admission: AdmissionMode): Pick<Scenario, 'policy'> {
  const rng = seededRng(seed ^ 0x5a17_90e5);
  const placed = { ...randomPlacement(seed), ...randomRebalance(seed), ...(admission === 'off' ? {} : { admission }) };
  if (rng.next() < 0.4) return Object.keys(placed).length === 0 ? {} : { policy: placed };
  return { policy: { gracefulShutdown: pick(rng, ['migrate', 'migrate', 'failover', 'freeze'] as const), migrateWithinS: 3 + rng.int(30), ...placed } };
}

/** Of a stream of its own: most clusters look for no room. */
function randomAdmission(seed: number): AdmissionMode {
  const rng = seededRng(seed ^ 0x00ad_0175);
  return rng.next() < 0.7 ? 'off' : pick(rng, ['n+1', 'n+1', 'n+2', 'zone'] as const);
}

/** Of a stream of its own, too: it came later. */
function randomPlacement(seed: number): NonNullable<Scenario['policy']> {
  const rng = seededRng(seed ^ 0x71ac_e5b3);
  if (rng.next() < 0.5) return {};
  return { placement: pick(rng, ['capacity', 'usage'] as const), ...(rng.next() < 0.5 ? { maxSilentShare: pick(rng, [0.34, 0.7, 1]) } : {}) };
}

/** Of a stream of its own. Some clusters are short of CPUs: with the product's overcommit of 4 a host of one CPU has four to give. */
function randomCpus(seed: number, hosts: readonly ScenarioHost[], workloads: readonly ScenarioWorkload[]): { readonly hosts: ScenarioHost[]; readonly workloads: ScenarioWorkload[] } {
  const rng = seededRng(seed ^ 0x0c9b_5e11);
  if (rng.next() < 0.5) return { hosts: [...hosts], workloads: [...workloads] };
  const short = hosts.map((one) => ({ ...one, cpus: pick(rng, [1, 2, 4, 32]) }));
  const sized = workloads.map((one) => ({ ...one, cpus: pick(rng, [1, 1, 2, 4]) }));
  return { hosts: short.map((one) => ({ ...one, cpus: Math.max(one.cpus, cpusFor(sized.filter(({ host }) => host === one.name))) })), workloads: sized };
}

/** Of a stream of its own. Some clusters have little more memory than their workloads take: then others must move before one has a place. */
function shortOfMemory(seed: number, { hosts, workloads }: { readonly hosts: ScenarioHost[]; readonly workloads: ScenarioWorkload[] }): { readonly hosts: ScenarioHost[]; readonly workloads: ScenarioWorkload[] } {
  const rng = seededRng(seed ^ 0x2f6d_81c7);
  if (rng.next() < 0.85) return { hosts, workloads };
  const sized = workloads.map((one) => ({ ...one, memoryMiB: 256 * pick(rng, [1, 1, 2, 2, 4, 8]) }));
  const needed = (name: string): number => sized.filter(({ host }) => host === name).reduce((sum, { memoryMiB }) => sum + memoryMiB, 0);
  return { hosts: hosts.map((one) => ({ ...one, memoryMiB: DEFAULT_POLICY.placement.reservedMemoryMiB + needed(one.name) + 256 * (1 + rng.int(6)) })), workloads: sized };
}

/** Nobody gave a host more than fits: a move that ends where it began would be told from too much by nothing. */
function cpusFor(there: readonly ScenarioWorkload[]): number {
  const vcpus = there.reduce((sum, { cpus }) => sum + (cpus ?? 1), 0);
  return Math.ceil(vcpus / DEFAULT_POLICY.placement.cpuOvercommit);
}

/** Of a stream of its own: a device that breaks hangs, refuses at once, or cuts late. */
function withFenceFaults(seed: number, storm: readonly TimelineEntry[]): readonly TimelineEntry[] {
  const rng = seededRng(seed ^ 0x7fe2_c0de);
  return storm.map((entry) => (entry.do === 'host.fence-breaks' ? { ...entry, how: pick(rng, ['hangs', 'fails', 'slow'] as const) } : entry));
}

/** Of a stream of its own. The product allows two clocks 1 % between them: two that differ by 0.8 % at most must not matter. */
const MOST_DRIFT = 0.004;

function withDrift(seed: number, { weather }: Pick<Scenario, 'weather'>): Pick<Scenario, 'weather'> {
  const rng = seededRng(seed ^ 0x1d81_f7ed);
  if (rng.next() < 0.5) return weather === undefined ? {} : { weather };
  return { weather: { ...weather, clockDrift: Math.round(rng.next() * MOST_DRIFT * 1e5) / 1e5 } };
}

function randomWeather(rng: Rng): Pick<Scenario, 'weather'> {
  if (rng.next() < 0.6) return {};
  const queue = rng.next() < 0.5 ? { lateJobsMs: rng.int(3_000), doubleJobs: 0.2 } : {};
  return { weather: { jitterMs: rng.int(60), duplicates: rng.next() < 0.5 ? 0.1 : 0, ...queue, ...(rng.next() < 0.3 ? { lateCommands: 0.02 } : {}) } };
}

const FENCING = [['power'], ['power', 'watchdog'], ['watchdog'], ['none']] as const;

function randomHosts(rng: Rng): ScenarioHost[] {
  const count = 2 + rng.int(rng.next() < 0.85 ? 4 : 11);
  const onHosts = rng.next() < 0.2 ? 1 + rng.int(3) : 0;
  // Mostly one kind for all, as people buy machines.
  const fencing = rng.next() < 0.7 ? pick(rng, [FENCING[0], FENCING[1], FENCING[2], FENCING[2]]) : null;
  return Array.from({ length: count }, (_, index) => ({
    name: `host-${index + 1}`,
    cpus: 32,
    memoryMiB: pick(rng, [4_096, 16_384, 16_384]),
    fencing: [...(fencing ?? pick(rng, FENCING))],
    ...(index < onHosts ? { runsController: true } : {}),
  }));
}

function randomWorkloads(rng: Rng, hosts: readonly ScenarioHost[]): ScenarioWorkload[] {
  const most = rng.next() < 0.85 ? 8 : 60;
  const count = 1 + rng.int(Math.min(most, 5 * hosts.length));
  return Array.from({ length: count }, (_, index) => ({
    name: `vm-${index + 1}`,
    host: pick(rng, hosts).name,
    cpus: 1,
    memoryMiB: 128 * (1 + rng.int(4)),
    priority: rng.int(3),
    desired: pick(rng, ['running', 'running', 'running', 'running', 'running', 'running', 'running', 'running', 'stopped', 'disabled'] as const),
    maxRestarts: 1 + rng.int(3),
    maxRelocations: 1 + rng.int(3),
    ...(index > 0 && rng.next() < 0.1 ? { startAfter: [`vm-${1 + rng.int(index)}`] } : {}),
    ...(rng.next() < 0.1 ? { failback: true } : {}),
    ...(rng.next() < 0.05 ? { faults: pick(rng, [{ startFails: 1 + rng.int(2) }, { migrateFails: 1 }, { neverStops: true }]) } : {}),
  }));
}

/** Of a stream of its own: guests that die some while after each start, everywhere or on one host, or that are not there at time 0. */
function withMoreFaults(seed: number, hosts: readonly ScenarioHost[], workloads: readonly ScenarioWorkload[]): readonly ScenarioWorkload[] {
  const rng = seededRng(seed ^ 0x4c13_a7f2);
  return workloads.map((one) => {
    const [chance, crashesAfterS, onlyOn] = [rng.next(), 1 + rng.int(30), pick(rng, hosts).name];
    if (chance > 0.06 || one.faults !== undefined) return one;
    return { ...one, faults: pick(rng, [{ crashesAfterS }, { crashesAfterS, onlyOn }, { running: false }, { startFails: 1, onlyOn }]) };
  });
}

/** Of a stream of its own: in some clusters, some have their data at their host, most of those with a copy elsewhere. */
function withContainers(seed: number, workloads: readonly ScenarioWorkload[]): readonly ScenarioWorkload[] {
  const rng = seededRng(seed ^ 0x10ca_1d15);
  if (rng.next() < 0.75) return workloads;
  return workloads.map((one) => {
    const [chance, isCopied, everyS] = [rng.next(), rng.next() < 0.7, 10 + rng.int(50)];
    if (chance > 0.4) return one;
    // Some of them in a pool on a LUN.
    return { ...one, kind: 'container', storage: one.host !== undefined && everyS % 3 === 0 ? 'lun' : 'local', ...(isCopied ? { replicateEveryS: everyS } : {}) };
  });
}

function randomRules(rng: Rng, hosts: readonly ScenarioHost[], workloads: readonly ScenarioWorkload[]): ScenarioRule[] {
  if (workloads.length < 2 || rng.next() < 0.6) return [];
  const [one, two] = [pick(rng, workloads), pick(rng, workloads)];
  if (one.name === two.name) return [];
  const names = [one.name, two.name];
  const chance = rng.next();
  // Hard rules only where they hold from the beginning.
  if (chance < 0.4) return [{ name: 'r1', type: 'keep-apart', workloads: names, hard: one.host !== two.host && rng.next() < 0.5 }];
  if (chance < 0.7) return [{ name: 'r1', type: 'keep-together', workloads: names, hard: one.host === two.host && rng.next() < 0.5 }];
  return [{ name: 'r1', type: 'hosts', workloads: [one.name], hard: false, hosts: [{ host: pick(rng, hosts).name, priority: 1 }] }];
}
