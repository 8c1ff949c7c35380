// What people do in the middle of a storm: past Reeve (moved by hand, resized), and by asking it (care, rules, new workloads).
import { seededRng, type Rng } from '../../shared/rng.js';
import type { ScenarioRule, ScenarioWorkload, TimelineEntry } from '../scenario/scenario.js';
import { host, later, pick, weighted, workload, type StormSite } from './random-storm.js';
import { randomRule } from './random-rules.js';

/** What some of it needs to know. */
interface PeopleSite extends StormSite {
  readonly rules: readonly ScenarioRule[];
  /** Names for what is new. */
  readonly turn: number;
}

type Deed = (rng: Rng, site: PeopleSite, at: number) => readonly TimelineEntry[];

const DEEDS: readonly (readonly [weight: number, deed: Deed])[] = [
  [4, (rng, site, at) => [{ at, do: 'workload.moved-by-hand', workload: workload(rng, site), to: host(rng, site) }]],
  [3, (rng, site, at) => [{ at, do: 'workload.resize', workload: workload(rng, site), ...pick(rng, [{ cpus: 1 + rng.int(4) }, { memoryMiB: 128 * (1 + rng.int(8)) }, { cpus: 1 + rng.int(4), memoryMiB: 128 * (1 + rng.int(8)) }]) }]],
  [2, (rng, site, at) => [{ at, do: 'workload.set-usage', workload: workload(rng, site), cpus: Math.round(40 * rng.next()) / 10, memoryMiB: 64 * rng.int(16) }]],
  [3, (rng, site, at) => leftAlone(rng, site, at)],
  [4, (rng, site, at) => ruleForAWhile(rng, site, at)],
  [2, (rng, { rules }, at) => (rules.length === 0 ? [] : [{ at, do: 'rule.remove', rule: pick(rng, rules).name }])],
  [2, (rng, site, at) => created(rng, site, at)],
  [1, (rng, site, at) => removed(rng, site, at)],
];

/** Of a stream of its own, so that seeds keep their clusters and the rest of their storms. */
export function peopleMeanwhile(seed: number, site: StormSite, rules: readonly ScenarioRule[]): readonly TimelineEntry[] {
  const rng = seededRng(seed ^ 0x3b0d_1e55);
  if (rng.next() < 0.4) return [];
  const deeds = Array.from({ length: 1 + rng.int(6) }, (_, turn) => weighted(rng, DEEDS)(rng, { ...site, rules, turn }, later(rng, site.beginsS, site.lengthS)));
  return deeds.flat();
}

/** Of another stream of its own: most seeds keep their storms as they were. */
export function stopsByHand(seed: number, site: StormSite): readonly TimelineEntry[] {
  const rng = seededRng(seed ^ 0x57_0bed);
  if (rng.next() < 0.85) return [];
  return Array.from({ length: 1 + rng.int(2) }, () => ({ at: later(rng, site.beginsS, site.lengthS), do: 'workload.stopped-by-hand', workload: workload(rng, site) }));
}

/** Of another stream again. Refused as long as its host is not proven off, and when there is no copy: some are of use. */
export function replicasChosen(seed: number, site: StormSite): readonly TimelineEntry[] {
  const rng = seededRng(seed ^ 0x4e9_11ca);
  if (rng.next() < 0.7) return [];
  return Array.from({ length: 1 + rng.int(4) }, () => ({ at: later(rng, site.beginsS, site.lengthS), do: 'workload.recover-from-replica', workload: workload(rng, site) }));
}

/** Of another stream again. What admission refuses is asked for once more with an override, now and then. */
export function startsAndMoves(seed: number, site: StormSite): readonly TimelineEntry[] {
  const rng = seededRng(seed ^ 0xad_715e);
  if (rng.next() < 0.5) return [];
  return Array.from({ length: 1 + rng.int(5) }, (_, turn): TimelineEntry => {
    const at = later(rng, site.beginsS, site.lengthS);
    const asked = rng.next() < 0.4 ? { override: true } : {};
    const kind = rng.int(3);
    if (kind === 0) return { at, do: 'workload.create', workload: { name: `asked-${turn + 1}`, cpus: 1, memoryMiB: 512 * (1 + rng.int(6)) }, ...asked };
    if (kind === 1) return { at, do: 'workload.migrate', workload: workload(rng, site), to: host(rng, site), ...asked };
    return { at, do: 'workload.set-desired', workload: workload(rng, site), desired: 'running', ...asked };
  });
}

function leftAlone(rng: Rng, site: PeopleSite, at: number): readonly TimelineEntry[] {
  const name = workload(rng, site);
  return [{ at, do: 'workload.unmanage', workload: name }, { at: later(rng, at + 0.5, 30), do: 'workload.manage', workload: name }];
}

function ruleForAWhile(rng: Rng, site: PeopleSite, at: number): readonly TimelineEntry[] {
  const rule = randomRule(rng, site, `later-${site.turn + 1}`);
  const added: TimelineEntry = { at, do: 'rule.add', rule };
  return rng.next() < 0.5 ? [added] : [added, { at: later(rng, at + 0.5, 30), do: 'rule.remove', rule: rule.name }];
}

function created(rng: Rng, site: PeopleSite, at: number): readonly TimelineEntry[] {
  const made: ScenarioWorkload = { name: `new-${site.turn + 1}`, cpus: 1, memoryMiB: 128 * (1 + rng.int(4)), ...(rng.next() < 0.3 ? { host: host(rng, site) } : {}), ...(rng.next() < 0.2 ? { desired: 'stopped' } : {}) };
  return [{ at, do: 'workload.create', workload: made }, ...(rng.next() < 0.3 ? stopAndDelete(rng, made.name, later(rng, at + 2, 20)) : [])];
}

const removed = (rng: Rng, site: PeopleSite, at: number): readonly TimelineEntry[] => stopAndDelete(rng, workload(rng, site), at);

/** Refused while it runs: some are too quick. */
const stopAndDelete = (rng: Rng, name: string, at: number): readonly TimelineEntry[] => [{ at, do: 'workload.stop', workload: name, timeoutS: 10 }, { at: later(rng, at + 1, 20), do: 'workload.delete', workload: name }];
