// Leases in decisions: who has a vote, what runs under a lease, what its end proves and what it does not.
import { describe, expect, it } from 'vitest';
import { aClusterVerdict, aFacts, aHost, anOperation, aVerdict, aWorkload, NOW_MS, silentVerdict } from '../../test/fixtures/cluster.js';
import { NO_FAILURES } from '../workloads/workload.js';
import type { Host } from '../hosts/host.js';
import { changesOf, decision, holdsOf, inventory, operationsOf, setOf, shown } from './decide.fixture.js';
import type { ClusterVerdict, HostVerdict } from './verdict.js';

const leased = (name: string, set: Partial<Host> = {}): Host =>
  aHost(name, { fenceDevices: [{ kind: 'watchdog', options: {} }], facts: aFacts({ watchdogDevice: true, hostname: name, bootId: `boot-${name}` }), ...set });
const [one, two, three] = [leased('host-1'), leased('host-2'), leased('host-3')];
const hosts = [one, two, three];
const holds = { held: true, enforcing: true, voterEpoch: 1, hostEpoch: 1 };
const verdict = (...set: readonly (readonly [Host, Partial<HostVerdict>])[]): ClusterVerdict =>
  aClusterVerdict(hosts.map((host) => aVerdict(host, { lease: holds, ...set.find(([other]) => other.id === host.id)?.[1] })));
const silent = (host: Host): ClusterVerdict => aClusterVerdict(hosts.map((other) => (other.id === host.id ? silentVerdict(host) : aVerdict(other, { lease: holds }))));
const PROOF = { kind: 'lease-expired' as const, evidence: 'promised', atMs: NOW_MS - 60_000, bootId: three.bootId, hostEpoch: 1 };
const votersOf = (result: ReturnType<typeof decision>): readonly (readonly string[])[] => changesOf(result).flatMap((change) => (change.change === 'voters' ? change.voters.map((set) => set.ids) : []));

describe('who has a vote', () => {
  it('is the hosts where they are odd, and one witness more where they are even', () => {
    expect(votersOf(decision({ hosts, voters: [] }))).toEqual([['id-host-1', 'id-host-2', 'id-host-3']]);
    expect(votersOf(decision({ hosts: [one, two], voters: [] }))).toEqual([['id-host-1', 'id-host-2', 'witness:cp-1']]);
  });

  it('is nobody who is proven off or not yet admitted', () => {
    expect(votersOf(decision({ hosts: [one, { ...two, condition: 'fenced' }, { ...three, condition: 'enrolling' }], voters: [] }))).toEqual([['id-host-1']]);
  });

  it('keeps its witness while that is heard, and takes another when it is not', () => {
    const voters = [{ epoch: 4, ids: ['id-host-1', 'id-host-2', 'witness:cp-2'] }];
    expect(votersOf(decision({ hosts: [one, two], voters }, { verdict: aClusterVerdict([], { witnesses: ['witness:cp-1', 'witness:cp-2'] }) }))).toEqual([]);
    expect(votersOf(decision({ hosts: [one, two], voters }, { verdict: aClusterVerdict([], { witnesses: ['witness:cp-1'] }) })).at(-1)).toEqual(['id-host-1', 'id-host-2', 'witness:cp-1']);
  });

  it('older sets are kept for as long as some host may judge by them', () => {
    const voters = [{ epoch: 1, ids: ['x'] }, { epoch: 2, ids: ['y'] }, { epoch: 3, ids: ['z'] }];
    const at = (voterEpoch: number): Host => ({ ...two, voterEpoch });
    expect(votersOf(decision({ hosts: [{ ...one, voterEpoch: 3 }, at(2), { ...three, voterEpoch: 3 }], voters }))).toHaveLength(3);
    expect(votersOf(decision({ hosts: [{ ...one, voterEpoch: 3 }, at(3), { ...three, voterEpoch: 3 }], voters }))).toHaveLength(2);
  });

  it('what a host names is written down, never backwards', () => {
    expect(setOf(decision({ hosts }, { verdict: verdict([one, { lease: { ...holds, voterEpoch: 7 } }]) }), one.id)).toEqual({ voterEpoch: 7 });
    expect(setOf(decision({ hosts: [{ ...one, voterEpoch: 9 }, two, three] }, { verdict: verdict([one, { lease: { ...holds, voterEpoch: 7 } }]) }), one.id)).toEqual({});
  });
});

describe('a workload that ended in a cut', () => {
  const vm = aWorkload('vm', one, { leasedOn: one.id, maxRestarts: 0, failures: { ...NO_FAILURES, restarts: 1, lastAtMs: NOW_MS - 60_000 } });
  const view = (workload: typeof vm) => ({ hosts, workloads: [workload], inventories: [inventory(one, [shown(workload, 'stopped', 'crashed')]), inventory(two, []), inventory(three, [])] });
  const heardFor = (ms: number) => ({ verdict: verdict([one, { heardAgainMs: NOW_MS - ms }]) });

  it('starts where it was, and that is not counted as its failure', () => {
    const result = decision(view(vm), heardFor(2_000));
    expect(operationsOf(result)).toEqual(['start vm host-1']);
    expect(setOf(result, vm.id)['failures']).toEqual(vm.failures);
    expect(operationsOf(decision(view(vm), { verdict: verdict([one, { hearing: 'suspect' }]) }))).toEqual(['start vm host-1']);
  });

  it('is counted when its host was heard all the time, or when it was under no lease there', () => {
    expect(operationsOf(decision(view(vm), heardFor(20_000)))).toEqual(['relocate vm host-2']);
    expect(operationsOf(decision(view(vm), { verdict: verdict() }))).toEqual(['relocate vm host-2']);
    expect(operationsOf(decision(view({ ...vm, leasedOn: null }), heardFor(2_000)))).toEqual(['relocate vm host-2']);
  });
});

describe('a silent host that enforces its lease', () => {
  it('is fenced without any device, and excluded in the same commit', () => {
    const lost = { ...three, condition: 'silent' as const };
    const result = decision({ hosts: [one, two, lost], workloads: [aWorkload('vm', three, { leasedOn: three.id })] }, { verdict: silent(three) });
    expect(operationsOf(result)).toEqual(['fence host-3']);
    expect(setOf(result, three.id)).toMatchObject({ condition: 'fencing', excludedEpoch: 1 });
  });

  it('heard again after that, comes back at a higher epoch only', () => {
    const back = { ...three, condition: 'silent' as const, excludedEpoch: 1 };
    const first = decision({ hosts: [one, two, back] }, { verdict: verdict() });
    expect([setOf(first, three.id)['hostEpoch'], setOf(first, three.id)['condition'], operationsOf(first)]).toEqual([2, undefined, []]);
    expect(operationsOf(decision({ hosts: [one, two, { ...back, hostEpoch: 2 }], workloads: [aWorkload('vm', three, { leasedOn: three.id, state: 'awaiting-fence' })] }, { verdict: verdict() }))).toEqual(['readmit host-3']);
  });

  it('and is not fenced once more while it is heard, whatever is placed there', () => {
    const back = { ...three, condition: 'silent' as const, excludedEpoch: 1, hostEpoch: 2 };
    const workloads = [aWorkload('vm', three, { leasedOn: three.id, state: 'awaiting-fence' })];
    expect(operationsOf(decision({ hosts: [one, two, back], workloads }, { verdict: verdict() }))).toEqual(['readmit host-3']);
    const readmit = anOperation('readmit', { hostId: three.id });
    expect(operationsOf(decision({ hosts: [one, two, back], workloads, operations: [readmit] }, { verdict: verdict() }))).toEqual([]);
    expect(operationsOf(decision({ hosts: [one, two, back], workloads }, { verdict: silent(three) }))).toEqual(['fence host-3']);
  });

  it('admitted again, starts there what ended with its lease', () => {
    const vm = aWorkload('vm', three, { leasedOn: three.id, state: 'awaiting-fence', why: 'its host host-3 is silent and not proven off' });
    const shows = (runState: 'running' | 'stopped'): ReturnType<typeof decision> => decision({ hosts, workloads: [vm], inventories: hosts.map((host) => inventory(host, host === three ? [shown(vm, runState, runState === 'stopped' ? 'crashed' : 'booted')] : [])) }, { verdict: verdict() });
    expect(operationsOf(shows('stopped'))).toEqual(['start vm host-3']);
    expect([operationsOf(shows('running')), setOf(shows('running'), vm.id)['state']]).toEqual([[], 'running']);
  });

  it('never excluded, it is simply online again', () => {
    expect(setOf(decision({ hosts: [one, two, { ...three, condition: 'silent' }] }, { verdict: verdict() }), three.id)).toMatchObject({ condition: 'online' });
  });
});

describe('an SSH look that answers, at a host that enforces its lease and is not heard', () => {
  const vm = aWorkload('vm', three, { leasedOn: three.id });
  const look = (...runningUuids: readonly string[]): ClusterVerdict => {
    const probe = { answered: true, bootId: three.bootId, runningUuids, atMs: NOW_MS - 100 };
    return aClusterVerdict(hosts.map((host) => (host.id === three.id ? silentVerdict(three, { probe }) : aVerdict(host, { lease: holds }))));
  };
  const decided = (set: Partial<Host>, seen: ClusterVerdict, operations = [] as ReturnType<typeof anOperation>[]): ReturnType<typeof decision> =>
    decision({ hosts: [one, two, { ...three, ...set }], workloads: [vm], operations }, { verdict: seen });

  it('holds it back from being silent only while something under its lease runs', () => {
    const held = decided({}, look(vm.uuid));
    expect([setOf(held, three.id)['condition'], holdsOf(held)]).toEqual([undefined, ['agent-only host-3']]);
    const lost = decided({}, look('another'));
    expect(setOf(lost, three.id)).toMatchObject({ condition: 'silent', why: expect.stringContaining('nothing under its lease runs') });
  });

  it('brings it back online only while something under its lease runs, and it was never excluded', () => {
    expect(setOf(decided({ condition: 'silent' }, look(vm.uuid)), three.id)).toMatchObject({ condition: 'online' });
    expect(setOf(decided({ condition: 'silent' }, look()), three.id)).toMatchObject({ condition: 'fencing', excludedEpoch: 1 });
    expect(setOf(decided({ condition: 'silent', excludedEpoch: 1 }, look(vm.uuid)), three.id)).toMatchObject({ condition: 'fencing' });
    expect(setOf(decided({ condition: 'silent', excludedEpoch: 1, hostEpoch: 2 }, look(vm.uuid)), three.id)).toMatchObject({ condition: 'fencing' });
  });

  it('calls no fence off: voters are being asked, and what runs under its lease ends', () => {
    const fencing = { condition: 'fencing' as const, excludedEpoch: 1 };
    const fence = anOperation('fence', { hostId: three.id, requestedBy: 'rule:fenceSilentHosts' });
    expect(changesOf(decided(fencing, look(vm.uuid), [fence]))).not.toContainEqual(expect.objectContaining({ change: 'cancel-operation' }));
    expect(changesOf(decided(fencing, verdict(), [fence]))).toContainEqual({ change: 'cancel-operation', id: fence.id });
  });
});

describe('the end of a lease as a proof', () => {
  const fenced = { ...three, condition: 'fenced' as const, hostEpoch: 2, excludedEpoch: 1, proof: PROOF };

  it('lets what ran under it start elsewhere, also while its host is heard again', () => {
    const view = { hosts: [one, two, fenced], workloads: [aWorkload('vm', three, { leasedOn: three.id, state: 'awaiting-fence' })] };
    expect(operationsOf(decision(view, { verdict: silent(three) }))).toEqual(['recover vm host-1']);
    expect(operationsOf(decision(view, { verdict: verdict() }))).toContain('recover vm host-1');
  });

  it('says nothing about what did not run under it', () => {
    const vms = [aWorkload('late', three, { state: 'awaiting-fence' }), aWorkload('other', three, { isProtected: false })];
    const result = decision({ hosts: [one, two, fenced], workloads: vms }, { verdict: silent(three) });
    expect([operationsOf(result), holdsOf(result)]).toEqual([[], ['not-under-lease late']]);
    expect(setOf(result, vms[1]?.id ?? '')).toEqual({});
  });

  it('its host is admitted again, later where a power command may still be on its way', () => {
    expect(operationsOf(decision({ hosts: [one, two, fenced] }, { verdict: verdict() }))).toEqual(['readmit host-3']);
    const device = { ...fenced, proof: { ...PROOF, atMs: NOW_MS - 1_000 }, fenceDevices: [{ kind: 'ipmi' as const, options: {} }, { kind: 'watchdog' as const, options: {} }] };
    const result = decision({ hosts: [one, two, device] }, { verdict: verdict() });
    expect([operationsOf(result), holdsOf(result)]).toEqual([[], ['cooldown host-3']]);
  });
});

describe('what runs under a lease', () => {
  it('is what is protected, on a host that enforces one', () => {
    const running = { hosts, inventories: [] };
    expect(operationsOf(decision({ ...running, workloads: [aWorkload('vm', one)] }, { verdict: verdict() }))).toEqual(['lease vm']);
    expect(operationsOf(decision({ ...running, workloads: [aWorkload('vm', one, { leasedOn: one.id })] }, { verdict: verdict() }))).toEqual([]);
    expect(operationsOf(decision({ hosts: [aHost('host-1')], workloads: [aWorkload('vm', aHost('host-1'))] }))).toEqual([]);
  });

  it('is placed nowhere where no lease is held', () => {
    const lost = { ...three, condition: 'fenced' as const, hostEpoch: 2, proof: { ...PROOF, kind: 'power-off' as const } };
    const view = { hosts: [one, two, lost], workloads: [aWorkload('vm', three, { leasedOn: three.id })] };
    const leaseless = { lease: { ...holds, held: false } };
    expect(operationsOf(decision(view, { verdict: verdict([one, leaseless], [three, { hearing: 'silent' }]) }))).toEqual(['recover vm host-2']);
    const nowhere = decision(view, { verdict: verdict([one, leaseless], [two, leaseless], [three, { hearing: 'silent' }]) });
    expect([operationsOf(nowhere), nowhere.holds[0]?.why]).toEqual([[], expect.stringContaining('holds no lease now')]);
  });

  it('that ended with its host\'s lease moves on, and nothing is counted against it', () => {
    const vm = aWorkload('vm', one, { leasedOn: one.id });
    const view = { hosts, workloads: [vm], inventories: [inventory(one, [shown(vm, 'stopped', 'crashed')]), inventory(two, []), inventory(three, [])] };
    const result = decision(view, { verdict: verdict([one, { lease: { ...holds, held: false } }]) });
    expect(operationsOf(result)).toEqual(['relocate vm host-2']);
    expect(setOf(result, vm.id).failures).toEqual(vm.failures);
  });

  it('does not leave its data for a lease that comes in a moment: a host that was just admitted is waited for', () => {
    const LXD = { driver: 'lxd' as const, version: '5.0.2', address: '10.0.0.1:8443', isClustered: false, criu: false, pools: [{ name: 'default', driver: 'dir', source: null }], filesystems: [], networks: [], profiles: [] };
    const daemons = hosts.map((host) => ({ ...host, facts: host.facts && { ...host.facts, containerDaemons: [LXD] } }));
    const vm = aWorkload('vm', one, { leasedOn: one.id });
    const contained = { ...vm, needs: { ...vm.needs, disks: [], bridges: [], driver: 'lxd' as const, instance: { pool: 'default', profiles: [], networks: [] } } };
    const look = inventory(one, [{ ...shown(vm, 'stopped', 'crashed'), driver: 'lxd' as const }]);
    const admitted = (agoMs: number) => decision({ hosts: daemons.map((host) => ({ ...host, conditionSinceMs: NOW_MS - agoMs })), workloads: [contained], inventories: [look, inventory(two, []), inventory(three, [])] }, { verdict: verdict([one, { lease: { ...holds, held: false } }]) });
    expect(operationsOf(admitted(60_000))).toEqual(['relocate vm host-2']);
    expect(operationsOf(admitted(2_000))).toEqual([]);
    expect(setOf(admitted(2_000), vm.id).why).toContain('it starts there in a moment');
  });
});
