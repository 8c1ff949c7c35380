// What every ClusterStore must do, whether in Postgres or in memory.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Change, NewOperation } from '../../src/cluster/change.js';
import { event } from '../../src/cluster/cluster-event.js';
import { INVENTORY_LATE_MS, type ClusterStore } from '../../src/cluster/cluster-store.js';
import type { ClusterView } from '../../src/cluster/cluster-view.js';
import { ONE_PER_HOST, OPERATION_STATES, type OperationKind, type OperationState } from '../../src/cluster/operation.js';
import { HOST_CONDITIONS, type HostCondition } from '../../src/hosts/host.js';
import type { PlacementRule } from '../../src/scheduler/placement-rule.js';
import { operationId, type OperationId } from '../../src/shared/ids.js';
import { UserError } from '../../src/shared/errors.js';
import { DESIRED_STATES, WORKLOAD_STATES, type DesiredState, type WorkloadState } from '../../src/workloads/workload.js';
import { aHost, aWorkload } from '../fixtures/cluster.js';
import { LEASE_MS, SHORT_MS, storeLeadershipConformance } from './store-leadership.conformance.js';
import { storeNotesConformance } from './store-notes.conformance.js';

export interface StoreUnderTest {
  readonly store: ClusterStore;
  /** Lets this much time pass on the store's clock. */
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
}

const [h1, h2] = [aHost('h1'), aHost('h2')];
const w1 = aWorkload('w1', h1, { workloadEpoch: 3 });
const w2 = aWorkload('w2', h1);

function operation(kind: OperationKind, set: Partial<NewOperation> = {}): Change {
  return { change: 'operation', operation: { kind, workloadId: null, hostId: null, targetHostId: null, requestedBy: 'test', reason: 'test', ...set } };
}
const startOf = (workload: typeof w1, set: Partial<NewOperation> = {}): Change => operation('start', { workloadId: workload.id, hostId: h1.id, ...set });
const step = (name: string, state: 'running' | 'done' = 'done') => ({ name, state, startedAtMs: 1, endedAtMs: state === 'done' ? 2 : null, note: null });
const succeeded = { state: 'succeeded' as const, code: null, why: null };

export function clusterStoreConformance(name: string, open: () => Promise<StoreUnderTest>): void {
  let under: StoreUnderTest;
  let store: ClusterStore;
  let epoch: number;

  /** As an operator's request that must succeed. */
  async function commit(...changes: Change[]): Promise<readonly OperationId[]> {
    const result = await store.commit(changes, { viewVersion: null, leaderEpoch: epoch });
    if (!result.ok) throw new Error(`${result.error.code}: ${result.error.why}`);
    return result.value.operationIds;
  }
  async function commitOne(change: Change): Promise<OperationId> {
    const [id] = await commit(change);
    if (!id) throw new Error('no operation was made');
    return id;
  }
  const refusal = async (changes: readonly Change[], at: { viewVersion?: number | null; leaderEpoch?: number } = {}): Promise<string> => {
    const result = await store.commit(changes, { viewVersion: null, leaderEpoch: epoch, ...at });
    return result.ok ? 'committed' : result.error.code;
  };
  const version = async (): Promise<number> => (await store.readView()).version;

  beforeEach(async () => {
    under = await open();
    store = under.store;
    epoch = (await store.acquireLease('leader', LEASE_MS)).epoch;
    await commit({ change: 'add-host', host: h2 }, { change: 'add-host', host: h1 }, { change: 'add-workload', workload: w2 }, { change: 'add-workload', workload: w1 });
  });
  afterEach(() => under.close());

  describe(`${name}: hosts and workloads`, () => {
    it('gives back what was put in, in order of names', async () => {
      const view = await store.readView();
      expect(view.hosts).toEqual([h1, h2]);
      expect(view.workloads).toEqual([w1, w2]);
      expect(view).toMatchObject({ leaderEpoch: epoch, operations: [], recentOperations: [], inventories: [], rules: [], disarm: null });
    });

    it('merges fields, and keeps the others', async () => {
      await commit({ change: 'host', id: h1.id, set: { cordoned: true } }, { change: 'workload', id: w1.id, set: { state: 'error', why: 'broken' } });
      const view = await store.readView();
      expect(view.hosts[0]).toEqual({ ...h1, cordoned: true });
      expect(view.workloads[0]).toEqual({ ...w1, state: 'error', why: 'broken' });
    });

    it('removes, and takes a change of something removed as void', async () => {
      await commit({ change: 'remove-host', id: h2.id }, { change: 'remove-workload', id: w2.id });
      await commit({ change: 'host', id: h2.id, set: { cordoned: true } }, { change: 'workload', id: w2.id, set: { priority: 1 } });
      const view = await store.readView();
      expect(view.hosts).toEqual([h1]);
      expect(view.workloads).toEqual([w1]);
    });

    it('takes every state that the domain knows', async () => {
      for (const condition of Object.keys(HOST_CONDITIONS) as HostCondition[]) await commit({ change: 'host', id: h1.id, set: { condition } });
      for (const state of Object.keys(WORKLOAD_STATES) as WorkloadState[]) await commit({ change: 'workload', id: w1.id, set: { state } });
      for (const desired of Object.keys(DESIRED_STATES) as DesiredState[]) await commit({ change: 'workload', id: w1.id, set: { desired } });
      for (const intent of ['maintenance', 'active'] as const) await commit({ change: 'host', id: h1.id, set: { intent } });
    });

    it('refuses a taken name or uuid', async () => {
      expect(await refusal([{ change: 'add-host', host: aHost('h1', { id: aHost('other').id }) }])).toBe('name-taken');
      expect(await refusal([{ change: 'add-host', host: h1 }])).toBe('name-taken');
      expect(await refusal([{ change: 'add-workload', workload: { ...aWorkload('new', h1), name: 'w1' } }])).toBe('name-taken');
      expect(await refusal([{ change: 'add-workload', workload: { ...aWorkload('new', h1), uuid: w1.uuid } }])).toBe('name-taken');
      expect(await refusal([{ change: 'workload', id: w2.id, set: { name: 'w1' } }])).toBe('name-taken');
    });

    it('lets a name be taken that the same commit frees', async () => {
      const again = { ...aWorkload('again', h1), name: 'w1', uuid: w1.uuid };
      await commit({ change: 'remove-workload', id: w1.id }, { change: 'add-workload', workload: again });
      expect((await store.readView()).workloads[0]).toEqual(again);
    });

    it('keeps text from far sides, whatever is in it', async () => {
      await commit({ change: 'host', id: h1.id, set: { why: `a\0b ${'🖥'.slice(0, 1)} 🖥` } });
      expect((await store.readView()).hosts[0]?.why).toBe('a\uFFFDb \uFFFD 🖥');
    });

    it('says of rules with selectors what they come to now, and keeps what was written', async () => {
      await commit({ change: 'workload', id: w1.id, set: { labels: { app: 'db' } } });
      const selector = { named: [], labels: { app: 'db' } };
      const hostSelector = { named: [], selected: [{ labels: { zone: 'a', gpu: 'yes' }, priority: 2 }] };
      await commit({ change: 'add-rule', rule: { name: 'r', type: 'hosts', hard: true, workloads: [], selector, hosts: [], hostSelector } });
      expect((await store.readView()).rules).toEqual([{ name: 'r', type: 'hosts', hard: true, workloads: [w1.id], selector, hosts: [], hostSelector }]);
      await commit({ change: 'workload', id: w2.id, set: { labels: { app: 'db', tier: '1' } } }, { change: 'workload', id: w1.id, set: { labels: {} } }, { change: 'host', id: h1.id, set: { zone: 'a', labels: { gpu: 'yes' } } });
      expect(await store.readView()).toMatchObject({ rules: [{ workloads: [w2.id], selector, hosts: [{ hostId: h1.id, priority: 2 }], hostSelector }], hosts: [{ zone: 'a' }, { zone: null }] });
    });

    it('keeps placement rules by name, in order, as they are', async () => {
      const apart: PlacementRule = { name: 'b-apart', type: 'keep-apart', workloads: [w1.id, w2.id], hard: true };
      const hosts: PlacementRule = { name: 'a-hosts', type: 'hosts', workloads: [w1.id], hard: false, hosts: [{ hostId: h1.id, priority: 2 }] };
      const before = await version();
      await commit({ change: 'add-rule', rule: apart }, { change: 'add-rule', rule: hosts });
      expect(await store.readView()).toMatchObject({ rules: [hosts, apart], version: before + 1 });
      expect(await refusal([{ change: 'add-rule', rule: { ...apart, hard: false } }])).toBe('name-taken');
      await commit({ change: 'remove-rule', name: 'b-apart' }, { change: 'add-rule', rule: { ...apart, hard: false } });
      expect((await store.readView()).rules).toEqual([hosts, { ...apart, hard: false }]);
      await commit({ change: 'remove-rule', name: 'b-apart' }, { change: 'remove-rule', name: 'a-hosts' }, { change: 'remove-rule', name: 'nobody' });
      expect((await store.readView()).rules).toEqual([]);
    });

    it('keeps what people were told of the room for failure', async () => {
      expect((await store.readView()).room).toBeNull();
      const room = { mode: 'n+1' as const, sinceMs: 5, what: 'with host-1 lost, vm-1 stays down' };
      await commit({ change: 'room', room });
      expect((await store.readView()).room).toEqual(room);
      await commit({ change: 'room', room: null });
      expect((await store.readView()).room).toBeNull();
    });

    it('keeps the disarming until it is taken back', async () => {
      const disarm = { mode: 'ignore' as const, by: 'ann', reason: 'switch is replaced', sinceMs: 1, untilMs: null };
      await commit({ change: 'disarm', disarm });
      expect((await store.readView()).disarm).toEqual(disarm);
      await commit({ change: 'disarm', disarm: null });
      expect((await store.readView()).disarm).toBeNull();
    });
  });

  describe(`${name}: commits`, () => {
    it('makes operations that carry the epochs at their commit', async () => {
      const id = await commitOne(startOf(w1, { params: { x: 1 }, reason: 'because' }));
      expect(await store.operation(id)).toMatchObject({
        id, kind: 'start', state: 'pending', workloadId: w1.id, hostId: h1.id, targetHostId: null, requestedBy: 'test', reason: 'because', params: { x: 1 }, proof: null,
        leaderEpoch: epoch, workloadEpoch: w1.workloadEpoch + 2, steps: [], memo: {}, progress: null, cancelRequested: false, outcomeCode: null, why: null, attempts: 0, startedAtMs: null, endedAtMs: null,
      });
      const [later] = await commit({ change: 'workload', id: w2.id, set: { workloadEpoch: 8 } }, startOf(w2));
      expect((await store.operation(later!))?.workloadEpoch).toBe(10);
    });

    it('does all or nothing', async () => {
      await commit(startOf(w1));
      const before = await store.readView();
      const events = await store.events(null, 100);
      const changes: Change[] = [{ change: 'workload', id: w2.id, set: { priority: 9 } }, { change: 'event', event: event('x', 'y') }, startOf(w2), { change: 'remove-host', id: h2.id }, startOf(w1)];
      expect(await refusal(changes)).toBe('operation-active');
      expect(await store.readView()).toEqual(before);
      expect(await store.events(null, 100)).toEqual(events);
      expect(await store.undispatched(10)).toHaveLength(1);
    });

    it('decides on a view that nobody changes meanwhile, however many come together', async () => {
      const raise = (view: ClusterView): readonly Change[] => [{ change: 'workload', id: w1.id, set: { priority: (view.workloads.find((one) => one.id === w1.id)?.priority ?? 0) + 1 } }];
      const before = await store.readView();
      const from = before.workloads.find((one) => one.id === w1.id)?.priority ?? 0;
      const others = Array.from({ length: 8 }, (_, index) => commit({ change: 'host', id: h1.id, set: { why: `round ${index}` } }));
      const results = await Promise.all(Array.from({ length: 8 }, () => store.decideAndCommit(raise)));
      await Promise.all(others);
      expect(results.every((one) => one.ok)).toBe(true);
      expect((await store.readView()).workloads.find((one) => one.id === w1.id)?.priority).toBe(from + 8);
    });

    it('writes nothing when the decision throws or is empty, and tells the same refusals', async () => {
      const before = await store.readView();
      await expect(store.decideAndCommit(() => { throw new UserError('refused', 'not like this'); })).rejects.toThrow('not like this');
      expect(await store.decideAndCommit(() => [])).toEqual({ ok: true, value: { operationIds: [], version: before.version } });
      expect(await store.readView()).toEqual(before);
      await commit(startOf(w1));
      expect(await store.decideAndCommit(() => [startOf(w1)])).toMatchObject({ ok: false, error: { code: 'operation-active' } });
      const made = await store.decideAndCommit(() => [startOf(w2)]);
      expect(made.ok && (await store.operation(made.value.operationIds[0]!))?.leaderEpoch).toBe(epoch);
    });

    it('refuses what was decided on an old view', async () => {
      const seen = await version();
      await commit({ change: 'host', id: h1.id, set: { cordoned: true } });
      expect(await refusal([startOf(w1)], { viewVersion: seen })).toBe('stale-view');
      expect(await refusal([startOf(w1)], { viewVersion: seen + 1 })).toBe('committed');
    });

    it('refuses a former leader, and lets the new one', async () => {
      await store.releaseLease('leader');
      const next = await store.acquireLease('other', LEASE_MS);
      expect(await refusal([startOf(w1)])).toBe('stale-leader');
      expect(await refusal([startOf(w1)], { leaderEpoch: next.epoch + 1 })).toBe('stale-leader');
      expect(await refusal([startOf(w1)], { leaderEpoch: next.epoch })).toBe('committed');
    });

    it('lets one of several racing commits win', async () => {
      const seen = await version();
      const results = await Promise.all([1, 2, 3, 4, 5].map((n) => refusal([{ change: 'host', id: h1.id, set: { why: `${n}` } }], { viewVersion: seen })));
      expect([...results].sort()).toEqual(['committed', 'stale-view', 'stale-view', 'stale-view', 'stale-view']);
      expect((await store.readView()).hosts[0]?.why).toBe(`${results.indexOf('committed') + 1}`);
      const unconditional = await Promise.all([1, 2, 3].map(() => refusal([startOf(w2)])));
      expect(unconditional.sort()).toEqual(['committed', 'operation-active', 'operation-active']);
    });

    it('has one active operation per workload, and again after it ended', async () => {
      const id = await commitOne(startOf(w1));
      expect(await refusal([operation('stop', { workloadId: w1.id })])).toBe('operation-active');
      await store.claimOperation(id, 'worker', LEASE_MS);
      expect(await refusal([operation('stop', { workloadId: w1.id })])).toBe('operation-active');
      await store.finishOperation(id, 'worker', succeeded, []);
      expect(await refusal([operation('stop', { workloadId: w1.id })])).toBe('committed');
    });

    it('has one fence, drain, enrolment, re-admission and removal per host at a time, beside each other', async () => {
      for (const kind of ONE_PER_HOST) {
        await commit(operation(kind, { hostId: h1.id }));
        expect(await refusal([operation(kind, { hostId: h1.id })])).toBe('operation-active');
        expect(await refusal([operation(kind, { hostId: h2.id })])).toBe('committed');
      }
      await commit(startOf(w1), startOf(w2));
      expect((await store.readView()).operations).toHaveLength(2 * ONE_PER_HOST.length + 2);
    });

    it('refuses an operation on a workload that is gone', async () => {
      await commit({ change: 'remove-workload', id: w1.id });
      expect(await refusal([startOf(w1)])).toBe('stale-view');
    });

    it('raises the version for what decisions depend on, and for nothing else', async () => {
      const rises = async (what: () => Promise<unknown>): Promise<boolean> => {
        const before = await version();
        await what();
        return (await version()) > before;
      };
      const id = await commitOne(startOf(w1));
      expect(await rises(() => commit({ change: 'host', id: h1.id, set: { why: 'x' } }))).toBe(true);
      expect(await rises(() => commit({ change: 'event', event: event('x', 'y') }))).toBe(false);
      expect(await rises(() => store.appendEvents([event('x', 'y')]))).toBe(false);
      expect(await rises(() => store.claimOperation(id, 'worker', LEASE_MS))).toBe(true);
      expect(await rises(() => store.recordStep(id, 'worker', step('one'), {}))).toBe(false);
      expect(await rises(() => store.recordProgress(id, 'worker', { line: 'x' }))).toBe(false);
      expect(await rises(() => store.renewOperation(id, 'worker', LEASE_MS))).toBe(false);
      expect(await rises(() => store.saveInventory({ hostId: h1.id, atMs: 1, bootId: 'b', workloads: [] }))).toBe(false);
      for (const change of [{ change: 'note-operation', id, memo: {} }, { change: 'cancel-operation', id }] as const) expect(await rises(() => commit(change))).toBe(true);
      expect(await rises(() => store.finishOperation(id, 'worker', succeeded, []))).toBe(true);
      expect(await rises(() => commit({ change: 'disarm', disarm: null }))).toBe(true);
    });
  });

  describe(`${name}: working on an operation`, () => {
    it('is had by one worker only', async () => {
      const id = await commitOne(startOf(w1));
      const claims = await Promise.all(['a', 'b', 'c'].map((worker) => store.claimOperation(id, worker, LEASE_MS)));
      const had = claims.filter((one) => one !== null);
      expect(had).toHaveLength(1);
      expect(had[0]).toMatchObject({ id, state: 'running', attempts: 1 });
      expect(had[0]?.startedAtMs).not.toBeNull();
      expect(await store.claimOperation(operationId('nobody-knows-it'), 'a', LEASE_MS)).toBeNull();
    });

    it('is taken over once the lease ran out, and the first worker can write no more', async () => {
      const id = await commitOne(startOf(w1));
      await store.claimOperation(id, 'first', SHORT_MS);
      await store.recordStep(id, 'first', step('one'), { seen: 1 });
      await under.pass(SHORT_MS + 20);
      const resumed = await store.claimOperation(id, 'second', LEASE_MS);
      expect(resumed).toMatchObject({ attempts: 2, memo: { seen: 1 }, steps: [step('one')] });
      expect(await store.renewOperation(id, 'first', LEASE_MS)).toBe(false);
      expect(await store.recordStep(id, 'first', step('two'), { seen: 2 })).toBe(false);
      expect(await store.recordProgress(id, 'first', { line: 'late' })).toBe(false);
      expect(await store.finishOperation(id, 'first', succeeded, [{ change: 'workload', id: w1.id, set: { state: 'error' } }])).toBe(false);
      expect(await store.operation(id)).toMatchObject({ state: 'running', memo: { seen: 1 }, steps: [step('one')], progress: null });
      expect((await store.readView()).workloads[0]?.state).toBe('running');
    });

    it('gets an epoch above the one before when it is taken over, and its workload with it', async () => {
      const id = await commitOne(startOf(w1));
      const first = await store.claimOperation(id, 'first', SHORT_MS);
      expect((await store.readView()).workloads[0]?.workloadEpoch).toBe(first?.workloadEpoch);
      await under.pass(SHORT_MS + 20);
      const second = await store.claimOperation(id, 'second', SHORT_MS);
      expect(second?.workloadEpoch).toBe((first?.workloadEpoch ?? 0) + 2);
      expect((await store.readView()).workloads[0]?.workloadEpoch).toBe(second?.workloadEpoch);
      expect((await store.operation(id))?.workloadEpoch).toBe(second?.workloadEpoch);
    });

    it('keeps its epoch when its workload was placed anew meanwhile: its commands are over', async () => {
      const id = await commitOne(startOf(w1));
      const first = await store.claimOperation(id, 'first', SHORT_MS);
      await commit({ change: 'workload', id: w1.id, set: { workloadEpoch: 50 } });
      await under.pass(SHORT_MS + 20);
      expect((await store.claimOperation(id, 'second', LEASE_MS))?.workloadEpoch).toBe(first?.workloadEpoch);
      expect((await store.readView()).workloads[0]?.workloadEpoch).toBe(50);
    });

    it('stays with a worker that renews', async () => {
      const id = await commitOne(startOf(w1));
      await store.claimOperation(id, 'first', SHORT_MS);
      expect(await store.renewOperation(id, 'first', LEASE_MS)).toBe(true);
      await under.pass(SHORT_MS + 20);
      expect(await store.claimOperation(id, 'second', LEASE_MS)).toBeNull();
    });

    it('keeps steps in order, each once, with the latest memo and progress', async () => {
      const id = await commitOne(startOf(w1));
      await store.claimOperation(id, 'worker', LEASE_MS);
      await store.recordStep(id, 'worker', step('one', 'running'), null);
      await store.recordStep(id, 'worker', step('one'), { a: 1 });
      await store.recordStep(id, 'worker', step('two', 'running'), null);
      await store.recordProgress(id, 'worker', { percent: 40, line: 'copying', numbers: { bytes: 5 } });
      await store.recordProgress(id, 'worker', { percent: 50, line: 'copying' });
      expect(await store.operation(id)).toMatchObject({ steps: [step('one'), step('two', 'running')], memo: { a: 1 }, progress: { percent: 50, line: 'copying' } });
    });

    it('ends once, together with what follows from it', async () => {
      const id = await commitOne(startOf(w1));
      await store.claimOperation(id, 'worker', LEASE_MS);
      const follows: Change[] = [{ change: 'workload', id: w1.id, set: { hostId: h2.id } }, { change: 'event', event: event('moved', 'there') }];
      expect(await store.finishOperation(id, 'worker', { state: 'failed', code: 'no-way', why: 'because' }, follows)).toBe(true);
      expect(await store.finishOperation(id, 'worker', succeeded, follows)).toBe(false);
      const view = await store.readView();
      expect(view.operations).toEqual([]);
      expect(view.recentOperations).toMatchObject([{ id, state: 'failed', outcomeCode: 'no-way', why: 'because' }]);
      expect(view.recentOperations[0]?.endedAtMs).not.toBeNull();
      expect(view.workloads[0]?.hostId).toBe(h2.id);
      expect((await store.events(null, 10)).filter((one) => one.type === 'moved')).toHaveLength(1);
      expect(await store.claimOperation(id, 'other', LEASE_MS)).toBeNull();
    });

    it('can end in every state', async () => {
      for (const state of Object.keys(OPERATION_STATES) as OperationState[]) {
        if (state === 'pending' || state === 'running') continue;
        const id = await commitOne(startOf(w1));
        await store.claimOperation(id, 'worker', LEASE_MS);
        expect(await store.finishOperation(id, 'worker', { state, code: null, why: null }, [])).toBe(true);
        expect((await store.operation(id))?.state).toBe(state);
      }
    });

    it('may be followed by an operation on the same workload', async () => {
      const id = await commitOne(startOf(w1));
      await store.claimOperation(id, 'worker', LEASE_MS);
      await store.finishOperation(id, 'worker', succeeded, [operation('stop', { workloadId: w1.id })]);
      expect((await store.readView()).operations).toMatchObject([{ kind: 'stop', state: 'pending', leaderEpoch: epoch }]);
    });

    it('does not end when what follows from it cannot be', async () => {
      const id = await commitOne(startOf(w1));
      await commit(operation('fence', { hostId: h1.id }));
      await store.claimOperation(id, 'worker', LEASE_MS);
      await expect(store.finishOperation(id, 'worker', succeeded, [operation('fence', { hostId: h1.id })])).rejects.toThrow(/what follows/);
      expect((await store.operation(id))?.state).toBe('running');
    });

    it('carries the wish to cancel while it is active', async () => {
      const id = await commitOne(startOf(w1));
      await commit({ change: 'cancel-operation', id });
      expect(await store.operation(id)).toMatchObject({ state: 'pending', cancelRequested: true });
      const other = await commitOne(startOf(w2));
      await store.claimOperation(other, 'worker', LEASE_MS);
      await store.finishOperation(other, 'worker', succeeded, []);
      await commit({ change: 'cancel-operation', id: other });
      expect((await store.operation(other))?.cancelRequested).toBe(false);
    });
  });

  describe(`${name}: lists, outbox, sweeper`, () => {
    it('lists newest first, by filter, page by page', async () => {
      const ids: OperationId[] = [];
      for (const [kind, host] of [['fence', h1], ['drain', h1], ['fence', h2], ['drain', h2]] as const) ids.push(await commitOne(operation(kind, { hostId: host.id })));
      ids.push(await commitOne(operation('migrate', { workloadId: w1.id, hostId: h1.id, targetHostId: h2.id })));
      const list = async (filter: Omit<Parameters<ClusterStore['listOperations']>[0], 'limit'>, limit = 10): Promise<readonly OperationId[]> => (await store.listOperations({ ...filter, limit })).map((one) => one.id);
      const [a, b, c, d, e] = ids;
      expect(await list({})).toEqual([e, d, c, b, a]);
      expect(await list({}, 2)).toEqual([e, d]);
      expect(await list({ before: d! }, 2)).toEqual([c, b]);
      expect(await list({ before: a! })).toEqual([]);
      expect(await list({ before: operationId('nobody-knows-it') })).toEqual([]);
      expect(await list({ kind: 'fence' })).toEqual([c, a]);
      expect(await list({ hostId: h2.id })).toEqual([e, d, c]);
      expect(await list({ workloadId: w1.id })).toEqual([e]);
      expect(await list({ ids: [b!, a!] })).toEqual([b, a]);
      await store.claimOperation(a!, 'worker', LEASE_MS);
      expect(await list({ states: ['running'] })).toEqual([a]);
      expect(await list({ states: ['pending', 'running'], kind: 'fence' })).toEqual([c, a]);
    });

    it('hands each new operation to the dispatcher, in order, until it is marked', async () => {
      const ids = await commit(startOf(w1), startOf(w2), operation('fence', { hostId: h1.id }));
      expect(await store.undispatched(10)).toEqual(ids);
      expect(await store.undispatched(2)).toEqual(ids.slice(0, 2));
      await store.markDispatched(ids.slice(0, 2));
      await store.markDispatched(ids.slice(0, 1));
      expect(await store.undispatched(10)).toEqual(ids.slice(2));
    });

    it('finds operations that nobody works on', async () => {
      const [pending, abandoned, held, ended] = await commit(startOf(w1), startOf(w2), operation('drain', { hostId: h1.id }), operation('drain', { hostId: h2.id }));
      await store.claimOperation(abandoned!, 'dead', SHORT_MS);
      await store.claimOperation(held!, 'alive', LEASE_MS);
      await store.claimOperation(ended!, 'alive', LEASE_MS);
      await store.finishOperation(ended!, 'alive', succeeded, []);
      await under.pass(SHORT_MS + 20);
      expect(await store.stranded(0, 10)).toEqual([pending, abandoned]);
      expect(await store.stranded(0, 1)).toEqual([pending]);
      expect(await store.stranded(60_000, 10)).toEqual([]);
    });

    it('finds what is urgent first', async () => {
      const [start, fence] = await commit(startOf(w1), operation('fence', { hostId: h1.id }));
      await under.pass(20);
      expect(await store.stranded(0, 10)).toEqual([fence, start]);
    });
  });

  describe(`${name}: inventories, events, changes`, () => {
    it('keeps the latest inventory of each known host', async () => {
      const seen = (hostId: typeof h1.id, atMs: number) => ({ hostId, atMs, bootId: 'b', workloads: [] });
      await store.saveInventory(seen(h2.id, 1));
      await store.saveInventory(seen(h1.id, 1));
      await store.saveInventory(seen(h1.id, 2));
      await store.saveInventory(seen(aHost('unknown').id, 1));
      expect((await store.readView()).inventories).toEqual([seen(h1.id, 2), seen(h2.id, 1)]);
      await commit({ change: 'remove-host', id: h1.id });
      expect((await store.readView()).inventories).toEqual([seen(h2.id, 1)]);
    });

    it('an answer that comes late does not replace a newer inventory, unless a clock was ahead', async () => {
      const seen = (atMs: number) => ({ hostId: h1.id, atMs, bootId: 'b', workloads: [] });
      const kept = async (atMs: number): Promise<number | undefined> => {
        await store.saveInventory(seen(atMs));
        return (await store.readView()).inventories[0]?.atMs;
      };
      expect(await kept(500_000)).toBe(500_000);
      expect(await kept(499_999)).toBe(500_000);
      expect(await kept(500_000 - INVENTORY_LATE_MS)).toBe(500_000);
      expect(await kept(500_000 - INVENTORY_LATE_MS - 1)).toBe(500_000 - INVENTORY_LATE_MS - 1);
    });

    it('numbers events in order and gives them back by page and filter', async () => {
      await store.appendEvents([event('a', 'first', { host: 'h1', data: { n: 1 } }), event('b', 'second', { workload: 'w1', severity: 'alert' }), event('a', 'third')]);
      await commit({ change: 'event', event: event('c', 'fourth', { host: 'h1', operationId: 'o' }) });
      const all = await store.events(0, 100);
      expect(all.map((one) => one.message)).toEqual(['first', 'second', 'third', 'fourth']);
      expect(all.every((one, index) => index === 0 || one.seq > all[index - 1]!.seq)).toBe(true);
      expect(all[0]).toMatchObject({ type: 'a', severity: 'info', host: 'h1', workload: null, operationId: null, data: { n: 1 } });
      expect(all[0]!.atMs).toBeGreaterThan(0);
      const messages = async (...args: Parameters<ClusterStore['events']>): Promise<readonly string[]> => (await store.events(...args)).map((one) => one.message);
      expect(await messages(all[1]!.seq, 1)).toEqual(['third']);
      expect(await messages(all[3]!.seq, 10)).toEqual([]);
      expect(await messages(null, 2)).toEqual(['third', 'fourth']);
      expect(await messages(null, 10, { types: ['a', 'c'] })).toEqual(['first', 'third', 'fourth']);
      expect(await messages(null, 10, { host: 'h1' })).toEqual(['first', 'fourth']);
      expect(await messages(0, 10, { workload: 'w1' })).toEqual(['second']);
    });

    it('tells of commits, steps and events until unsubscribed', async () => {
      let calls = 0;
      const told = async (): Promise<void> => {
        for (let tries = 0; calls === 0 && tries < 200; tries += 1) await new Promise((done) => setTimeout(done, 10));
        expect(calls).toBeGreaterThan(0);
        calls = 0;
      };
      const stop = store.onChange(() => void (calls += 1));
      const id = await commitOne(startOf(w1));
      await told();
      await store.claimOperation(id, 'worker', LEASE_MS);
      await told();
      await store.recordStep(id, 'worker', step('one'), null);
      await told();
      await store.appendEvents([event('x', 'y')]);
      await told();
      stop();
      await commit({ change: 'host', id: h1.id, set: { why: 'x' } });
      await new Promise((done) => setTimeout(done, 50));
      expect(calls).toBe(0);
    });
  });

  storeNotesConformance(name, () => ({ store, epoch, begin: startOf(w1) }));
  storeLeadershipConformance(name, () => ({ store, epoch, pass: (ms) => under.pass(ms) }));
}
