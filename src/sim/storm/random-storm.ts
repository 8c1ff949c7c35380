// A random storm: which faults strike which part of a cluster when, and what operators do meanwhile.
import type { Rng } from '../../shared/rng.js';
import type { ScenarioHost, ScenarioWorkload, TimelineEntry } from '../scenario/scenario.js';

export interface StormSite {
  readonly hosts: readonly ScenarioHost[];
  readonly workloads: readonly ScenarioWorkload[];
  readonly replicas: number;
  readonly beginsS: number;
  readonly lengthS: number;
}

type Gust<Site = StormSite> = (rng: Rng, site: Site, at: number) => readonly TimelineEntry[];

export const pick = <T>(rng: Rng, from: readonly T[]): T => from[rng.int(from.length)] as T;
export const host = (rng: Rng, { hosts }: StormSite): string => pick(rng, hosts).name;
export const workload = (rng: Rng, { workloads }: StormSite): string => pick(rng, workloads).name;
export const tenths = (value: number): number => Math.round(value * 10) / 10;
/** A moment after another one, in tenths of a second. */
export const later = (rng: Rng, at: number, withinS: number): number => tenths(at + rng.next() * withinS);

const FAULTS: readonly (readonly [weight: number, gust: Gust])[] = [
  [4, (rng, site, at) => [{ at, do: 'host.power-cut', host: host(rng, site) }]],
  [2, (rng, site, at) => blackout(rng, site, at)],
  [4, (rng, site, at) => there(host(rng, site), [at, later(rng, at, 30)], ['host.isolate', 'host.reconnect'])],
  [2, (rng, site, at) => there(host(rng, site), [at, later(rng, at, 30)], ['host.deaf', 'host.hearing'])],
  [3, (rng, site, at) => [{ at, do: 'host.hang', host: host(rng, site), seconds: tenths(1 + rng.next() * (rng.next() < 0.5 ? 8 : 25)) }]],
  [3, (rng, site, at) => cutFrom(rng, site, at)],
  [2, (rng, site, at) => flapLinks(rng, site, at)],
  [1, (rng, site, at) => flapHost(rng, site, at)],
  [1, (rng, site, at) => [{ at, do: 'host.lossy', host: host(rng, site), loss: rng.next() * 0.6 }]],
  [2, (rng, site, at) => slow(rng, site, at)],
  [1, (rng, site, at) => [{ at, do: 'host.reboot', host: host(rng, site) }]],
  [1, (rng, site, at) => [{ at, do: 'host.shutdown', host: host(rng, site) }]],
  [1, (rng, site, at) => [{ at, do: 'host.power-on', host: host(rng, site) }]],
  [3, (rng, site, at) => agent(rng, site, at)],
  [2, (rng, site, at) => [{ at, do: rng.next() < 0.5 ? 'host.fence-breaks' : 'host.fence-lies', host: host(rng, site) }]],
  [1, (rng, site, at) => there(host(rng, site), [at, later(rng, at, 20)], ['host.storage-lost', 'host.storage-back'])],
  [3, (rng, site, at) => controller(rng, site, at)],
  [2, (rng, _site, at) => [{ at, do: 'database.down' }, { at: later(rng, at, 15), do: 'database.up' }]],
  [2, (rng, _site, at) => (rng.next() < 0.5 ? [{ at, do: 'queue.flush' }] : [{ at, do: 'queue.down' }, { at: later(rng, at, 15), do: 'queue.up' }])],
  [2, (rng, site, at) => [{ at, do: 'workload.crash', workload: workload(rng, site) }]],
  [1, (rng, site, at) => [{ at, do: 'workload.pause-io', workload: workload(rng, site) }]],
  [2, (rng, site, at) => swizzle(rng, site, at)],
];

const OPERATIONS: readonly (readonly [weight: number, gust: Gust])[] = [
  [3, (rng, site, at) => there(host(rng, site), [at, later(rng, at, 40)], ['host.drain', 'host.undrain'])],
  [1, (rng, site, at) => there(host(rng, site), [at, later(rng, at, 30)], ['host.cordon', 'host.uncordon'])],
  [1, (rng, site, at) => [{ at, do: 'host.fence', host: host(rng, site) }]],
  [4, (rng, site, at) => [{ at, do: 'workload.migrate', workload: workload(rng, site), to: host(rng, site), live: rng.next() < 0.7 }]],
  [2, (rng, site, at) => [{ at, do: 'workload.set-desired', workload: workload(rng, site), desired: pick(rng, ['running', 'stopped', 'running', 'disabled'] as const) }]],
  [1, (rng, site, at) => [{ at, do: 'workload.stop', workload: workload(rng, site), timeoutS: pick(rng, [0, 10, 60]) }]],
  [1, (rng, site, at) => lock(rng, site, at)],
  [1, (rng, _site, at) => [{ at, do: 'cluster.disarm', mode: rng.next() < 0.5 ? 'freeze' : 'ignore' }, { at: later(rng, at, 20), do: 'cluster.arm' }]],
];

export function randomStorm(rng: Rng, site: StormSite): readonly TimelineEntry[] {
  const entries: TimelineEntry[] = [];
  for (let gusts = 1 + rng.int(11); gusts > 0; gusts -= 1) {
    const gust = weighted(rng, rng.next() < 0.75 ? FAULTS : OPERATIONS);
    entries.push(...gust(rng, site, later(rng, site.beginsS, site.lengthS)));
  }
  return withoutFalseWord(entries.sort((one, other) => one.at - other.at));
}

export function weighted<Site>(rng: Rng, gusts: readonly (readonly [weight: number, gust: Gust<Site>])[]): Gust<Site> {
  let at = rng.int(gusts.reduce((sum, [weight]) => sum + weight, 0));
  const found = gusts.find(([weight]) => (at -= weight) < 0);
  return found?.[1] ?? (() => []);
}

/** Whoever vouches for a host that may have power breaks everything by themselves: only what was cut and not switched on since is vouched for. */
function withoutFalseWord(entries: readonly TimelineEntry[]): readonly TimelineEntry[] {
  const cut = new Set<string>();
  return entries.filter((entry) => {
    if (entry.do === 'host.power-cut') cut.add(entry.host);
    if (entry.do === 'host.power-on' || entry.do === 'host.reboot') cut.delete(entry.host);
    return entry.do !== 'host.confirm-off' || cut.has(entry.host);
  });
}

type HostDo = 'host.isolate' | 'host.reconnect' | 'host.deaf' | 'host.hearing' | 'host.storage-lost' | 'host.storage-back' | 'host.drain' | 'host.undrain' | 'host.cordon' | 'host.uncordon';

const there = (name: string, [from, to]: readonly [number, number], [begin, end]: readonly [HostDo, HostDo]): readonly TimelineEntry[] => [{ at: from, do: begin, host: name }, { at: to, do: end, host: name }];

/** Power is cut, and then a person vouches for it, or it comes back soon (perhaps before anybody had noticed). */
function blackout(rng: Rng, site: StormSite, at: number): readonly TimelineEntry[] {
  const name = host(rng, site);
  const cut: TimelineEntry = { at, do: 'host.power-cut', host: name };
  if (rng.next() < 0.4) return [cut, { at: later(rng, at + 3, 20), do: 'host.confirm-off', host: name }];
  return [cut, { at: later(rng, at + 0.1, 15), do: 'host.power-on', host: name }];
}

function cutFrom(rng: Rng, site: StormSite, at: number): readonly TimelineEntry[] {
  const name = host(rng, site);
  const others = [...site.hosts.map((one) => one.name).filter((one) => one !== name), 'control-plane'];
  const peers = others.filter(() => rng.next() < 0.5);
  if (peers.length === 0) return [];
  return [{ at, do: 'host.cut-from', host: name, peers }, { at: later(rng, at, 30), do: 'host.heal-from', host: name, peers }];
}

/** Links that fail in turn: never both at once, unless they overlap. */
function flapLinks(rng: Rng, site: StormSite, at: number): readonly TimelineEntry[] {
  const name = host(rng, site);
  return Array.from({ length: 4 }, (_, turn) => {
    const link = (turn % 2) as 0 | 1;
    const down = tenths(at + turn * 2);
    return [{ at: down, do: 'host.link-down' as const, host: name, link }, { at: later(rng, down, 3), do: 'host.link-up' as const, host: name, link }];
  }).flat();
}

/** Gone and back, again and again, each time about as long as it takes to be judged. */
function flapHost(rng: Rng, site: StormSite, at: number): readonly TimelineEntry[] {
  const name = host(rng, site);
  const [begin, end] = pick(rng, [['host.isolate', 'host.reconnect'], ['host.deaf', 'host.hearing']] as const);
  let from = at;
  return Array.from({ length: 2 + rng.int(3) }, () => {
    const to = later(rng, from + 1, 8);
    const turn = there(name, [from, to], [begin, end]);
    from = later(rng, to + 0.5, 6);
    return turn;
  }).flat();
}

/** Delays of a heartbeat, of a detection window, of a take-over. */
function slow(rng: Rng, site: StormSite, at: number): readonly TimelineEntry[] {
  const name = host(rng, site);
  return [{ at, do: 'host.slow', host: name, delayMs: Math.round(pick(rng, [500, 3_000, 8_000]) * rng.next()) }, { at: later(rng, at + 1, 20), do: 'host.slow', host: name, delayMs: 0 }];
}

function agent(rng: Rng, site: StormSite, at: number): readonly TimelineEntry[] {
  const name = host(rng, site);
  if (rng.next() < 0.3) return [{ at, do: 'agent.restart', host: name }];
  const crash: TimelineEntry = { at, do: 'agent.crash', host: name };
  return rng.next() < 0.6 ? [crash, { at: later(rng, at + 0.2, 6), do: 'agent.start', host: name }] : [crash];
}

function controller(rng: Rng, { replicas }: StormSite, at: number): readonly TimelineEntry[] {
  const replica = 1 + rng.int(replicas);
  if (rng.next() < 0.5) return [{ at, do: 'controller.pause', replica, seconds: tenths(1 + rng.next() * 15) }];
  return [{ at, do: 'controller.crash', replica }, { at: later(rng, at, 20), do: 'controller.start', replica }];
}

function lock(rng: Rng, site: StormSite, at: number): readonly TimelineEntry[] {
  const name = workload(rng, site);
  return [{ at, do: 'workload.lock', workload: name }, { at: later(rng, at, 30), do: 'workload.unlock', workload: name }];
}

/** FoundationDB's swizzle-clog: a random few are cut off one after the other, and come back in another order. */
function swizzle(rng: Rng, { hosts }: StormSite, at: number): readonly TimelineEntry[] {
  const few = hosts.map((one) => one.name).filter(() => rng.next() < 0.5);
  const back = few.map((name) => ({ name, key: rng.next() })).sort((one, other) => one.key - other.key);
  const paceS = 0.2 + rng.next() * 3;
  return [
    ...few.map((name, index) => ({ at: tenths(at + index * paceS), do: 'host.isolate' as const, host: name })),
    ...back.map(({ name }, index) => ({ at: tenths(at + (few.length + index) * paceS + rng.next()), do: 'host.reconnect' as const, host: name })),
  ];
}

/** Everything that a storm can break is whole again; who is off is switched on; what operators have put aside is taken back. */
export function healed({ hosts, workloads, replicas }: Pick<StormSite, 'hosts' | 'workloads' | 'replicas'>, at: number): readonly TimelineEntry[] {
  const entries: TimelineEntry[] = [
    { at, do: 'database.up' },
    { at, do: 'queue.up' },
    { at, do: 'cluster.arm' },
    ...Array.from({ length: replicas }, (_, index) => ({ at, do: 'controller.start' as const, replica: index + 1 })),
    ...workloads.map(({ name }) => ({ at, do: 'workload.unlock' as const, workload: name })),
    ...hosts.flatMap((one) => healedHost(one.name, hosts, at)),
    // Said again: a control plane on hosts that had no power heard nothing of it before.
    { at: at + 30, do: 'cluster.arm' },
    ...workloads.map(({ name }) => ({ at: at + 30, do: 'workload.unlock' as const, workload: name })),
  ];
  return entries.sort((one, other) => one.at - other.at);
}

/** A boot takes 20 s. */
const healedHost = (name: string, hosts: readonly ScenarioHost[], at: number): readonly TimelineEntry[] => [
  { at, do: 'host.reconnect', host: name },
  { at, do: 'host.hearing', host: name },
  { at, do: 'host.link-up', host: name, link: 0 },
  { at, do: 'host.link-up', host: name, link: 1 },
  { at, do: 'host.lossy', host: name, loss: 0 },
  { at, do: 'host.slow', host: name, delayMs: 0 },
  { at, do: 'host.heal-from', host: name, peers: [...hosts.map((one) => one.name).filter((one) => one !== name), 'control-plane'] },
  { at, do: 'host.storage-back', host: name },
  { at, do: 'host.fence-repaired', host: name },
  { at: at + 1, do: 'host.power-on', host: name },
  { at: at + 25, do: 'agent.start', host: name },
  { at: at + 30, do: 'host.undrain', host: name },
  { at: at + 30, do: 'host.uncordon', host: name },
];

/**
 * What only some storms have done: dead watchdogs live again, what people have put out of Reeve's care comes back into it, and a host that was on its way down when it was
 * switched on, and went off after that, is switched on once more.
 */
export function putRight(storm: readonly TimelineEntry[], at: number): readonly TimelineEntry[] {
  const alone = [...new Set(storm.flatMap((entry) => (entry.do === 'workload.unmanage' ? [entry.workload] : [])))];
  const dead = [...new Set(storm.flatMap((entry) => (entry.do === 'host.fence-breaks' && entry.device === 'watchdog' ? [entry.host] : [])))];
  const downs = [...new Set(storm.flatMap((entry) => (entry.do === 'host.shutdown' ? [entry.host] : [])))];
  return [...downs.map((name) => ({ at, do: 'host.power-on' as const, host: name })), ...dead.map((name) => ({ at, do: 'host.fence-repaired' as const, host: name, device: 'watchdog' })), ...alone.map((name) => ({ at, do: 'workload.manage' as const, workload: name }))];
}
