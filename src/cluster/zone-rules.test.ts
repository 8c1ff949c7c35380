// Rules per zone as they decide: what is split comes together, what leaves takes along only whom it must, and nobody is left behind in another zone.
import { describe, expect, it } from 'vitest';
import { aClusterVerdict, aHost, anOperation, aVerdict, aView, aWorkload, NOW_MS } from '../../test/fixtures/cluster.js';
import type { Host } from '../hosts/host.js';
import type { PlacementRule } from '../scheduler/placement-rule.js';
import type { Workload } from '../workloads/workload.js';
import { DEFAULT_POLICY } from './cluster-policy.js';
import { decide } from './decide.js';
import { holdsOf, inventory, operationsOf, shown, whyOf } from './decide.fixture.js';
import type { ClusterView } from './cluster-view.js';
import type { Decision } from './decision.js';

const host = (name: string, zone: string | null): Host => aHost(name, { zone });
const [a1, a2, b1, b2, lone] = [host('a-1', 'a'), host('a-2', 'a'), host('b-1', 'b'), host('b-2', 'b'), host('lone', null)];
const hosts = [a1, a2, b1, b2, lone];
const rule = (type: 'keep-apart' | 'keep-together', per: 'host' | 'zone', ...workloads: readonly Workload[]): PlacementRule => ({ name: `${type}-${per}`, type, per, hard: true, workloads: workloads.map(({ id }) => id) });
const only = (workload: Workload, ...where: readonly Host[]): PlacementRule => ({ name: 'only', type: 'hosts', hard: true, workloads: [workload.id], hosts: where.map(({ id }) => ({ hostId: id, priority: 0 })) });

/** All of them run where they are placed. */
function decided(workloads: readonly Workload[], rules: readonly PlacementRule[], set: Partial<ClusterView> = {}): Decision {
  const there = set.hosts ?? hosts;
  const inventories = there.map((one) => inventory(one, workloads.filter((vm) => vm.hostId === one.id).map((vm) => shown(vm, 'running'))));
  return decide({ view: aView({ hosts: there, workloads, rules, inventories, ...set }), verdict: aClusterVerdict(there.map((one) => aVerdict(one))), nowMs: NOW_MS, policy: DEFAULT_POLICY });
}

describe('what is split between zones', () => {
  const [x, y, z] = [aWorkload('x', a1), aWorkload('y', a2), aWorkload('z', b1)];

  it('the smaller part follows the larger one, to any host of its zone', () => {
    expect(operationsOf(decided([x, y, z], [rule('keep-together', 'zone', x, y, z)]))).toEqual([expect.stringMatching(/^migrate z a-[12]$/)]);
    expect(operationsOf(decided([x, y], [rule('keep-together', 'zone', x, y)]))).toEqual([]);
    expect(operationsOf(decided([x, y], [rule('keep-together', 'host', x, y)]))).toEqual(['migrate y a-1']);
  });

  it('comes together where all of them may be, though more of them are elsewhere', () => {
    expect(operationsOf(decided([x, y, z], [rule('keep-together', 'zone', x, y, z), only(z, b1, b2)]))).toEqual(expect.arrayContaining([expect.stringMatching(/^migrate [xy] b-[12]$/)]));
  });

  it('takes along what must stay on one host with it, or waits for that', () => {
    const w = aWorkload('w', b1);
    const rules = [rule('keep-together', 'zone', x, y, z), rule('keep-together', 'host', z, w)];
    const three = [x, y, aWorkload('v', a1)];
    const larger = [rule('keep-together', 'zone', ...three, z), rules[1]!];
    const both = operationsOf(decided([...three, z, w], larger));
    expect(both.map((one) => one.slice(0, 'migrate z a'.length)).sort()).toEqual(['migrate w a', 'migrate z a']);
    expect(new Set(both.map((one) => one.slice(-3))).size).toBe(1);
    const locked = decided([...three, z, { ...w, lock: { by: 'anna', reason: 'backup', sinceMs: 0 } }], larger);
    // Those in the larger part have nothing to say.
    expect([...holdsOf(locked)].sort()).toEqual(['locked w', 'rule-broken z']);
    expect([operationsOf(locked), whyOf(locked, 'rule-broken')]).toEqual([[], expect.stringMatching(/and w, which must stay on one host with it, does not move now/)]);
  });

  it('apart: one of them leaves the zone, and is held where no other one is legal', () => {
    expect(operationsOf(decided([x, y], [rule('keep-apart', 'zone', x, y)]))).toEqual(['migrate y b-1']);
    const held = decided([x, y], [rule('keep-apart', 'zone', x, y)], { hosts: [a1, a2] });
    expect([operationsOf(held), holdsOf(held)]).toEqual([[], ['rule-broken y', 'rule-broken x']]);
  });
});

describe('what leaves a host', () => {
  it('stays in the zone of those that stay there', () => {
    const [x, y] = [aWorkload('x', a1), aWorkload('y', a1)];
    const held = decided([x, y], [rule('keep-together', 'zone', x, y), only(x, b1)]);
    expect([operationsOf(held), whyOf(held, 'rule-broken')]).toEqual([[], expect.stringContaining('b-1: it stays in one zone with y, which is in zone a')]);
    expect(operationsOf(decided([x, y], [rule('keep-together', 'zone', x, y), only(x, a2)]))).toEqual(['migrate x a-2']);
  });

  it('goes back to a preferred host of its zone alone, and says nothing of one that is not', () => {
    const [x, y] = [aWorkload('x', a1), aWorkload('y', a1)];
    const prefers = (...where: readonly Host[]): PlacementRule => ({ ...only(x, ...where), hard: false });
    const well = { hosts: hosts.map((one) => ({ ...one, conditionSinceMs: NOW_MS - 600_000 })) };
    const [there, elsewhere] = [a2, b1].map((where) => decided([x, y], [rule('keep-together', 'zone', x, y), prefers(where)], well));
    expect([operationsOf(there!), operationsOf(elsewhere!), holdsOf(elsewhere!)]).toEqual([['migrate x a-2'], [], []]);
  });

  it('a drained host that is a zone of its own is left by all: they go to one zone', () => {
    const [x, y] = [aWorkload('x', lone), aWorkload('y', lone)];
    const drained = { ...lone, intent: 'maintenance' as const, cordoned: true };
    const drain = anOperation('drain', { hostId: lone.id, state: 'running' });
    const begun = operationsOf(decided([x, y], [rule('keep-together', 'zone', x, y), rule('keep-apart', 'host', x, y)], { hosts: [a1, a2, b1, drained], operations: [drain] }));
    expect([...begun].sort()).toEqual(['migrate x a-1', 'migrate y a-2']);
  });
});

it('what is being brought to another zone is not started in this one', () => {
  const [x, y] = [aWorkload('x', a1, { state: 'migrating' }), aWorkload('y', a2, { state: 'waiting' })];
  const moving = anOperation('migrate', { workloadId: x.id, hostId: a1.id, targetHostId: b1.id, requestedBy: 'anna' });
  const held = decided([x, y], [rule('keep-together', 'zone', x, y)], { operations: [moving], inventories: [inventory(a1, [shown(x, 'running')]), inventory(a2, [shown(y, 'stopped')])] });
  expect([operationsOf(held), whyOf(held, 'operation-active')]).toEqual([[], expect.stringMatching(/it must stay in one zone with x, which is being brought to another one than that of a-\d/)]);
});
