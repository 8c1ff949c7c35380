// What owners may say about a workload, and what is refused with its remedy.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aHost, anOperation, aView, aWorkload, NOW_MS } from '../../../test/fixtures/cluster.js';
import { workloadId } from '../../shared/ids.js';
import type { Workload } from '../../workloads/workload.js';
import type { Change } from '../change.js';
import type { ClusterView } from '../cluster-view.js';
import { releaseHost } from './host-commands.js';
import { circleThrough, lockWorkload, manageWorkload, setDesired, setPolicies, unlockWorkload, unmanageWorkload } from './owner-commands.js';
import { clearError, moveWorkload, startWorkload, stopWorkload } from './workload-commands.js';
import { placementViewOf } from '../placement-ledger.js';
import { DEFAULT_POLICY } from '../cluster-policy.js';
import { aClusterVerdict, aVerdict } from '../../../test/fixtures/cluster.js';

const [one, two] = [aHost('host-1'), aHost('host-2')];
const asked = { by: 'anna', nowMs: NOW_MS };
const looked = (host: typeof one, atMs = NOW_MS): ClusterView['inventories'][number] => ({ hostId: host.id, atMs, bootId: host.bootId ?? '', workloads: [] });
const view = (vm: Workload, more: Partial<ClusterView> = {}): ClusterView => aView({ hosts: [one, two], workloads: [vm], inventories: [looked(one), looked(two)], ...more });
const setIn = (changes: readonly Change[]): unknown => changes.find((change) => change.change === 'workload')?.set;
const vm = (set: Partial<Workload> = {}): Workload => aWorkload('vm', one, set);

describe('desired', () => {
  it.each<[string, Partial<Workload>, Workload['desired'], unknown]>([
    ['stopped, wanted running: it waits for its start', { desired: 'stopped', state: 'stopped' }, 'running', { desired: 'running', state: 'waiting' }],
    ['running, wanted stopped: the rules stop it', {}, 'stopped', { desired: 'stopped' }],
    ['waiting, wanted stopped', { state: 'waiting' }, 'stopped', { desired: 'stopped', state: 'stopped' }],
    ['in error, disabled: cleared, and looked at', { state: 'error' }, 'disabled', { desired: 'disabled', state: 'stopping', failures: { restarts: 0 } }],
    ['unmanaged', {}, 'unmanaged', { desired: 'unmanaged', state: 'unmanaged' }],
    ['unmanaged, wanted running', { desired: 'unmanaged', state: 'unmanaged' }, 'running', { desired: 'running', state: 'waiting' }],
  ])('%s', (_name, set, desired, expected) => {
    expect(setIn(setDesired(view(vm(set)), 'vm', desired, asked))).toMatchObject(expected as object);
  });

  it('is the same: nothing', () => {
    expect(setDesired(view(vm()), 'vm', 'running', asked)).toEqual([]);
  });

  it('on a silent host it awaits certainty; with an operation under way only the wish is kept', () => {
    expect(setIn(setDesired(view(vm({ desired: 'stopped', state: 'stopped' }), { hosts: [{ ...one, condition: 'silent' }] }), 'vm', 'running', asked))).toMatchObject({ state: 'awaiting-fence' });
    expect(setIn(setDesired(view(vm({ state: 'starting' }), { operations: [anOperation('start', { workloadId: vm().id })] }), 'vm', 'stopped', asked))).toEqual({ desired: 'stopped' });
  });

  it('running or stopped does not clear an error', () => {
    for (const desired of ['running', 'stopped'] as const) expect(() => setDesired(view(vm({ state: 'error' })), 'vm', desired, asked)).toThrow(/in error/);
    expect(setIn(clearError(view(vm({ state: 'error' })), 'vm', asked))).toMatchObject({ state: 'waiting' });
  });
});

describe('a stopped workload', () => {
  const stopped = view(vm({ desired: 'stopped', state: 'stopped' }));
  const move = (kind: 'migrate' | 'relocate', seen = stopped): readonly Change[] => moveWorkload(seen, placementViewOf({ view: seen, verdict: aClusterVerdict([aVerdict(one), aVerdict(two)]), policy: DEFAULT_POLICY }), 'vm', { ...asked, to: null, kind, params: {} });

  it('is relocated as it is, stays stopped meanwhile, and takes no room for failure', () => {
    const changes = move('relocate');
    expect(changes.find((change) => change.change === 'operation')).toMatchObject({ operation: { kind: 'relocate', hostId: one.id, targetHostId: two.id, params: { isCold: true, wasDesired: 'stopped' } } });
    expect(setIn(changes)).toBeUndefined();
  });

  it('does not move live, and nothing moves that waits or starts', () => {
    expect(() => move('migrate')).toThrow('vm is stopped; only what runs can move live');
    expect(() => move('relocate', view(vm({ state: 'starting' })))).toThrow('vm is starting; only what runs can move, or is stopped');
  });
});

describe('managing', () => {
  const out = vm({ desired: 'unmanaged', state: 'unmanaged', hostId: one.id });
  const seenOn = (...hosts: readonly (typeof one)[]): Partial<ClusterView> => ({
    inventories: hosts.map((host) => ({ hostId: host.id, atMs: NOW_MS, bootId: host.bootId ?? '', workloads: [{ uuid: out.uuid, name: 'vm', kind: 'vm', driver: 'libvirt', runState: 'running', reason: 'booted', vcpus: 1, memoryMiB: 1024, autostart: false, persistent: true }] })),
  });
  it('takes it as it is and where it is', () => {
    expect(setIn(manageWorkload(view(out, seenOn(two)), 'vm', { ...asked, host: null, desired: null }))).toMatchObject({ desired: 'running', hostId: two.id, state: 'running', workloadEpoch: 3 });
    expect(setIn(manageWorkload(view(out), 'vm', { ...asked, host: null, desired: null }))).toMatchObject({ desired: 'stopped', hostId: one.id, state: 'stopped' });
    expect(setIn(manageWorkload(view(out), 'vm', { ...asked, host: 'host-2', desired: 'running' }))).toMatchObject({ desired: 'running', hostId: two.id, state: 'waiting' });
  });

  it('refuses while a host that may run it can not be asked, and believes nothing that a host showed before it was lost', () => {
    const manage = (more: Partial<ClusterView>, host: string | null = null) => manageWorkload(view(out, more), 'vm', { ...asked, host, desired: 'running' });
    expect(() => manage({ inventories: [looked(one), looked(two, NOW_MS - 6_001)] })).toThrow('whether it runs on host-2 is not known now');
    // It was started since.
    expect(() => manage({ recentOperations: [anOperation('recover', { workloadId: out.id, state: 'succeeded', endedAtMs: NOW_MS - 100 })] })).toThrow('whether it runs on host-1 or host-2');
    expect(() => manage({ inventories: [looked(two)] }, 'host-2')).toThrow('whether it runs on host-1 is not known now');
    const lost: typeof two = { ...two, condition: 'fenced', proof: { kind: 'power-off', evidence: 'x', atMs: NOW_MS, bootId: two.bootId, hostEpoch: 1 } };
    const before = seenOn(two).inventories ?? [];
    expect(setIn(manage({ hosts: [one, lost], inventories: [looked(one), ...before] }))).toMatchObject({ hostId: one.id, state: 'waiting' });
    // What a person had moved there does not run under its lease: that this is over says nothing of it.
    const cutOff: typeof two = { ...lost, proof: { kind: 'lease-expired', evidence: 'x', atMs: NOW_MS, bootId: two.bootId, hostEpoch: 1 } };
    expect(() => manage({ hosts: [one, cutOff], inventories: [looked(one), ...before] })).toThrow('whether it runs on host-2');
    expect(() => manage({ hosts: [one, { ...lost, condition: 'silent', proof: null }], inventories: [looked(one), ...before] })).toThrow('whether it runs on host-2');
  });

  it('refuses what is not true, twice over, or managed already', () => {
    expect(() => manageWorkload(view(out, seenOn(one, two)), 'vm', { ...asked, host: null, desired: null })).toThrow(/runs on host-1 and host-2/);
    expect(() => manageWorkload(view(out, seenOn(two)), 'vm', { ...asked, host: 'host-1', desired: null })).toThrow(/runs on host-2, not on host-1/);
    expect(() => manageWorkload(view(vm()), 'vm', { ...asked, host: null, desired: null })).toThrow(/managed already/);
  });

  it('leaves it as it is when it is taken out, unless something is under way', () => {
    expect(setIn(unmanageWorkload(view(vm()), 'vm', asked))).toMatchObject({ state: 'unmanaged' });
    expect(() => unmanageWorkload(view(vm(), { operations: [anOperation('migrate', { workloadId: vm().id })] }), 'vm', asked)).toThrow(/migrate is under way/);
  });
});

describe('what is left alone', () => {
  const placement = (seen: ClusterView): ReturnType<typeof placementViewOf> => placementViewOf({ view: seen, verdict: aClusterVerdict([aVerdict(one), aVerdict(two)]), policy: DEFAULT_POLICY });
  const move = (seen: ClusterView): unknown => moveWorkload(seen, placement(seen), 'vm', { ...asked, to: null, kind: 'migrate', params: {} });
  const stop = (seen: ClusterView): unknown => stopWorkload(seen, 'vm', { ...asked, force: true, timeoutS: 0 });
  const start = (seen: ClusterView): unknown => startWorkload(seen, placement(seen), 'vm', asked);
  const lock = { by: 'backup', reason: 'nightly', sinceMs: NOW_MS };
  const disarm = { mode: 'freeze' as const, by: 'bob', reason: 'switches', sinceMs: NOW_MS, untilMs: NOW_MS + 1 };

  it.each<[string, () => unknown, RegExp]>([
    ['a move of a locked one', () => move(view(vm({ lock }))), /locked by backup \(nightly\)/],
    ['a stop of a locked one', () => stop(view(vm({ lock }))), /locked by backup/],
    ['a start of an unmanaged one', () => start(view(vm({ desired: 'unmanaged', state: 'unmanaged' }))), /unmanaged/],
    ['a move while disarmed', () => move(view(vm(), { disarm })), /disarmed \(freeze\) by bob: switches/],
    ['a stop while disarmed', () => stop(view(vm(), { disarm })), /disarmed/],
    ['a start of one in error', () => start(view(vm({ state: 'error', why: 'it crashed' }))), /in error: it crashed/],
    ['a start where a hard rule is against it', () => start(view(vm({ state: 'stopped' }), { rules: [{ name: 'r', type: 'hosts', hard: true, workloads: [vm().id], hosts: [{ hostId: two.id, priority: 0 }] }] })), /may not run on host-1: rule r allows only host-2/],
    ['a second lock', () => lockWorkload(view(vm({ lock })), 'vm', { ...asked, reason: 'x' }), /locked already by backup/],
    ['a lock while it moves', () => lockWorkload(view(vm(), { operations: [anOperation('migrate', { workloadId: vm().id })] }), 'vm', { ...asked, reason: 'x' }), /migrate is under way/],
  ])('%s is refused', (_name, act, why) => {
    expect(act).toThrow(why);
  });

  it('a lock is given and taken back', () => {
    expect(setIn(lockWorkload(view(vm()), 'vm', { ...asked, reason: 'nightly' }))).toEqual({ lock: { by: 'anna', reason: 'nightly', sinceMs: NOW_MS } });
    expect(setIn(unlockWorkload(view(vm({ lock })), 'vm', asked))).toEqual({ lock: null });
    expect(unlockWorkload(view(vm()), 'vm', asked)).toEqual([]);
  });

  it('an expired disarming refuses nothing', () => {
    expect(() => stop(view(vm(), { disarm: { ...disarm, untilMs: NOW_MS } }))).not.toThrow();
  });
});

describe('policies', () => {
  it('change what is named', () => {
    expect(setIn(setPolicies(view(vm()), 'vm', { maxRestarts: 3, failback: false }, asked))).toEqual({ maxRestarts: 3, failback: false });
    expect(setPolicies(view(vm()), 'vm', {}, asked)).toEqual([]);
  });

  it('order: by names, and never in a circle', () => {
    const [a, b, c] = [aWorkload('a', one), aWorkload('b', one, { startAfter: [aWorkload('a', one).id] }), aWorkload('c', one, { startAfter: [aWorkload('b', one).id] })];
    const all = aView({ hosts: [one], workloads: [a, b, c] });
    expect(setIn(setPolicies(all, 'c', { startAfter: ['a', 'b', 'a'] }, asked))).toEqual({ startAfter: [a.id, b.id] });
    expect(() => setPolicies(all, 'a', { startAfter: ['c'] }, asked)).toThrow('startAfter: a after c after b after a is a circle');
    expect(() => setPolicies(all, 'a', { startAfter: ['a'] }, asked)).toThrow('a after a is a circle');
    expect(() => setPolicies(all, 'a', { startAfter: ['nobody'] }, asked)).toThrow('no workload is named nobody');
  });

  it('how often it is copied, and what may be written over, are said together or one by one', () => {
    const needs = { ...vm().needs, instance: { pool: 'default', profiles: [], networks: [] } };
    const of = (set: Partial<Workload>): ClusterView => view(vm({ needs, ...set }));
    expect(setIn(setPolicies(of({}), 'vm', { replicateEveryS: 60, replicateStale: 'reuse' }, asked))).toEqual({ replication: { everyMs: 60_000, sinceMs: NOW_MS, reusesStale: true } });
    expect(setIn(setPolicies(of({ replication: { everyMs: 9_000, reusesStale: true } }), 'vm', { replicateEveryS: 60 }, asked))).toEqual({ replication: { everyMs: 60_000, sinceMs: NOW_MS, reusesStale: true } });
    expect(setIn(setPolicies(of({ replication: { everyMs: 9_000, sinceMs: 7, reusesStale: true } }), 'vm', { replicateStale: 'keep' }, asked))).toEqual({ replication: { everyMs: 9_000, sinceMs: 7 } });
    expect(setIn(setPolicies(of({ replication: { everyMs: 9_000 } }), 'vm', { replicateEveryS: null }, asked))).toEqual({ replication: null });
    expect(() => setPolicies(of({}), 'vm', { replicateStale: 'reuse' }, asked)).toThrow('replicateStale: no copy of vm is kept');
    expect(() => setPolicies(view(vm()), 'vm', { replicateEveryS: 60 }, asked)).toThrow('can be reached from other hosts');
  });

  it('a circle is found exactly when there is one', () => {
    fc.assert(
      fc.property(fc.array(fc.uniqueArray(fc.nat(6), { maxLength: 3 }), { minLength: 7, maxLength: 7 }), (edges) => {
        const ids = edges.map((_, index) => workloadId(`w${index}`));
        const workloads = edges.map((after, index) => ({ id: ids[index]!, startAfter: after.map((one) => ids[one]!) }));
        const reach = (from: number): Set<number> => {
          const seen = new Set<number>();
          const queue = [...(edges[from] ?? [])];
          for (let at = queue.pop(); at !== undefined; at = queue.pop()) if (!seen.has(at)) { seen.add(at); queue.push(...(edges[at] ?? [])); }
          return seen;
        };
        for (const [index, one] of workloads.entries()) expect(circleThrough(workloads, one.id, one.startAfter) !== null).toBe(reach(index).has(index));
      }),
    );
  });
});

it('a quarantine is ended by a person', () => {
  const held = aHost('host-1', { flapping: { lostAtMs: [1], quarantine: { sinceMs: 0, untilMs: 9, times: 4, isOver: false } } });
  expect(releaseHost(aView({ hosts: [held] }), 'host-1', asked)[0]).toMatchObject({ set: { flapping: { lostAtMs: [], quarantine: null } } });
  expect(() => releaseHost(aView({ hosts: [one] }), 'host-1', asked)).toThrow(/not quarantined/);
});
