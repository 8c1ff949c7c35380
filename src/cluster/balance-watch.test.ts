// Evenness is watched while nothing else happens: enough looks in a row, a gain that is worth it, nothing that a person has just moved.
import { describe, expect, it } from 'vitest';
import { aClusterVerdict, anOperation, aVerdict, aView, aWorkload, NOW_MS, silentVerdict } from '../../test/fixtures/cluster.js';
import { BALANCE_LOOK_MS, BalanceWatch } from './balance-watch.js';
import { DEFAULT_POLICY, type RebalancePolicy } from './cluster-policy.js';
import type { ClusterView } from './cluster-view.js';
import { decision, inventory, one, shown, three, two } from './decide.fixture.js';
import type { ClusterVerdict } from './verdict.js';

const vms = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => {
  const vm = aWorkload(name, one);
  return { ...vm, needs: { ...vm.needs, memoryMiB: 2_048 } };
});
const REBALANCE: RebalancePolicy = { threshold: 0.2, holdRounds: 3, minImprovement: 0.1, method: 'capacity', act: 'automatic' };
const everybody = aClusterVerdict([one, two, three].map((host) => aVerdict(host)));

class Looks {
  readonly watch = new BalanceWatch();
  #nowMs = NOW_MS;
  constructor(private readonly rebalance: RebalancePolicy = REBALANCE) {}

  next(view: Partial<ClusterView> = {}, verdict: ClusterVerdict = everybody, afterMs = BALANCE_LOOK_MS): ReturnType<BalanceWatch['look']> {
    this.#nowMs += afterMs;
    return this.watch.look({ view: aView({ hosts: [one, two, three], workloads: vms, ...view }), verdict, nowMs: this.#nowMs, policy: { ...DEFAULT_POLICY, rebalance: this.rebalance } });
  }
}

const planned = (advice: ReturnType<BalanceWatch['look']>): readonly string[] => advice?.plan.moves.map(({ workload }) => workload) ?? [];

describe('BalanceWatch', () => {
  it('plans after so many uneven looks in a row, however often it is asked', () => {
    const looks = new Looks();
    expect([looks.next(), looks.next({}, everybody, 250), looks.next({}, everybody, 250), looks.next()]).toEqual([null, null, null, null]);
    const advice = looks.next();
    expect(planned(advice).length).toBeGreaterThan(1);
    expect(advice?.after).toBeLessThan((advice?.before ?? 0) * 0.5);
    expect(looks.next({}, everybody, 250)?.plan).toBe(advice?.plan);
  });

  it.each([
    ['a host is in doubt', {}, aClusterVerdict([aVerdict(one), aVerdict(two), silentVerdict(three)])],
    ['a host is fenced now', { hosts: [one, two, { ...three, condition: 'fencing' as const }] }, everybody],
    ['a host goes down', { hosts: [one, two, { ...three, leaving: { purpose: 'reboot' as const, sinceMs: 0 } }] }, everybody],
    ['a drain is under way', { operations: [anOperation('drain', { hostId: two.id })] }, everybody],
    ['a plan is carried out', { operations: [anOperation('carry-out')] }, everybody],
    ['something moves', { operations: [anOperation('migrate', { workloadId: vms[0]?.id ?? null, targetHostId: two.id })] }, everybody],
    ['it is disarmed', { disarm: { mode: 'freeze' as const, by: 'anna', reason: 'x', sinceMs: 0, untilMs: null } }, everybody],
    ['there is no quorum', {}, { ...everybody, quorum: false }],
  ])('begins to count anew after a look at which %s', (_name, view, verdict) => {
    const looks = new Looks();
    looks.next();
    looks.next();
    expect(looks.next(view, verdict)).toBeNull();
    expect([looks.next(), looks.next()]).toEqual([null, null]);
    expect(looks.next()).not.toBeNull();
  });

  it('copies of replicas and leases do not disturb it', () => {
    const looks = new Looks({ ...REBALANCE, holdRounds: 1 });
    expect(looks.next({ operations: [anOperation('replicate'), anOperation('lease')] })).not.toBeNull();
  });

  it('begins to count anew after a gap: somebody else led', () => {
    const looks = new Looks();
    looks.next();
    looks.next();
    expect(looks.next({}, everybody, 10 * BALANCE_LOOK_MS)).toBeNull();
  });

  it('is content below the threshold, and with what gains too little', () => {
    const even = vms.map((vm, nth) => ({ ...vm, hostId: [one, two, three][nth % 3]?.id ?? null }));
    const looks = new Looks({ ...REBALANCE, holdRounds: 1 });
    expect(looks.next({ workloads: even })).toBeNull();
    expect(new Looks({ ...REBALANCE, holdRounds: 1, minImprovement: 1 }).next({ workloads: vms.slice(0, 5) })).toBeNull();
  });

  it('leaves alone what a person moved lately, what is locked, and what can not move live', () => {
    const [a, b, c, d, ...rest] = vms;
    if (!a || !b || !c || !d) throw new Error('no workloads');
    const instance = { pool: 'default', profiles: [], networks: [] };
    const given = [
      { ...a, movedByHandAtMs: NOW_MS - 3_600_000 }, { ...b, lock: { by: 'anna', reason: 'backup', sinceMs: 0 } }, { ...c, needs: { ...c.needs, driver: 'lxd' as const, instance } },
      { ...d, state: 'unmanaged' as const, desired: 'unmanaged' as const }, ...rest,
    ];
    const moved = planned(new Looks({ ...REBALANCE, holdRounds: 1 }).next({ workloads: given }));
    expect(moved.length).toBeGreaterThan(0);
    expect(rest.map(({ name }) => name)).toEqual(expect.arrayContaining([...moved]));
    const longAgo = [{ ...a, movedByHandAtMs: NOW_MS - 90_000_000 }, ...given.slice(1, 4)];
    expect(planned(new Looks({ ...REBALANCE, holdRounds: 1 }).next({ workloads: longAgo }))).toEqual(['a']);
  });

  it('counts what was measured where the policy says so', () => {
    const measured = vms.map((vm, nth) => ({ ...vm, hostId: [one, two, three][nth % 3]?.id ?? null, usage: { cpus: 0.1, memoryMiB: nth % 3 === 0 ? 6_000 : 10 } }));
    expect(new Looks({ ...REBALANCE, holdRounds: 1 }).next({ workloads: measured })).toBeNull();
    expect(planned(new Looks({ ...REBALANCE, holdRounds: 1, method: 'usage' }).next({ workloads: measured }))).toHaveLength(1);
  });
});

describe('balanceCluster', () => {
  const balance = new Looks({ ...REBALANCE, holdRounds: 1 }).next();
  const view: Partial<ClusterView> = { workloads: vms, inventories: [inventory(one, vms.map((vm) => shown(vm, 'running'))), inventory(two, []), inventory(three, [])] };
  const outcome = (act: RebalancePolicy['act'], isTold: boolean, more: Partial<ClusterView> = {}): readonly string[] => {
    const { actions, holds } = decision({ ...view, ...more }, { policy: { rebalance: { ...REBALANCE, act } }, balance: balance && { ...balance, isTold } });
    return [...actions.flatMap(({ changes }) => changes.map((change) => (change.change === 'operation' ? change.operation.kind : change.change === 'event' ? change.event.type : change.change))), ...holds.map(({ code }) => code)];
  };

  it('begins the plan, or says that it is advised, once', () => {
    expect(outcome('automatic', false)).toEqual(['carry-out', 'cluster.plan-begun']);
    expect(outcome('advise', false)).toEqual(['cluster.balance-advised', 'balance-advised']);
    expect(outcome('advise', true)).toEqual(['balance-advised']);
    expect(outcome('automatic', false, { operations: [anOperation('carry-out', { params: { cause: 'balance', moves: [] } })] })).toEqual([]);
  });
});
