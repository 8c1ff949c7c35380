// Hosts that go down in order: what follows for their workloads under each policy, and what never counts as a good-bye.
import { describe, expect, it } from 'vitest';
import { aClusterVerdict, anOperation, aVerdict, aWorkload, NOW_MS, silentVerdict } from '../../test/fixtures/cluster.js';
import type { Workload } from '../workloads/workload.js';
import type { ClusterPolicy } from './cluster-policy.js';
import type { ClusterView } from './cluster-view.js';
import { changesOf, decision, holdsOf, inventory, one, operationsOf, setOf, shown, Story, three, two, whyOf } from './decide.fixture.js';
import type { ClusterVerdict, HostVerdict } from './verdict.js';

const vm = aWorkload('vm', three);
const says = (set: Partial<HostVerdict>): ClusterVerdict => aClusterVerdict([aVerdict(one), aVerdict(two), aVerdict(three, { leaving: true, ...set })]);
/** Its agent is at work still. */
const waits = (set: Partial<HostVerdict>): ClusterVerdict => aClusterVerdict([aVerdict(one), aVerdict(two), aVerdict(three, set)]);
const gone = (set: Partial<HostVerdict> = {}): ClusterVerdict => aClusterVerdict([aVerdict(one), aVerdict(two), silentVerdict(three, { leaving: true, leavingPurpose: 'shutdown', runningUuids: [], ...set })]);

describe('while it goes down', () => {
  it('that is kept, and nothing is placed or restarted there', () => {
    expect(setOf(decision({ workloads: [vm] }, { verdict: says({ leavingPurpose: 'reboot' }) }), three.id)).toEqual({ leaving: { purpose: 'reboot', sinceMs: NOW_MS } });
    const leaving = { ...three, leaving: { purpose: 'reboot' as const, sinceMs: NOW_MS } };
    const stopping: Partial<ClusterView> = { hosts: [leaving], workloads: [vm], inventories: [inventory(leaving, [shown(vm, 'stopped', 'shutdown')])] };
    const result = decision(stopping, { verdict: says({ leavingPurpose: 'reboot' }) });
    expect([result.actions, holdsOf(result)]).toEqual([[], ['leaving host-3']]);
    expect(whyOf(decision({ hosts: [leaving], workloads: [aWorkload('new', null, { state: 'waiting' })] }, { verdict: says({ leavingPurpose: 'reboot' }) }), 'no-legal-host')).toContain('host-3 is going down (reboot)');
  });

  it('and stays after all: that is taken back', () => {
    const leaving = { ...three, leaving: { purpose: 'shutdown' as const, sinceMs: NOW_MS } };
    expect(setOf(decision({ hosts: [one, two, leaving] }, { verdict: says({ leaving: false, leavingPurpose: null }) }), three.id)).toEqual({ leaving: null });
  });

  it('an agent that stops alone changes nothing', () => {
    expect(decision({ workloads: [vm] }, { verdict: says({ leavingPurpose: 'stop' }) }).actions).toEqual([]);
    const silent = decision({ workloads: [vm] }, { verdict: gone({ leavingPurpose: 'stop' }) });
    expect(setOf(silent, three.id)).toMatchObject({ condition: 'silent' });
  });

  it('policy migrate: its workloads are moved away first', () => {
    const leaving = { ...three, leaving: { purpose: 'shutdown' as const, sinceMs: NOW_MS } };
    const view = { hosts: [one, two, leaving], workloads: [vm], inventories: [inventory(leaving, [shown(vm, 'running')])] };
    const migrate = { gracefulShutdown: 'migrate', migrateWithinMs: 60_000 } as const;
    const atWork = waits({ goingDown: 'shutdown', runningUuids: [vm.uuid] });
    expect(operationsOf(decision(view, { verdict: atWork, policy: migrate }))).toEqual(['migrate vm host-1']);
    expect(operationsOf(decision(view, { verdict: atWork }))).toEqual([]);
    expect(operationsOf(decision(view, { verdict: atWork, policy: migrate, nowMs: NOW_MS + 59_999 }))).toEqual(['migrate vm host-1']);
    // It waits no more: its guests are being stopped.
    expect(operationsOf(decision(view, { verdict: atWork, policy: migrate, nowMs: NOW_MS + 60_000 }))).toEqual([]);
    expect(operationsOf(decision(view, { verdict: says({ leavingPurpose: 'shutdown' }), policy: migrate }))).toEqual([]);
  });

  it('that is kept from the announcement on, and taken back when it stays', () => {
    expect(setOf(decision({ workloads: [vm] }, { verdict: waits({ goingDown: 'reboot' }) }), three.id)).toEqual({ leaving: { purpose: 'reboot', sinceMs: NOW_MS } });
    const leaving = { ...three, leaving: { purpose: 'reboot' as const, sinceMs: NOW_MS } };
    expect(setOf(decision({ hosts: [one, two, leaving] }, { verdict: waits({}) }), three.id)).toEqual({ leaving: null });
  });

  it('and falls silent without a good-bye: silent like any other, also with nothing protected on it', () => {
    const leaving = { ...three, leaving: { purpose: 'reboot' as const, sinceMs: NOW_MS } };
    for (const runningUuids of [[vm.uuid], []]) {
      const silent = decision({ hosts: [one, two, leaving], workloads: [vm] }, { verdict: gone({ leaving: false, leavingPurpose: null, goingDown: 'reboot', runningUuids }), policy: { gracefulShutdown: 'migrate' } });
      expect(setOf(silent, three.id)).toMatchObject({ condition: 'silent' });
    }
  });
});

describe('a good-bye', () => {
  it('is proof without a fence: offline, with a new epoch', () => {
    const result = decision({ workloads: [vm] }, { verdict: gone() });
    expect(setOf(result, three.id)).toMatchObject({ condition: 'offline', hostEpoch: 2, proof: { kind: 'stopped', bootId: three.bootId }, leaving: { purpose: 'shutdown' } });
    expect(holdsOf(result)).toEqual([]);
    expect(setOf(result, three.id).flapping).toBeUndefined();
  });

  it.each<[string, Partial<HostVerdict>]>([
    ['something protected ran there by its last word', { runningUuids: [vm.uuid] }],
    ['it did not say what runs there', { runningUuids: null }],
    ['it announced nothing', { leavingPurpose: null }],
    ['a look by SSH shows a protected workload', { probe: { answered: true, bootId: 'other', runningUuids: [vm.uuid], atMs: NOW_MS } }],
    ['it is another boot\'s', { bootId: 'boot-new', probe: null }],
  ])('is none when %s', (_name, set) => {
    const result = decision({ workloads: [vm] }, { verdict: gone(set) });
    expect(setOf(result, three.id).condition).not.toBe('offline');
    expect(operationsOf(result)).toEqual([]);
  });

  it('says nothing of containers that are not under its lease: the agent knows none of them', () => {
    const container = { ...vm, kind: 'container' as const, needs: { ...vm.needs, driver: 'lxd' as const } };
    const conditionOf = (set: Partial<Workload>): unknown => setOf(decision({ workloads: [{ ...container, ...set }] }, { verdict: gone() }), three.id).condition;
    expect([conditionOf({}), conditionOf({ leasedOn: two.id })]).toEqual(['silent', 'silent']);
    for (const set of [{ leasedOn: three.id }, { isProtected: false }, { desired: 'stopped' as const }, { hostId: two.id }]) expect(conditionOf(set)).toBe('offline');
  });

  it('is not acted on while it is still heard', () => {
    expect(setOf(decision({ workloads: [vm] }, { verdict: says({ leavingPurpose: 'shutdown', runningUuids: [] }) }), three.id).condition).toBeUndefined();
  });

  it('waits for a start that is on its way there', () => {
    const start = anOperation('start', { workloadId: vm.id, targetHostId: three.id, hostId: three.id });
    const result = decision({ workloads: [vm], operations: [start] }, { verdict: gone() });
    expect([result.actions, holdsOf(result)]).toEqual([[], ['operation-active host-3']]);
  });
});

type Case = readonly [policy: ClusterPolicy['gracefulShutdown'], purpose: 'shutdown' | 'reboot', follows: 'elsewhere' | 'frozen'];
const CASES: readonly Case[] = [
  ['conditional', 'shutdown', 'elsewhere'], ['conditional', 'reboot', 'frozen'], ['failover', 'shutdown', 'elsewhere'], ['failover', 'reboot', 'elsewhere'],
  ['freeze', 'shutdown', 'frozen'], ['freeze', 'reboot', 'frozen'], ['migrate', 'shutdown', 'elsewhere'], ['migrate', 'reboot', 'frozen'],
];

describe('what follows', () => {
  it.each(CASES)('%s, %s: %s', (gracefulShutdown, purpose, follows) => {
    const story = new Story({ workloads: [vm] }, { gracefulShutdown });
    story.verdicts = { 'host-3': { leavingPurpose: purpose, runningUuids: [], hearing: 'silent' } };
    expect(story.round()).toEqual([]);
    expect(story.view.hosts[2]).toMatchObject({ condition: 'offline', leaving: { purpose } });
    // The others are given a second to be asked whether it was moved by hand.
    expect(story.round(2_000)).toEqual(follows === 'elsewhere' ? ['recover vm host-1'] : []);
    expect(story.workload('vm').state).toBe(follows === 'elsewhere' ? 'starting' : 'frozen');
    if (follows === 'elsewhere') expect(story.view.operations[0]?.proof).toMatchObject({ kind: 'stopped' });
  });

  it('frozen ones start with their host again, without being counted as failed', () => {
    const story = new Story({ workloads: [vm] });
    story.verdicts = { 'host-3': { leavingPurpose: 'reboot', runningUuids: [], hearing: 'silent' } };
    story.round();
    story.round();
    story.round();
    expect(whyOf(story.last, 'frozen')).toBe('host-3 went down in order (reboot): it comes back with it (waited for 15 min); `reeve workload start vm` starts it elsewhere now');
    story.verdicts = { 'host-3': { bootId: 'boot-2' } };
    expect(story.round()).toEqual(['readmit host-3']);
    story.view = { ...story.view, operations: [] };
    story.commit([{ change: 'host', id: three.id, set: { condition: 'online', conditionSinceMs: story.nowMs, bootId: 'boot-2', leaving: null } }]);
    story.show(three, [shown(vm, 'stopped', 'unknown')]);
    expect(story.round()).toEqual(['start vm host-3']);
    expect(story.workload('vm')).toMatchObject({ state: 'starting', failures: { restarts: 0, lastAtMs: null } });
  });

  it('a reboot that takes too long is waited for no more, but under freeze', () => {
    for (const [gracefulShutdown, expected] of [['conditional', ['recover vm host-1']], ['freeze', []]] as const) {
      const story = new Story({ workloads: [vm] }, { gracefulShutdown });
      story.verdicts = { 'host-3': { leavingPurpose: 'reboot', runningUuids: [], hearing: 'silent' } };
      story.round();
      story.round();
      expect(story.workload('vm').state).toBe('frozen');
      expect(story.round(900_000)).toEqual(expected);
    }
  });

  it('what was forced off is not waited for, whatever it had said', () => {
    const proof = { kind: 'power-off' as const, evidence: 'ipmi: off', atMs: NOW_MS, bootId: three.bootId, hostEpoch: 1 };
    const forced = { ...three, condition: 'fenced' as const, conditionSinceMs: NOW_MS, hostEpoch: 2, leaving: { purpose: 'reboot' as const, sinceMs: NOW_MS }, proof };
    for (const gracefulShutdown of ['conditional', 'migrate', 'freeze'] as const) {
      const story = new Story({ hosts: [one, two, forced], workloads: [{ ...vm, state: 'awaiting-fence' }] }, { gracefulShutdown });
      story.verdicts = { 'host-3': { hearing: 'silent' } };
      story.round();
      expect(story.round(2_000)).toEqual(['recover vm host-1']);
    }
  });

  it('a reboot that nobody saw the silence of keeps them frozen too', () => {
    const story = new Story({ hosts: [one, two, { ...three, leaving: { purpose: 'reboot', sinceMs: NOW_MS } }], workloads: [vm] });
    story.verdicts = { 'host-3': { bootId: 'boot-2' } };
    story.round();
    expect(story.view.hosts[2]).toMatchObject({ condition: 'fenced', proof: { kind: 'new-boot' } });
    expect(story.round()).toEqual(['readmit host-3']);
    expect(story.workload('vm').state).toBe('frozen');
  });

  it('a host that is heard again with the same boot after its good-bye is admitted anew, once it no longer says that it goes', () => {
    const offline = { ...three, condition: 'offline' as const, hostEpoch: 2, leaving: { purpose: 'shutdown' as const, sinceMs: 0 }, proof: { kind: 'stopped' as const, evidence: 'good-bye', atMs: NOW_MS, bootId: three.bootId, hostEpoch: 1 } };
    expect(operationsOf(decision({ hosts: [one, two, offline] }))).toEqual(['readmit host-3']);
    expect(holdsOf(decision({ hosts: [one, two, offline] }, { verdict: says({ leavingPurpose: 'shutdown' }) }))).toEqual(['leaving host-3']);
  });
});

describe('coming and going meanwhile', () => {
  const proof = { kind: 'power-off' as const, evidence: 'ipmi: off', atMs: NOW_MS - 5_000, bootId: three.bootId, hostEpoch: 1 };
  const waiting = aWorkload('vm', three, { state: 'waiting' });

  it('a host that is back while a workload of it still waits starts it at home', () => {
    const view = { workloads: [waiting], inventories: [inventory(three, [shown(waiting, 'stopped', 'unknown')])] };
    expect(operationsOf(decision(view))).toEqual(['start vm host-3']);
  });

  it('a host that is back leaves a recovery under way alone', () => {
    const recover = anOperation('recover', { workloadId: vm.id, hostId: three.id, targetHostId: one.id, proof });
    const view = { workloads: [{ ...vm, state: 'starting' as const }], operations: [recover], inventories: [inventory(three, [shown(vm, 'stopped', 'unknown')])] };
    expect(decision(view).actions).toEqual([]);
  });

  it('the same host lost again during the recovery: no second one', () => {
    const recover = anOperation('recover', { workloadId: vm.id, hostId: three.id, targetHostId: one.id, proof });
    const silent = decision({ hosts: [one, two, { ...three, condition: 'silent' }], workloads: [{ ...vm, state: 'starting' }], operations: [recover] }, { verdict: gone({ leavingPurpose: null }) });
    expect(operationsOf(silent)).toEqual(['fence host-3']);
    const again = decision({ hosts: [one, two, { ...three, condition: 'fenced', proof }], workloads: [{ ...vm, state: 'starting' }], operations: [recover] }, { verdict: gone({ leavingPurpose: null }) });
    expect(operationsOf(again)).toEqual([]);
  });

  it('the target lost during the recovery is fenced although nothing is placed there yet', () => {
    const recover = anOperation('recover', { workloadId: vm.id, hostId: three.id, targetHostId: two.id, proof });
    const verdict = aClusterVerdict([aVerdict(one), silentVerdict(two), silentVerdict(three)]);
    const view = { hosts: [one, { ...two, condition: 'silent' as const }, { ...three, condition: 'fenced' as const, proof }], workloads: [{ ...vm, state: 'starting' as const }] };
    expect(operationsOf(decision({ ...view, operations: [recover] }, { verdict }))).toEqual(['fence host-2']);
    expect(operationsOf(decision({ ...view, operations: [] }, { verdict }))).toEqual(['recover vm host-1']);
  });

  it('a recovery that was called off because its target was lost goes to the next host', () => {
    const story = new Story({ hosts: [one, two, { ...three, condition: 'fenced', proof }], workloads: [vm] });
    story.verdicts = { 'host-3': { hearing: 'silent' } };
    expect(story.round()).toEqual(['recover vm host-1']);
    story.end('vm', { failed: 'target-unreachable' });
    story.verdicts = { 'host-1': { hearing: 'suspect' }, 'host-3': { hearing: 'silent' } };
    expect(story.round(5_000)).toEqual(['recover vm host-2']);
  });
});

it('changes nothing when nothing changes', () => {
  const story = new Story({ workloads: [vm] });
  story.verdicts = { 'host-3': { leavingPurpose: 'reboot', runningUuids: [], hearing: 'silent' } };
  for (let turn = 0; turn < 3; turn += 1) story.round();
  const { version } = story.view;
  for (let turn = 0; turn < 5; turn += 1) story.round();
  expect([story.view.version - 5 - version, changesOf(story.last)]).toEqual([0, []]);
});
