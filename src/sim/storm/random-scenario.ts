// A random cluster under a random storm, then everything healed: the same seed gives the same scenario.
import { seededRng, type Rng } from '../../shared/rng.js';
import type { Scenario, ScenarioHost, ScenarioRule, ScenarioWorkload, TimelineEntry } from '../scenario/scenario.js';

/** The storm begins once everybody was heard for a while. */
const BEGINS_S = 20;
/** After the healing: long enough for the slowest thing that ends by itself, see everything-ends. */
const CALM_S = 440;

export function randomScenario(seed: number): Scenario {
  const rng = seededRng(seed);
  const hosts = randomHosts(rng);
  const workloads = randomWorkloads(rng, hosts);
  const controllers = hosts.some((host) => host.runsController) ? 0 : 1 + rng.int(3);
  const replicas = controllers || hosts.filter((host) => host.runsController).length;
  const lengthS = 20 + rng.int(80);
  const storm = randomStorm(rng, { hosts, workloads, replicas, lengthS });
  const healAt = BEGINS_S + lengthS + 40;
  return {
    name: `storm of seed ${seed}`,
    ...(controllers > 0 ? { controllers } : {}),
    ...(rng.next() < 0.3 ? { weather: { jitterMs: rng.int(60), duplicates: rng.next() < 0.5 ? 0.1 : 0 } } : {}),
    hosts,
    workloads,
    rules: randomRules(rng, hosts, workloads),
    timeline: [...storm, ...healed(hosts, replicas, healAt)],
    until: healAt + 60 + CALM_S,
  };
}

const pick = <T>(rng: Rng, from: readonly T[]): T => from[rng.int(from.length)] as T;

function randomHosts(rng: Rng): ScenarioHost[] {
  const count = 2 + rng.int(rng.next() < 0.8 ? 4 : 11);
  const onHosts = rng.next() < 0.15;
  const fencing = pick(rng, [['power'], ['power', 'watchdog'], ['watchdog'], ['watchdog'], null] as const);
  return Array.from({ length: count }, (_, index) => ({
    name: `host-${index + 1}`,
    cpus: 32,
    memoryMiB: 16_384,
    fencing: [...(fencing ?? pick(rng, [['power'], ['watchdog'], ['none']] as const))],
    ...(onHosts && index < 3 ? { runsController: true } : {}),
  }));
}

function randomWorkloads(rng: Rng, hosts: readonly ScenarioHost[]): ScenarioWorkload[] {
  const count = 1 + rng.int(rng.next() < 0.85 ? 8 : 40);
  return Array.from({ length: count }, (_, index) => ({
    name: `vm-${index + 1}`,
    host: pick(rng, hosts).name,
    cpus: 1,
    memoryMiB: 128 * (1 + rng.int(4)),
    priority: rng.int(3),
    desired: rng.next() < 0.9 ? 'running' as const : 'stopped' as const,
    maxRestarts: 1 + rng.int(3),
    maxRelocations: 1 + rng.int(3),
    ...(index > 0 && rng.next() < 0.1 ? { startAfter: [`vm-${1 + rng.int(index)}`] } : {}),
    ...(rng.next() < 0.05 ? { faults: pick(rng, [{ startFails: 1 + rng.int(2) }, { migrateFails: 1 }, { neverStops: true }]) } : {}),
  }));
}

function randomRules(rng: Rng, hosts: readonly ScenarioHost[], workloads: readonly ScenarioWorkload[]): ScenarioRule[] {
  if (workloads.length < 2 || rng.next() < 0.6) return [];
  const [one, two] = [pick(rng, workloads), pick(rng, workloads)];
  if (one.name === two.name) return [];
  const hard = one.host !== two.host && rng.next() < 0.5;
  if (rng.next() < 0.6) return [{ name: 'r1', type: 'keep-apart', workloads: [one.name, two.name], hard }];
  return [{ name: 'r1', type: 'hosts', workloads: [one.name], hard: false, hosts: [{ host: pick(rng, hosts).name, priority: 1 }] }];
}

interface Weather {
  readonly hosts: readonly ScenarioHost[];
  readonly workloads: readonly ScenarioWorkload[];
  readonly replicas: number;
  readonly lengthS: number;
}

type Gust = (rng: Rng, weather: Weather, at: number) => readonly TimelineEntry[];

const host = (rng: Rng, { hosts }: Weather): string => pick(rng, hosts).name;
const workload = (rng: Rng, { workloads }: Weather): string => pick(rng, workloads).name;
/** A moment after another one, in tenths of a second. */
const later = (rng: Rng, at: number, withinS: number): number => Math.round((at + rng.next() * withinS) * 10) / 10;

const GUSTS: readonly (readonly [weight: number, gust: Gust])[] = [
  [4, (rng, weather, at) => [{ at, do: 'host.power-cut', host: host(rng, weather) }]],
  [4, (rng, weather, at) => there(host(rng, weather), at, later(rng, at, 30), 'host.isolate', 'host.reconnect')],
  [2, (rng, weather, at) => there(host(rng, weather), at, later(rng, at, 30), 'host.deaf', 'host.hearing')],
  [2, (rng, weather, at) => [{ at, do: 'host.hang', host: host(rng, weather), seconds: 1 + rng.int(20) }]],
  [2, (rng, weather, at) => cutFrom(rng, weather, at)],
  [2, (rng, weather, at) => flap(rng, weather, at)],
  [1, (rng, weather, at) => [{ at, do: 'host.lossy', host: host(rng, weather), loss: rng.next() * 0.6 }]],
  [1, (rng, weather, at) => [{ at, do: 'host.reboot', host: host(rng, weather) }]],
  [1, (rng, weather, at) => [{ at, do: 'host.shutdown', host: host(rng, weather) }]],
  [1, (rng, weather, at) => [{ at, do: 'host.power-on', host: host(rng, weather) }]],
  [2, (rng, weather, at) => [{ at, do: rng.next() < 0.5 ? 'agent.restart' : 'agent.crash', host: host(rng, weather) }]],
  [1, (rng, weather, at) => [{ at, do: rng.next() < 0.5 ? 'host.fence-breaks' : 'host.fence-lies', host: host(rng, weather) }]],
  [1, (rng, weather, at) => there(host(rng, weather), at, later(rng, at, 20), 'host.storage-lost', 'host.storage-back')],
  [2, (rng, weather, at) => controller(rng, weather, at)],
  [1, (rng, _weather, at) => [{ at, do: 'database.down' }, { at: later(rng, at, 15), do: 'database.up' }]],
  [1, (rng, _weather, at) => (rng.next() < 0.5 ? [{ at, do: 'queue.flush' }] : [{ at, do: 'queue.down' }, { at: later(rng, at, 15), do: 'queue.up' }])],
  [2, (rng, weather, at) => there(host(rng, weather), at, later(rng, at, 40), 'host.drain', 'host.undrain')],
  [1, (rng, weather, at) => [{ at, do: 'host.fence', host: host(rng, weather) }]],
  [3, (rng, weather, at) => [{ at, do: 'workload.migrate', workload: workload(rng, weather), to: host(rng, weather), live: rng.next() < 0.7 }]],
  [2, (rng, weather, at) => [{ at, do: 'workload.crash', workload: workload(rng, weather) }]],
  [1, (rng, weather, at) => [{ at, do: 'workload.set-desired', workload: workload(rng, weather), desired: pick(rng, ['running', 'stopped', 'running'] as const) }]],
  [1, (rng, weather, at) => swizzle(rng, weather, at)],
];

function randomStorm(rng: Rng, weather: Weather): readonly TimelineEntry[] {
  const total = GUSTS.reduce((sum, [weight]) => sum + weight, 0);
  const entries: TimelineEntry[] = [];
  for (let gusts = 1 + rng.int(10); gusts > 0; gusts -= 1) {
    let at = rng.int(total);
    const [, gust] = GUSTS.find(([weight]) => (at -= weight) < 0) ?? GUSTS[0] ?? [0, () => []];
    entries.push(...gust(rng, weather, later(rng, BEGINS_S, weather.lengthS)));
  }
  return entries.sort((one, other) => one.at - other.at);
}

type HostDo = 'host.isolate' | 'host.reconnect' | 'host.deaf' | 'host.hearing' | 'host.storage-lost' | 'host.storage-back' | 'host.drain' | 'host.undrain';

const there = (name: string, at: number, back: number, begin: HostDo, end: HostDo): readonly TimelineEntry[] => [{ at, do: begin, host: name }, { at: back, do: end, host: name }];

function cutFrom(rng: Rng, weather: Weather, at: number): readonly TimelineEntry[] {
  const name = host(rng, weather);
  const others = [...weather.hosts.map((one) => one.name).filter((one) => one !== name), 'control-plane'];
  const peers = others.filter(() => rng.next() < 0.5);
  if (peers.length === 0) return [];
  return [{ at, do: 'host.cut-from', host: name, peers }, { at: later(rng, at, 30), do: 'host.heal-from', host: name, peers }];
}

/** Links that fail in turn: never both at once, unless they overlap. */
function flap(rng: Rng, weather: Weather, at: number): readonly TimelineEntry[] {
  const name = host(rng, weather);
  return Array.from({ length: 4 }, (_, turn) => {
    const link = (turn % 2) as 0 | 1;
    const down = at + turn * 2;
    return [{ at: down, do: 'host.link-down' as const, host: name, link }, { at: later(rng, down, 3), do: 'host.link-up' as const, host: name, link }];
  }).flat();
}

function controller(rng: Rng, { replicas }: Weather, at: number): readonly TimelineEntry[] {
  const replica = 1 + rng.int(replicas);
  if (rng.next() < 0.5) return [{ at, do: 'controller.pause', replica, seconds: 1 + rng.int(15) }];
  return [{ at, do: 'controller.crash', replica }, { at: later(rng, at, 20), do: 'controller.start', replica }];
}

/** FoundationDB's swizzle-clog: a random few are cut off one after the other, and come back in another order. */
function swizzle(rng: Rng, { hosts }: Weather, at: number): readonly TimelineEntry[] {
  const few = hosts.map((one) => one.name).filter(() => rng.next() < 0.5);
  const back = [...few].map((name) => ({ name, key: rng.next() })).sort((one, other) => one.key - other.key);
  return [
    ...few.map((name, index) => ({ at: at + index, do: 'host.isolate' as const, host: name })),
    ...back.map(({ name }, index) => ({ at: at + few.length + 2 * index, do: 'host.reconnect' as const, host: name })),
  ];
}

/** Everything that a storm can break is whole again; who is off is switched on. */
function healed(hosts: readonly ScenarioHost[], replicas: number, at: number): readonly TimelineEntry[] {
  const entries: TimelineEntry[] = [
    { at, do: 'database.up' },
    { at, do: 'queue.up' },
    ...Array.from({ length: replicas }, (_, index) => ({ at, do: 'controller.start' as const, replica: index + 1 })),
    ...hosts.flatMap(({ name }): TimelineEntry[] => [
      { at, do: 'host.reconnect', host: name },
      { at, do: 'host.hearing', host: name },
      { at, do: 'host.link-up', host: name, link: 0 },
      { at, do: 'host.link-up', host: name, link: 1 },
      { at, do: 'host.lossy', host: name, loss: 0 },
      { at, do: 'host.heal-from', host: name, peers: [...hosts.map((one) => one.name).filter((one) => one !== name), 'control-plane'] },
      { at, do: 'host.storage-back', host: name },
      { at, do: 'host.fence-repaired', host: name },
      { at: at + 1, do: 'host.power-on', host: name },
      { at: at + 40, do: 'agent.start', host: name },
      { at: at + 60, do: 'host.undrain', host: name },
    ]),
  ];
  return entries.sort((one, other) => one.at - other.at);
}
