// What the rules decide, one behaviour a test: each expectation is what an operator would be told.
import { describe, expect, it } from 'vitest';
import { aClusterVerdict, aHost, anOperation, aVerdict, aView, aWorkload, NOW_MS, silentVerdict } from '../../test/fixtures/cluster.js';
import type { Change } from './change.js';
import { DEFAULT_POLICY } from './cluster-policy.js';
import type { ClusterView } from './cluster-view.js';
import { decide } from './decide.js';
import { diagnose } from './diagnose.js';
import type { Decision } from './decision.js';
import type { Workload } from '../workloads/workload.js';
import type { ClusterVerdict } from './verdict.js';

const [one, two, three] = [aHost('host-1'), aHost('host-2'), aHost('host-3')];

function decision(view: Partial<ClusterView>, verdict: ClusterVerdict): Decision {
  return decide({ view: aView(view), verdict, nowMs: NOW_MS, policy: DEFAULT_POLICY });
}
const changesOf = (result: Decision): readonly Change[] => result.actions.flatMap((action) => action.changes);
const operationsOf = (result: Decision): readonly string[] =>
  changesOf(result).flatMap((change) => (change.change === 'operation' ? [`${change.operation.kind} ${change.operation.workloadId ?? change.operation.hostId ?? ''} ${change.operation.targetHostId ?? ''}`.trim()] : []));
const holdsOf = (result: Decision): readonly string[] => result.holds.map((hold) => `${hold.code} ${hold.about}`.trim());
/** What was seen on hosts, each looked at just now; nothing by default. */
const seen = (...hosts: readonly (readonly [typeof one, ...readonly Workload[]])[]): ClusterView['inventories'] =>
  hosts.map(([host, ...running]) => ({
    hostId: host.id, atMs: NOW_MS - 1, bootId: host.bootId ?? '',
    workloads: running.map(({ uuid, name }) => ({ uuid, name, kind: 'vm', driver: 'libvirt', runState: 'running', reason: 'migrated', vcpus: 1, memoryMiB: 1024, persistent: true, autostart: false })),
  }));
const all = (...silent: readonly (typeof one)[]): ClusterVerdict => aClusterVerdict([one, two, three].map((host) => (silent.includes(host) ? silentVerdict(host) : aVerdict(host))));

describe('a host drops out', () => {
  const workloads = [aWorkload('vm-1', three), aWorkload('vm-2', one)];

  it('is declared silent, and its protected workloads await the fence', () => {
    const result = decision({ hosts: [one, two, three], workloads }, all(three));
    expect(changesOf(result)).toContainEqual(expect.objectContaining({ change: 'host', id: three.id, set: expect.objectContaining({ condition: 'silent' }) }));
    expect(changesOf(result)).toContainEqual(expect.objectContaining({ change: 'workload', id: 'id-vm-1', set: expect.objectContaining({ state: 'awaiting-fence' }) }));
    expect(operationsOf(result)).toEqual([]);
  });

  it('is fenced once it is silent', () => {
    const silent = { ...three, condition: 'silent' as const, why: 'nothing heard' };
    const result = decision({ hosts: [one, two, silent], workloads }, all(three));
    expect(operationsOf(result)).toEqual([`fence ${three.id}`]);
  });

  it('is left alone while SSH answers with the same boot: only the agent is gone', () => {
    const probe = { answered: true, bootId: three.bootId, runningUuids: ['u'], atMs: NOW_MS - 100 };
    const result = decision({ hosts: [one, two, three], workloads }, aClusterVerdict([aVerdict(one), aVerdict(two), silentVerdict(three, { probe })]));
    expect(result.actions).toEqual([]);
    expect(holdsOf(result)).toEqual(['agent-only host-3']);
  });

  it('waits for the SSH look before it says silent', () => {
    const result = decision({ hosts: [one, two, three], workloads }, aClusterVerdict([aVerdict(one), aVerdict(two), silentVerdict(three, { probe: null })]));
    expect(result.actions).toEqual([]);
    expect(holdsOf(result)).toEqual(['agent-only host-3']);
  });

  it('is not fenced for unprotected workloads', () => {
    const silent = { ...three, condition: 'silent' as const };
    const result = decision({ hosts: [one, two, silent], workloads: [aWorkload('vm-1', three, { isProtected: false })] }, all(three));
    expect(operationsOf(result)).toEqual([]);
  });

  it('holds without a fence device, and names the way out', () => {
    const silent = { ...three, condition: 'silent' as const, fenceDevices: [{ kind: 'manual' as const, options: {} }] };
    const result = decision({ hosts: [one, two, silent], workloads }, all(three));
    expect(operationsOf(result)).toEqual([]);
    expect(result.holds[0]?.why).toContain('reeve host confirm-off host-3');
  });

  it('is heard again before the power was cut: online, nothing lost', () => {
    const silent = { ...three, condition: 'silent' as const };
    const result = decision({ hosts: [one, two, silent], workloads: [aWorkload('vm-1', three, { state: 'awaiting-fence' })] }, all());
    expect(changesOf(result)).toContainEqual(expect.objectContaining({ change: 'host', set: expect.objectContaining({ condition: 'online' }) }));
    expect(changesOf(result)).toContainEqual(expect.objectContaining({ change: 'workload', set: { state: 'running', why: null } }));
  });

  it('answers SSH again before the power was cut: not fenced, its agent alone is gone; an old answer says nothing', () => {
    const silent = { ...three, condition: 'silent' as const };
    const answered = (agoMs: number): ClusterVerdict =>
      aClusterVerdict([aVerdict(one), aVerdict(two), silentVerdict(three, { probe: { answered: true, bootId: three.bootId, runningUuids: ['u'], atMs: NOW_MS - agoMs } })]);
    const back = decision({ hosts: [one, two, silent], workloads: [aWorkload('vm-1', three, { state: 'awaiting-fence' })] }, answered(100));
    expect(operationsOf(back)).toEqual([]);
    expect(changesOf(back)).toContainEqual(expect.objectContaining({ change: 'host', set: expect.objectContaining({ condition: 'online' }) }));
    expect(operationsOf(decision({ hosts: [one, two, silent], workloads }, answered(DEFAULT_POLICY.probeValidMs + 1)))).toEqual([`fence ${three.id}`]);
    const fencing = { ...three, condition: 'fencing' as const };
    const automatic = anOperation('fence', { hostId: three.id, requestedBy: 'rule:fenceSilentHosts' });
    expect(changesOf(decision({ hosts: [one, two, fencing], operations: [automatic] }, answered(100)))).toContainEqual({ change: 'cancel-operation', id: automatic.id });
  });

  it('calls an automatic fence off when the host is heard again, never an operator\'s', () => {
    const fencing = { ...three, condition: 'fencing' as const };
    const automatic = anOperation('fence', { hostId: three.id, requestedBy: 'rule:fenceSilentHosts' });
    expect(changesOf(decision({ hosts: [one, two, fencing], operations: [automatic] }, all()))).toContainEqual({ change: 'cancel-operation', id: automatic.id });
    const asked = { ...automatic, requestedBy: 'anna' };
    expect(decision({ hosts: [one, two, fencing], operations: [asked] }, all()).actions).toEqual([]);
  });
});

describe('brakes', () => {
  const workloads = [aWorkload('vm-1', three)];
  const silent = { ...three, condition: 'silent' as const };

  it.each([
    ['no quorum', { quorum: false }, 'no-quorum'],
    ['start-up grace', { trusted: false, trustEvidence: 'listening for 0.4 s only' }, 'start-up-grace'],
  ])('%s: nobody is declared silent or fenced', (_name, set, code) => {
    const verdict = { ...all(three), ...set };
    for (const host of [three, silent]) {
      const result = decision({ hosts: [one, two, host], workloads }, verdict);
      expect(operationsOf(result)).toEqual([]);
      expect(changesOf(result)).toEqual([]);
      expect(holdsOf(result)).toContain(code);
    }
  });

  it('more than half silent: our network, hold', () => {
    const result = decision({ hosts: [one, { ...two, condition: 'silent' }, silent], workloads }, all(two, three));
    expect(operationsOf(result)).toEqual([]);
    expect(holdsOf(result)).toContain('too-many-silent-hosts');
  });

  it('disarmed: neither fence nor recovery; expired: both go on', () => {
    const disarm = { mode: 'freeze' as const, by: 'anna', reason: 'switch upgrade', sinceMs: NOW_MS - 1000, untilMs: NOW_MS + 1000 };
    expect(operationsOf(decision({ hosts: [one, two, silent], workloads, disarm }, all(three)))).toEqual([]);
    expect(operationsOf(decision({ hosts: [one, two, silent], workloads, disarm: { ...disarm, untilMs: NOW_MS - 1 } }, all(three)))).toEqual([`fence ${three.id}`]);
  });

  it('a failed fence is retried after a growing pause, for ever', () => {
    const failed = (endedAtMs: number, index: number): ReturnType<typeof anOperation> =>
      anOperation('fence', { id: `f${index}` as never, hostId: three.id, state: 'failed', endedAtMs, why: 'ipmi: no answer' });
    const soon = decision({ hosts: [one, two, silent], workloads, recentOperations: [failed(NOW_MS - 1000, 1)] }, all(three));
    expect(operationsOf(soon)).toEqual([]);
    expect(holdsOf(soon)).toEqual(['fence-failing host-3']);
    const later = decision({ hosts: [one, two, silent], workloads, recentOperations: [failed(NOW_MS - 600_000, 1)] }, all(three));
    expect(operationsOf(later)).toEqual([`fence ${three.id}`]);
  });
});

describe('recovery', () => {
  const proof = { kind: 'power-off' as const, evidence: 'ipmi: off, status off', atMs: NOW_MS - 10, bootId: three.bootId, hostEpoch: 1 };
  const inventories = seen([one], [two]);
  const fenced = { ...three, condition: 'fenced' as const, hostEpoch: 2, proof };

  it('starts protected workloads elsewhere, highest priority first, each with the proof', () => {
    const workloads = [aWorkload('vm-1', three), aWorkload('vm-2', three, { priority: 10 })];
    const result = decision({ hosts: [one, two, fenced], workloads, inventories }, all(three));
    expect(operationsOf(result)).toHaveLength(2);
    expect(operationsOf(result)[0]).toContain('id-vm-2');
    for (const change of changesOf(result)) if (change.change === 'operation') expect(change.operation.proof).toEqual(proof);
  });

  it('never starts anything without a proof', () => {
    const result = decision({ hosts: [one, two, { ...fenced, proof: null }], workloads: [aWorkload('vm-1', three)], inventories }, all(three));
    expect(operationsOf(result)).toEqual([]);
  });

  it('waits, with the reason, when no host has room', () => {
    const big = aWorkload('vm-1', three, { needs: { ...aWorkload('x', null).needs, memoryMiB: 999_999 } });
    const result = decision({ hosts: [one, two, fenced], workloads: [big], inventories }, all(three));
    expect(operationsOf(result)).toEqual([]);
    expect(changesOf(result)).toContainEqual(expect.objectContaining({ change: 'workload', set: expect.objectContaining({ state: 'waiting' }) }));
  });

  it('does not start what was moved by hand just before its host was lost: it is placed where it runs', () => {
    const vm = aWorkload('vm-1', three, { state: 'awaiting-fence' });
    const result = decision({ hosts: [one, two, fenced], workloads: [vm], inventories: seen([one], [two, vm]) }, all(three));
    expect(operationsOf(result)).toEqual([]);
    expect(changesOf(result)).toContainEqual({ change: 'workload', id: vm.id, set: expect.objectContaining({ hostId: two.id, state: 'running', workloadEpoch: 3 }) });
  });

  it('does not start what is coming in elsewhere by a migration that a person began', () => {
    const vm = aWorkload('vm-1', three, { state: 'awaiting-fence' });
    const inventories = seen([one], [two, vm]).map((look) => ({ ...look, workloads: look.workloads.map((shown) => ({ ...shown, runState: 'migrating-in' as const })) }));
    const result = decision({ hosts: [one, two, fenced], workloads: [vm], inventories }, all(three));
    expect(operationsOf(result)).toEqual([]);
    expect(holdsOf(result)).toEqual(['looking-around vm-1']);
  });

  it('has the other hosts looked at once more before it starts anything; one that does not answer holds it up for a second at most', () => {
    const vm = aWorkload('vm-1', three, { state: 'awaiting-fence' });
    const stale = inventories.map((look) => (look.hostId === two.id ? { ...look, atMs: proof.atMs - 1 } : look));
    const heardUntilFenced = aClusterVerdict([aVerdict(one), aVerdict(two), silentVerdict(three, { sinceMs: NOW_MS })]);
    const first = decision({ hosts: [one, two, fenced], workloads: [vm], inventories: stale }, heardUntilFenced);
    expect(operationsOf(first)).toEqual([]);
    expect(holdsOf(first)).toEqual(['looking-around vm-1']);
    const longAgo = { ...fenced, proof: { ...proof, atMs: NOW_MS - 1_500 } };
    expect(operationsOf(decision({ hosts: [one, two, longAgo], workloads: [vm], inventories: [] }, heardUntilFenced))).toHaveLength(1);
  });

  it('starts nothing of a host that contradicts the proof: its device may cut another machine', () => {
    const result = decision({ hosts: [one, two, fenced], workloads: [aWorkload('vm-1', three)], inventories }, all());
    expect(operationsOf(result)).toEqual([]);
    expect(holdsOf(result)).toContain('duplicate host-3');
  });

  it('starts nothing on a host whose libvirt has stopped to answer, and says so', () => {
    const vm = aWorkload('vm-1', three, { state: 'awaiting-fence' });
    const silentLibvirt = inventories.map((look) => (look.hostId === one.id ? { ...look, atMs: NOW_MS - 60_000 } : look));
    const longAgo = { ...fenced, proof: { ...proof, atMs: NOW_MS - 1_500 } };
    expect(operationsOf(decision({ hosts: [one, two, longAgo], workloads: [vm], inventories: silentLibvirt }, all(three)))).toEqual([`recover ${vm.id} ${two.id}`]);
    expect(diagnose(aView({ hosts: [one, two], inventories: silentLibvirt }), all()).map(({ code, about }) => `${code} ${about}`)).toEqual(['hypervisor-silent host-1']);
    const muteLxd = inventories.map((look) => (look.hostId === one.id ? { ...look, mute: [{ driver: 'lxd' as const, why: 'refused', sinceMs: NOW_MS - 60_000 }] } : look));
    expect(operationsOf(decision({ hosts: [one, two, longAgo], workloads: [vm], inventories: muteLxd }, all(three)))).toEqual([`recover ${vm.id} ${one.id}`]);
    expect(diagnose(aView({ hosts: [one, two], inventories: muteLxd }), all()).map(({ evidence }) => evidence)).toEqual([expect.stringContaining('its LXD does not answer')]);
    // All of them old: we were away ourselves.
    expect(diagnose(aView({ hosts: [one, two], inventories: inventories.map((look) => ({ ...look, atMs: NOW_MS - 60_000 })) }), all())).toEqual([]);
  });

  it('leaves a workload in error alone', () => {
    expect(operationsOf(decision({ hosts: [one, two, fenced], workloads: [aWorkload('vm-1', three, { state: 'error' })], inventories }, all(three)))).toEqual([]);
  });

  it('does not touch a workload that has an operation', () => {
    const vm = aWorkload('vm-1', three, { state: 'starting' });
    const recover = anOperation('recover', { workloadId: vm.id, hostId: three.id, targetHostId: one.id });
    expect(operationsOf(decision({ hosts: [one, two, fenced], workloads: [vm], operations: [recover], inventories }, all(three)))).toEqual([]);
  });

  it('a host that is back with a new boot is proven off by that, and looked over before admission', () => {
    const silent = { ...three, condition: 'silent' as const };
    const verdict = aClusterVerdict([aVerdict(one), aVerdict(two), aVerdict(three, { bootId: 'boot-new' })]);
    const first = decision({ hosts: [one, two, silent], workloads: [aWorkload('vm-1', three)] }, verdict);
    expect(changesOf(first)).toContainEqual(expect.objectContaining({ change: 'host', set: expect.objectContaining({ condition: 'fenced', hostEpoch: 2, proof: expect.objectContaining({ kind: 'new-boot' }) }) }));
    expect(operationsOf(decision({ hosts: [one, two, fenced] }, verdict))).toEqual([`readmit ${three.id}`]);
  });

  it('a host proven off that is heard with the same boot raises an alarm and is not admitted', () => {
    const result = decision({ hosts: [one, two, fenced] }, all());
    expect(operationsOf(result)).toEqual([]);
    expect(holdsOf(result)).toEqual(['duplicate host-3']);
  });
});

describe('drain', () => {
  const draining = { ...three, intent: 'maintenance' as const, cordoned: true };
  const drain = anOperation('drain', { hostId: three.id });

  it('moves workloads live, a few at a time', () => {
    const workloads = [1, 2, 3, 4, 5].map((index) => aWorkload(`vm-${index}`, three));
    const result = decision({ hosts: [one, two, draining], workloads, operations: [drain] }, all());
    expect(operationsOf(result)).toHaveLength(DEFAULT_POLICY.migrationsPerHost);
    expect(holdsOf(result)).toContain('too-many-in-flight vm-3');
  });

  it('tries the next host after a failure, and names the workload that has none left', () => {
    const vm = aWorkload('vm-1', three);
    const failedTo = (host: typeof one): ReturnType<typeof anOperation> =>
      anOperation('migrate', { id: `m-${host.name}` as never, workloadId: vm.id, hostId: three.id, targetHostId: host.id, state: 'failed', why: 'no route', createdAtMs: NOW_MS, endedAtMs: NOW_MS });
    const next = decision({ hosts: [one, two, draining], workloads: [vm], operations: [drain], recentOperations: [failedTo(one)] }, all());
    expect(operationsOf(next)).toEqual([`migrate ${vm.id} ${two.id}`]);
    const none = decision({ hosts: [one, two, draining], workloads: [vm], operations: [drain], recentOperations: [failedTo(one), failedTo(two)] }, all());
    expect(operationsOf(none)).toEqual([]);
    expect(holdsOf(none)).toEqual(['cannot-move vm-1']);
  });

  it('stops and starts elsewhere what cannot move live, only where its owner allowed that, and each host once', () => {
    const failed = (kind: 'migrate' | 'relocate', host: typeof one): ReturnType<typeof anOperation> =>
      anOperation(kind, { id: `${kind}-${host.name}` as never, workloadId: aWorkload('vm-1', three).id, hostId: three.id, targetHostId: host.id, state: 'failed', why: 'no', createdAtMs: NOW_MS, endedAtMs: NOW_MS });
    const drained = (drainPolicy: 'migrate' | 'relocate', recentOperations: ClusterView['recentOperations']): Decision =>
      decision({ hosts: [one, two, draining], workloads: [aWorkload('vm-1', three, { drainPolicy })], operations: [drain], recentOperations }, all());
    const live = [failed('migrate', one), failed('migrate', two)];
    expect(operationsOf(drained('relocate', live.slice(1)))).toEqual([`migrate id-vm-1 ${one.id}`]);
    expect(operationsOf(drained('relocate', live))).toEqual([`relocate id-vm-1 ${one.id}`]);
    expect(operationsOf(drained('relocate', [...live, failed('relocate', one)]))).toEqual([`relocate id-vm-1 ${two.id}`]);
    expect(operationsOf(drained('migrate', live))).toEqual([]);
    expect(holdsOf(drained('relocate', [...live, failed('relocate', one), failed('relocate', two)]))).toEqual(['cannot-move vm-1']);
  });

  it('names what is paused or in error there, and moves the rest', () => {
    const workloads = [aWorkload('vm-1', three, { state: 'paused', why: 'by hand' }), aWorkload('vm-2', three, { state: 'error', why: 'gave up' }), aWorkload('vm-3', three)];
    const result = decision({ hosts: [one, two, draining], workloads, operations: [drain] }, all());
    expect(operationsOf(result)).toEqual([expect.stringContaining('migrate id-vm-3')]);
    expect(holdsOf(result)).toEqual(expect.arrayContaining(['cannot-move vm-1', 'cannot-move vm-2']));
  });

  it('leaves what its owner does not want moved', () => {
    const result = decision({ hosts: [one, two, draining], workloads: [aWorkload('vm-1', three, { drainPolicy: 'leave' })], operations: [drain] }, all());
    expect(operationsOf(result)).toEqual([]);
    expect(holdsOf(result)).toEqual(['cannot-move vm-1']);
  });
});
