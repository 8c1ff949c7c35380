// Whose turn it is to take over a pool of a lost host, and why nobody may now.
import { describe, expect, it } from 'vitest';
import { aClusterVerdict, aFacts, anOperation, aVerdict, aView, aWorkload, NOW_MS, silentVerdict } from '../../test/fixtures/cluster.js';
import type { Host, HostProof, TakenPool } from '../hosts/host.js';
import type { PlacementView } from '../scheduler/placement.js';
import { recoverFromReplica } from './commands/recover-from-replica.js';
import { startWorkload } from './commands/workload-commands.js';
import { DEFAULT_POLICY } from './cluster-policy.js';
import { nextUuid } from '../hosts/shared-filesystem.js';
import type { WorkflowOutcome } from '../shared/workflow.js';
import type { Workload } from '../workloads/workload.js';
import type { ClusterView } from './cluster-view.js';
import { changesOf, decision, fenced, heard, holdsOf, inventory, one, operationsOf, three, two, whyOf } from './decide.fixture.js';
import { takePoolEnding } from './execute/take-pool-executor.js';
import { poolsAfterReturn, stragglersOf } from './pool-moves.js';

const FS = { uuid: 'fs', sizeBytes: 1, serial: null, generation: 1 };
const onLun = <H extends Host>(host: H, pool: string | null): H => ({ ...host, facts: aFacts({ containerDaemons: [{ driver: 'lxd', version: '5', address: 'x', isClustered: false, criu: false, pools: pool === null ? [] : [{ name: pool, driver: 'btrfs', source: 'fs' }], filesystems: [FS], networks: [], profiles: [] }] }) });
const [first, second, lost] = [onLun(one, null), onLun(two, null), onLun(fenced, 'ha')];
const home = aWorkload('ct', three);
const ct: Workload = { ...home, needs: { ...home.needs, disks: [], driver: 'lxd', accelerator: 'none', instance: { pool: 'ha', profiles: [], networks: [] } } };
const SEEN = [inventory(one, []), inventory(two, [])];
const proof = (kind: HostProof['kind']): HostProof => ({ kind, evidence: 'x', atMs: NOW_MS - 9_000, bootId: three.bootId, hostEpoch: 1 });
const taken = (set: Partial<TakenPool> = {}): TakenPool => ({ driver: 'lxd', pool: 'ha', uuid: 'fs', sizeBytes: 1, generation: 1, newUuid: nextUuid('fs'), byHostId: one.id, isClaimed: false, isDone: false, atMs: 0, ...set });
const lostWith = (set: Partial<TakenPool>, more: Partial<Host> = {}): Host => ({ ...lost, takenPools: [taken(set)], ...more });
const take = (set: Parameters<typeof anOperation>[1] = {}) => anOperation('take-pool', { hostId: three.id, targetHostId: one.id, params: { driver: 'lxd', pool: 'ha' }, ...set });
const decided = (view: Partial<ClusterView> = {}, verdict = heard(three)) => decision({ hosts: [first, second, lost], workloads: [ct], inventories: SEEN, ...view }, { verdict });

describe('a pool of a host without power', () => {
  it('is taken over, with the note whose it is about to be, before anything in it is placed', () => {
    const result = decided();
    expect(operationsOf(result)).toEqual(['take-pool host-3 host-1']);
    expect(changesOf(result).find((one) => one.change === 'host')).toMatchObject({ id: three.id, set: { takenPools: [taken({ atMs: NOW_MS })] } });
    expect(whyOf(result, 'pool-not-taken')).toMatch(/^its pool ha is taken over by host-1 first/);
  });

  it('is taken over where all of it fits', () => {
    const many = [1, 2, 3].map((n): Workload => ({ ...ct, id: `id-${n}` as never, uuid: `u${n}`, name: `ct-${n}`, needs: { ...ct.needs, memoryMiB: 4_000 } }));
    const full = aWorkload('vm', one, { needs: { ...aWorkload('vm', one).needs, memoryMiB: 8_000 } });
    expect(operationsOf(decided({ workloads: [...many, full] }))).toEqual(['take-pool host-3 host-2']);
  });

  it('is taken over by one that can have it: not where a replica lies, on a host with a pool of that name', () => {
    const own = onLun(two, 'ha');
    const keeps: Host = { ...own, facts: own.facts && { ...own.facts, containerDaemons: own.facts.containerDaemons.map((one) => ({ ...one, pools: [{ name: 'ha', driver: 'btrfs', source: 'its own' }] })) } };
    const replicated: Workload = { ...ct, replication: { everyMs: 60_000 }, replica: { hostId: two.id, asOfMs: NOW_MS - 60_000, why: null } as Workload['replica'] };
    const full = aWorkload('vm', one, { needs: { ...aWorkload('vm', one).needs, memoryMiB: 6_000 } });
    expect(operationsOf(decided({ hosts: [first, keeps, lost], workloads: [replicated, full] }))).toEqual(['take-pool host-3 host-1']);
    expect(operationsOf(decided({ hosts: [{ ...first, cordoned: true }, keeps, lost], workloads: [replicated, full] }))).toEqual([]);
  });

  it('can be taken over by nobody now, and there is a copy: the command that starts that is named, and asks for this loss alone', () => {
    const keeps = onLun(two, 'ha');
    const other: Host = { ...keeps, facts: keeps.facts && { ...keeps.facts, containerDaemons: keeps.facts.containerDaemons.map((one) => ({ ...one, pools: [{ name: 'ha', driver: 'btrfs', source: 'its own' }] })) } };
    const copied: Workload = { ...ct, replica: { hostId: two.id, asOfMs: NOW_MS - 60_000, triedAtMs: 0, why: null, isToldLate: false } };
    const hosts = [{ ...first, cordoned: true }, other, lost];
    expect([operationsOf(decided({ hosts, workloads: [copied] })), whyOf(decided({ hosts, workloads: [copied] }), 'pool-not-taken')]).toEqual([[], expect.stringContaining('reeve workload recover ct --from-replica')]);
    const [change] = recoverFromReplica(aView({ hosts, workloads: [copied] }), 'ct', { by: 'anna' });
    const chosen: Workload = { ...copied, ...(change?.change === 'workload' ? change.set : {}) };
    expect(operationsOf(decided({ hosts, workloads: [chosen] }))).toEqual(['recover ct host-2']);
    // A free taker is not asked any more either, and the next loss is another one.
    expect(operationsOf(decided({ hosts: [first, other, lost], workloads: [chosen] }))).toEqual(['recover ct host-2']);
    const again = { ...lost, proof: { ...proof('power-off'), atMs: NOW_MS - 1_000 } };
    expect(operationsOf(decided({ hosts: [{ ...first, cordoned: true }, other, again], workloads: [chosen] }))).toEqual([]);
  });

  it('is not taken over by a host whose daemon has the replica under the same name', () => {
    const copied: Workload = { ...ct, replica: { hostId: one.id, asOfMs: NOW_MS - 60_000, triedAtMs: 0, why: null, isToldLate: false } };
    expect(operationsOf(decided({ workloads: [copied] }))).toEqual(['take-pool host-3 host-2']);
    expect(whyOf(decided({ hosts: [first, { ...second, cordoned: true }, lost], workloads: [copied] }), 'pool-not-taken')).toMatch(/can be taken over by nobody/);
  });

  it.each<[string, Partial<Workload>, Partial<Host>, RegExp]>([
    ['whose host is there', {}, { condition: 'online' }, /host-3, which is online.*proven off/],
    ['that nobody wants running', { desired: 'stopped' }, {}, /wanted stopped/],
    ['that is not protected', { isProtected: false }, {}, /not protected/],
    ['without a whole copy', { replica: null }, {}, /no whole copy/],
    ['whose pool another host has by now', {}, { takenPools: [taken({ isClaimed: true, isDone: true })] }, /is on host-1 by now/],
  ])('the copy of one %s is not chosen', (_name, set, hostSet, why) => {
    const copied: Workload = { ...ct, replica: { hostId: two.id, asOfMs: 1, triedAtMs: 0, why: null, isToldLate: false }, ...set };
    expect(() => recoverFromReplica(aView({ hosts: [first, second, { ...lost, ...hostSet }], workloads: [copied] }), 'ct', { by: 'anna' })).toThrow(why);
  });

  it('is needed by nothing that is not to run', () => {
    for (const set of [{ desired: 'stopped' }, { isProtected: false }, { state: 'error' }] as const) expect(operationsOf(decided({ workloads: [{ ...ct, ...set }] }))).toEqual([]);
  });

  it('lies where nobody else sees it: it is held as one without a copy, with both ways named', () => {
    const blind = aFacts({ containerDaemons: [{ ...first.facts!.containerDaemons[0]!, filesystems: [] }] });
    const result = decided({ hosts: [{ ...first, facts: blind }, { ...second, facts: blind }, lost] });
    expect(operationsOf(result)).toEqual([]);
    expect(whyOf(result, 'no-legal-host')).toMatch(/reeve workload replicate ct.*no other host sees the device of its pool ha/);
    const local = { ...ct, needs: { ...ct.needs, instance: { pool: 'default', profiles: [], networks: [] } } };
    const withDefault = (host: Host): Host => ({ ...host, facts: aFacts({ containerDaemons: [{ ...host.facts!.containerDaemons[0]!, pools: [{ name: 'default', driver: 'dir', source: null }] }] }) });
    expect(whyOf(decided({ hosts: [withDefault(first), withDefault(second), withDefault(lost)], workloads: [local] }), 'no-legal-host')).toMatch(/reeve workload replicate ct.*lies on no block device that other hosts see/);
  });

  it.each<[HostProof['kind'], RegExp]>([['lease-expired', /lease-expired does not prove that.*confirm-off host-3/], ['stopped', /stopped does not prove/], ['new-boot', /new-boot does not prove/]])('of which %s is the proof stays', (kind, why) => {
    const held = decided({ hosts: [first, second, { ...lost, proof: proof(kind) }], workloads: [{ ...ct, leasedOn: three.id }] });
    expect([operationsOf(held), whyOf(held, 'pool-not-taken')]).toEqual([[], expect.stringMatching(why)]);
  });

  it('of which nothing proves that, and with a whole copy: that is started, and only where it is', () => {
    const copied = { ...ct, leasedOn: three.id, replica: { hostId: two.id, asOfMs: 1, triedAtMs: 0, why: null, isToldLate: false } };
    const withPool = (host: Host): Host => ({ ...host, facts: aFacts({ containerDaemons: [{ ...host.facts!.containerDaemons[0]!, pools: [{ name: 'ha', driver: 'dir', source: null }] }] }) });
    expect(operationsOf(decided({ hosts: [withPool(first), withPool(second), { ...lost, proof: proof('lease-expired') }], workloads: [copied] }))).toEqual(['recover ct host-2']);
  });

  it('which is heard again comes back with it, and no older copy is started in the moments until then, nor by a plain start', () => {
    const copied: Workload = { ...ct, replica: { hostId: two.id, asOfMs: 1, triedAtMs: 0, why: null, isToldLate: false } };
    const withPool = onLun(two, 'ha');
    const keeper: Host = { ...withPool, facts: withPool.facts && { ...withPool.facts, containerDaemons: withPool.facts.containerDaemons.map((one) => ({ ...one, pools: [{ name: 'ha', driver: 'dir', source: null }] })) } };
    const back = aClusterVerdict([aVerdict(one), aVerdict(two), aVerdict(three, { bootId: 'boot-new' })]);
    expect(operationsOf(decided({ hosts: [first, keeper, { ...lost, proof: proof('new-boot') }], workloads: [copied] }, back))).not.toContain('recover ct host-2');
    const view = aView({ hosts: [first, keeper, lost], workloads: [{ ...copied, state: 'waiting' }] });
    expect(() => startWorkload(view, { hosts: view.hosts, workloads: view.workloads, heard: new Set([one.id, two.id]), leaseless: new Set(), promised: [], rules: [], policy: DEFAULT_POLICY.placement } as unknown as PlacementView, 'ct', { by: 'anna', nowMs: NOW_MS })).toThrow(/its newest data lie in the pool ha of host-3, which host-1 can take over/);
  });

  it('which is heard again comes back with it', () => {
    const result = decided({}, aClusterVerdict([aVerdict(one), aVerdict(two), aVerdict(three, { bootId: 'boot-new' })]));
    expect(whyOf(result, 'pool-not-taken')).toMatch(/is heard again/);
    // Should it be lost once more now, that it had no power is no proof any more.
    const change = changesOf(result).find((one) => one.change === 'host');
    expect(change).toMatchObject({ id: three.id, set: { proof: { kind: 'power-off', bootId: three.bootId, hostEpoch: 1, powerBack: expect.stringMatching(/is up with boot id/) } } });
    const again = { ...lost, ...(change?.change === 'host' ? change.set : {}) };
    expect(operationsOf(decided({ hosts: [first, second, again] }))).toEqual([]);
    expect(operationsOf(decided({ hosts: [first, second, lost], operations: [anOperation('readmit', { hostId: three.id })] }))).toEqual([]);
  });
});

describe('a take-over that was begun', () => {
  it('is waited for, by the workload and by its old host', () => {
    const result = decided({ hosts: [first, second, lostWith({})], operations: [take()] }, aClusterVerdict([aVerdict(one), aVerdict(two), aVerdict(three, { bootId: 'boot-new' })]));
    expect(operationsOf(result)).toEqual([]);
    expect(holdsOf(result)).toEqual(expect.arrayContaining(['pool-not-taken ct', 'not-admitted host-3']));
  });

  it('is waited for by a person too: nothing is started from a copy meanwhile', () => {
    const view = aView({ hosts: [first, second, lostWith({})], workloads: [{ ...ct, state: 'waiting' }] });
    expect(() => startWorkload(view, { hosts: view.hosts, workloads: view.workloads, heard: new Set([one.id, two.id]), leaseless: new Set(), promised: [], rules: [], policy: DEFAULT_POLICY.placement } as unknown as PlacementView, 'ct', { by: 'anna', nowMs: NOW_MS })).toThrow('its pool ha is being taken over by host-1');
  });

  it('and failed is tried again there, later, and nowhere else', () => {
    const failed = take({ state: 'unknown', endedAtMs: NOW_MS - 1_000, why: 'no answer' });
    expect(whyOf(decided({ hosts: [first, second, lostWith({})], recentOperations: [failed] }), 'pool-not-taken')).toMatch(/was not taken over: no answer; tried again/);
    const later = { ...failed, endedAtMs: NOW_MS - 61_000 };
    expect(operationsOf(decided({ hosts: [first, second, lostWith({})], recentOperations: [later] }))).toEqual(['take-pool host-3 host-1']);
    // Its daemon may have it by the name that another one would find: back again, it would mount it.
    const result = decided({ hosts: [{ ...first, condition: 'fenced', proof: proof('power-off') }, second, lostWith({})], recentOperations: [later] }, heard(one, three));
    expect(operationsOf(result)).toEqual([]);
    expect(whyOf(result, 'pool-not-taken')).toMatch(/may be mounted on host-1, which began to take it over and is fenced: it goes on when host-1 is back/);
  });

  it('and claimed goes on whatever its old host does', () => {
    expect(operationsOf(decided({ hosts: [first, second, { ...lostWith({ isClaimed: true }), condition: 'online' }] }, heard()))).toContain('take-pool host-3 host-1');
  });

  it('and done: what lies in it is recovered where it is, and nowhere else', () => {
    const there = onLun(one, null);
    const owner = { ...there, facts: aFacts({ containerDaemons: [{ ...there.facts!.containerDaemons[0]!, pools: [{ name: 'ha', driver: 'btrfs', source: nextUuid('fs') }] }] }) };
    expect(operationsOf(decided({ hosts: [owner, second, lostWith({ isClaimed: true, isDone: true })] }))).toEqual(['recover ct host-1']);
    expect(operationsOf(decided({ hosts: [{ ...owner, cordoned: true }, second, lostWith({ isClaimed: true, isDone: true })] }))).toEqual([]);
  });
});

describe('its ending', () => {
  const end = (outcome: WorkflowOutcome, { set = {}, condition = 'fenced', workloads = [ct] }: { readonly set?: Partial<TakenPool>; readonly condition?: Host['condition']; readonly workloads?: readonly Workload[] } = {}) => {
    const owner = { ...lostWith(set), condition };
    const view = { version: 1, leaderEpoch: 1, hosts: [first, second, owner], workloads, operations: [], recentOperations: [], inventories: [], rules: [], disarm: null, voters: [] };
    return takePoolEnding({ operation: take(), view, outcome, owner, target: first, facts: first.facts, nowMs: NOW_MS }).changes;
  };
  const failed = (code: string, memo = {}): WorkflowOutcome => ({ kind: 'failed', code, why: 'x', memo });
  const pools = (changes: ReturnType<typeof end>): unknown => changes.flatMap((one) => (one.change === 'host' && one.id === three.id ? (one.set.takenPools ?? []).map(({ isClaimed, isDone }) => [isClaimed, isDone]) : []));

  it.each<[string, WorkflowOutcome, Partial<TakenPool>, unknown]>([
    ['untouched', failed('not-claimed'), {}, []],
    ['half claimed', failed('half-claimed'), {}, [[true, false]]],
    ['not taken up after the claim', failed('not-adopted', { claimed: true }), {}, [[true, false]]],
    ['claimed before, and refused now', failed('not-off'), { isClaimed: true }, [[true, false]]],
    ['nobody knows', { kind: 'unknown', code: 'target-unknown', why: 'x', memo: {} }, {}, [[false, false]]],
    ['done', { kind: 'succeeded', note: null, memo: { claimed: true, aside: [] } }, {}, [[true, true]]],
  ])('%s', (_name, outcome, set, expected) => expect(pools(end(outcome, { set }))).toEqual(expected));

  it('what is not recovered has its home with its data; what is waits for its turn, unless its host is back', () => {
    const done: WorkflowOutcome = { kind: 'succeeded', note: null, memo: { aside: ['new'] } };
    const stopped = { ...ct, id: 'id-s' as never, name: 'stopped', desired: 'stopped' as const };
    const homes = (changes: ReturnType<typeof end>): unknown => changes.flatMap((one) => (one.change === 'workload' ? [[one.id, one.set.hostId, one.set.state]] : []));
    expect(homes(end(done, { workloads: [ct, stopped] }))).toEqual([['id-s', one.id, 'stopped']]);
    expect(homes(end(done, { workloads: [ct, stopped], condition: 'online' }))).toEqual([['id-ct', one.id, 'waiting'], ['id-s', one.id, 'stopped']]);
    // What waits for a person goes on waiting.
    expect(homes(end(done, { workloads: [{ ...ct, state: 'error' }], condition: 'online' }))).toEqual([['id-ct', one.id, 'error']]);
    expect(end(done)).toContainEqual({ change: 'event', event: expect.objectContaining({ type: 'host.pool-taken', severity: 'alert', message: expect.stringContaining('of new nothing but parts') as string }) as unknown });
  });

  it('back again: what it kept is its own, what others have is at home there, what was claimed goes on', () => {
    const back = (set: Partial<TakenPool>, memo: Record<string, unknown>) => poolsAfterReturn({ version: 1, leaderEpoch: 1, hosts: [first, second, { ...lostWith(set), condition: 'online' }], workloads: [ct], operations: [], recentOperations: [], inventories: [], rules: [], disarm: null, voters: [] }, lost, memo, NOW_MS);
    expect(back({}, { keptPools: ['lxd:ha'], lostPools: [] })).toEqual([{ change: 'host', id: three.id, set: { takenPools: [] } }]);
    expect(back({}, { keptPools: [], lostPools: ['lxd:ha'] })).toMatchObject([{ set: { takenPools: [{ isClaimed: true, isDone: false }] } }]);
    expect(back({ isClaimed: true, isDone: true }, { keptPools: [], lostPools: ['lxd:ha'] })).toMatchObject([{ set: { takenPools: [] } }, { set: { hostId: one.id, state: 'waiting' } }, { change: 'event' }]);
  });

  it('back again while an operation is under way on what lay in it: that follows when it has ended', () => {
    const noted: Host = { ...lostWith({ isClaimed: true, isDone: true }), condition: 'online' };
    const view = aView({ hosts: [first, second, noted], workloads: [ct], operations: [anOperation('recover', { workloadId: ct.id, hostId: three.id, targetHostId: one.id })] });
    expect(poolsAfterReturn(view, noted, { keptPools: [], lostPools: ['lxd:ha'] }, NOW_MS)).toEqual([{ change: 'host', id: three.id, set: { takenPools: noted.takenPools } }]);
    expect(stragglersOf(view, noted, NOW_MS)).toEqual([]);
    expect(stragglersOf({ ...view, operations: [] }, noted, NOW_MS)).toMatchObject([{ set: { takenPools: [] } }, { set: { hostId: one.id, state: 'waiting' } }, { change: 'event' }]);
    expect(changesOf(decided({ hosts: [first, second, noted] }, heard()))).toContainEqual(expect.objectContaining({ id: ct.id, set: expect.objectContaining({ hostId: one.id }) as unknown }));
  });
});

it('a silent host keeps its pool', () => {
  const result = decision({ hosts: [first, second, { ...onLun(three, 'ha'), condition: 'silent' }], workloads: [ct], inventories: SEEN }, { verdict: aClusterVerdict([aVerdict(one), aVerdict(two), silentVerdict(three)]) });
  expect(operationsOf(result).filter((what) => what.startsWith('take-pool'))).toEqual([]);
});
