// Plans that are carried out: round by round, each move only if it still holds; what does not is named and left.
import { describe, expect, it } from 'vitest';
import { aHost, anOperation, aWorkload, NOW_MS } from '../../test/fixtures/cluster.js';
import { operationId, type HostId } from '../shared/ids.js';
import type { Workload } from '../workloads/workload.js';
import type { CarriedPlan } from './carry-out.js';
import type { ClusterView } from './cluster-view.js';
import { decision, inventory, one, shown, three, two } from './decide.fixture.js';
import type { Operation } from './operation.js';

const hosts = [one, two, three];
const planId = operationId('op-carry-out');
const move = (workload: Workload, to: HostId, round = 1): CarriedPlan['moves'][number] => ({ workloadId: workload.id, workload: workload.name, from: workload.hostId ?? one.id, to, round });
const plan = (moves: CarriedPlan['moves'], settled: CarriedPlan['settled'] = {}, set: Partial<Operation> = {}): Operation => anOperation('carry-out', { params: { cause: 'balance', moves }, memo: { settled }, ...set });
const moving = (workload: Workload, to: HostId, set: Partial<Operation> = {}): Operation => anOperation('migrate', { id: operationId(`move-${workload.name}`), workloadId: workload.id, hostId: workload.hostId, targetHostId: to, params: { carryOut: planId, cause: 'rebalance' }, ...set });

function decided(view: Partial<ClusterView>): { readonly began: readonly string[]; readonly settled: Readonly<Record<string, string>>; readonly holds: readonly string[]; readonly params: readonly unknown[] } {
  const workloads = view.workloads ?? [];
  const inventories = hosts.map((host) => inventory(host, workloads.filter(({ hostId, state }) => hostId === host.id && state !== 'stopped').map((each) => shown(each, 'running'))));
  const { actions, holds } = decision({ hosts, inventories, ...view });
  const changes = actions.flatMap((action) => action.changes);
  const begun = changes.flatMap((change) => (change.change === 'operation' ? [change.operation] : []));
  const note = changes.flatMap((change) => (change.change === 'note-operation' ? [change.memo['settled'] as CarriedPlan['settled']] : []))[0] ?? {};
  return {
    began: begun.map(({ kind, workloadId, targetHostId }) => `${kind} ${workloadId} ${targetHostId}`), params: begun.map(({ params }) => params),
    settled: Object.fromEntries(Object.entries(note).map(([key, { as, why }]) => [key, why === null ? as : `${as}: ${why}`])), holds: holds.map(({ code, about, why }) => `${code} ${about} ${why}`),
  };
}

describe('carryOutPlans', () => {
  const [a, b, c] = [aWorkload('a', one), aWorkload('b', two), aWorkload('c', one)];

  it('begins the moves of the first round together, and notes that in the same transaction', () => {
    const { began, settled, params } = decided({ workloads: [a, b, c], operations: [plan([move(a, three.id), move(b, three.id), move(c, two.id, 2)])] });
    expect(began).toEqual(['migrate id-a id-host-3', 'migrate id-b id-host-3']);
    expect(settled).toEqual({ 'id-a 1': 'begun', 'id-b 1': 'begun' });
    expect(params).toEqual([{ carryOut: planId, cause: 'rebalance' }, { carryOut: planId, cause: 'rebalance' }]);
  });

  it('waits with the next round until the one before is over, whoever leads by then', () => {
    const running = { ...a, state: 'migrating' as const };
    const operations = [plan([move(a, three.id), move(c, two.id, 2)], { 'id-a 1': { as: 'begun', why: null } }), moving(a, three.id)];
    expect(decided({ workloads: [running, c], operations }).began).toEqual([]);
    const there = { ...a, hostId: three.id };
    const next = decided({ workloads: [there, c], operations: [operations[0] as Operation] });
    expect(next.began).toEqual(['migrate id-c id-host-2']);
    expect(next.settled).toEqual({ 'id-a 1': 'moved', 'id-c 2': 'begun' });
  });

  it('does not try a failed move again, and goes on', () => {
    const failed = moving(a, three.id, { state: 'failed', endedAtMs: NOW_MS - 10, why: 'no answer from host-3' });
    const { began, settled } = decided({ workloads: [a, c], operations: [plan([move(a, three.id), move(c, two.id, 2)], { 'id-a 1': { as: 'begun', why: null } })], recentOperations: [failed] });
    expect(began).toEqual(['migrate id-c id-host-2']);
    expect(settled).toEqual({ 'id-a 1': 'failed: no answer from host-3', 'id-c 2': 'begun' });
  });

  it.each([
    ['it is elsewhere', { ...a, hostId: two.id }, {}, /it is on host-2 now/],
    ['it is stopped', { ...a, state: 'stopped' as const, desired: 'stopped' as const }, {}, /it is stopped now/],
    ['it is unmanaged', { ...a, desired: 'unmanaged' as const }, {}, /left to its owner/],
    ['it is gone', b, {}, /it is gone/],
    ['the target is cordoned', a, { hosts: [one, two, { ...three, cordoned: true }] }, /cordoned/],
    ['the target is full', a, { workloads: [a, { ...b, hostId: three.id, needs: { ...b.needs, memoryMiB: 15_500 } }] }, /needs 1,024 MiB/],
    ['a hard rule is against it', a, { rules: [{ name: 'r', type: 'hosts' as const, hard: true, workloads: [a.id], hosts: [{ hostId: one.id, priority: 0 }] }] }, /rule r allows only host-1/],
    ['it can not move live', { ...a, drainPolicy: 'relocate' as const, needs: { ...a.needs, driver: 'lxd' as const, instance: { pool: 'default', profiles: [], networks: [] } } }, {}, /./],
  ] as const)('skips and names a move that does not hold any more: %s', (_name, workload, view, why) => {
    const { began, settled, holds } = decided({ workloads: [workload], operations: [plan([move(a, three.id)])], ...view });
    expect(began).toEqual([]);
    expect(settled['id-a 1']).toMatch(/^skipped/);
    expect(settled['id-a 1']).toMatch(why);
    expect(holds.find((hold) => hold.startsWith('plan-outdated a'))).toMatch(why);
  });

  it('says that it has moved where somebody else did it', () => {
    expect(decided({ workloads: [{ ...a, hostId: three.id }], operations: [plan([move(a, three.id)])] }).settled).toEqual({ 'id-a 1': 'moved: it is there already' });
  });

  it('waits while disarmed, while it is locked, and behind what is under way with it', () => {
    const operations = [plan([move(a, three.id)])];
    const disarm = { mode: 'freeze' as const, by: 'anna', reason: 'x', sinceMs: 0, untilMs: null };
    for (const view of [{ workloads: [a], disarm }, { workloads: [{ ...a, lock: { by: 'anna', reason: 'backup', sinceMs: 0 } }] }]) {
      const { began, settled, holds } = decided({ operations, ...view });
      expect([began, settled]).toEqual([[], {}]);
      expect(holds.join()).toMatch(/disarmed|locked/);
    }
    expect(decided({ workloads: [a], operations: [...operations, anOperation('replicate', { workloadId: a.id })] }).settled).toEqual({});
  });

  it('begins no more at once than the policy allows from or to one host', () => {
    const many = ['a', 'b', 'c', 'd'].map((name) => aWorkload(name, one));
    const { began, settled, holds } = decided({ workloads: many, operations: [plan(many.map((each) => move(each, three.id)))] });
    expect(began).toHaveLength(2);
    expect(Object.values(settled)).toEqual(['begun', 'begun']);
    expect(holds.filter((hold) => hold.startsWith('too-many-in-flight'))).toHaveLength(2);
  });

  it('begins nothing once it is called off, and still sees how what it began ends', () => {
    const operations = [plan([move(a, three.id), move(c, two.id)], { 'id-a 1': { as: 'begun', why: null } }, { cancelRequested: true })];
    const { began, settled } = decided({ workloads: [{ ...a, hostId: three.id }, c], operations });
    expect(began).toEqual([]);
    expect(settled).toEqual({ 'id-a 1': 'moved' });
  });

  it('moves those that stay together at once, or waits for room for all', () => {
    const [x, y] = [aWorkload('x', one), aWorkload('y', one)];
    const rules = [{ name: 'pair', type: 'keep-together' as const, hard: true, workloads: [x.id, y.id] }];
    const both = { workloads: [x, y, b], rules, operations: [plan([move(x, three.id), move(y, three.id)])] };
    expect(decided(both).began).toEqual(['migrate id-x id-host-3', 'migrate id-y id-host-3']);
    const other = anOperation('migrate', { id: operationId('other'), workloadId: b.id, hostId: two.id, targetHostId: three.id });
    expect(decided({ ...both, operations: [...both.operations, other] }).began).toEqual([]);
    // Alone it would be split from the other.
    expect(decided({ ...both, operations: [plan([move(x, three.id)])] }).settled['id-x 1']).toMatch(/^skipped.*y/);
  });

  it.each<[string, Partial<Workload>, boolean, RegExp]>([
    ['is paused', { state: 'paused' }, true, /it stays together with c, and it is paused now/],
    ['is left to its owner', { desired: 'unmanaged' }, true, /it stays together with c, and it is left to its owner now/],
    ['has no move in the plan, as it joined the group later', {}, false, /it stays together with c, and it has no such move in the plan/],
  ])('moves nothing of a group of which one %s', (_what, set, isPlanned, why) => {
    const workloads = [a, { ...c, ...set }];
    const { began, settled } = decided({ workloads, rules: [{ name: 'pair', type: 'keep-together', hard: true, workloads: [a.id, c.id] }], operations: [plan([move(a, three.id), ...(isPlanned ? [move(c, three.id)] : [])])] });
    expect(began).toEqual([]);
    expect(settled['id-a 1']).toMatch(why);
  });

  it('goes on with no host that is gone', () => {
    expect(decided({ workloads: [a], operations: [plan([move(a, aHost('host-9').id)])] }).settled['id-a 1']).toMatch(/is gone/);
  });
});
