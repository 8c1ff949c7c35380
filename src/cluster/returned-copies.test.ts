// A host came back, is not admitted, and was seen to run what belongs elsewhere: that is started nowhere else, whatever happens meanwhile.
import { describe, expect, it } from 'vitest';
import { aClusterVerdict, aHost, anOperation, aVerdict, aView, aWorkload, NOW_MS, silentVerdict } from '../../test/fixtures/cluster.js';
import type { Host, HostProof } from '../hosts/host.js';
import type { ClusterVerdict } from './verdict.js';
import { fenceHost, removeHost } from './commands/host-commands.js';
import { decision, holdsOf, operationsOf, setOf, shown, Story, whyOf } from './decide.fixture.js';

const proofOf = (bootId: string, agoMs: number, kind: HostProof['kind'] = 'power-off'): HostProof => ({ kind, evidence: 'proven', atMs: NOW_MS - agoMs, bootId, hostEpoch: 1 });
const fenced = (name: string, agoMs: number): Host => aHost(name, { condition: 'fenced', conditionSinceMs: NOW_MS - agoMs, hostEpoch: 2, proof: proofOf(`boot-${name}`, agoMs) });
/** The home, lost; a healthy one; the one that came back with another boot. */
const [home, free, back] = [fenced('host-1', 100_000), aHost('host-2'), fenced('host-3', 300_000)];
const vm = aWorkload('vm-1', home);
const remembered = { hostId: back.id, atMs: NOW_MS - 60_000, bootId: 'boot-b', workloads: [shown(vm, 'running')], unadmitted: { proofAtMs: back.proof?.atMs ?? null } };
const nothingOnFree = { hostId: free.id, atMs: NOW_MS - 100, bootId: free.bootId ?? '', workloads: [] };
const inventories = [remembered, nothingOnFree];
const heard = (bootId: string | null = 'boot-b', host = back): ClusterVerdict => aClusterVerdict([silentVerdict(home), aVerdict(free), bootId === null ? silentVerdict(host) : aVerdict(host, { bootId })]);
const looked = anOperation('readmit', { hostId: back.id, state: 'unknown', endedAtMs: NOW_MS - 2_000 });

const begun = (host: Host, bootId: string | null, more: Parameters<typeof aView>[0] = {}) => operationsOf(decision({ hosts: [home, free, host], workloads: [vm], inventories, recentOperations: [looked], ...more }, { verdict: heard(bootId, host) }));

describe('a copy on a host that came back', () => {
  it('is held, with its host, as long as the host is not admitted', () => {
    const result = decision({ hosts: [home, free, back], workloads: [vm], inventories, recentOperations: [looked] }, { verdict: heard() });
    expect([operationsOf(result), holdsOf(result)]).toEqual([[], expect.arrayContaining(['duplicate vm-1'])]);
    expect(whyOf(result, 'duplicate')).toContain('reeve host confirm-off host-3');
    expect(begun(back, null)).toEqual([]);
  });

  it('is held when the host is fenced once more, until that has a proof of its own', () => {
    const story = new Story({ hosts: [home, free, back], workloads: [vm], inventories, recentOperations: [looked] });
    story.verdicts = { 'host-1': silentVerdict(home), 'host-3': { bootId: 'boot-b' } };
    story.commit(fenceHost(story.view, 'host-3', { by: 'anna', nowMs: story.nowMs }));
    for (let round = 0; round < 3; round += 1) expect(story.round(200).filter((one) => one.includes('vm-1'))).toEqual([]);
    for (const condition of ['fencing', 'silent'] as const) expect(begun({ ...back, condition, conditionSinceMs: NOW_MS - 20_000 }, null).filter((one) => one.includes('vm-1'))).toEqual([]);
    expect(begun({ ...back, conditionSinceMs: NOW_MS - 10_000, proof: proofOf('boot-host-3', 10_000) }, null)).toEqual(['recover vm-1 host-2']);
  });

  it('is held after a start of it that failed', () => {
    const failed = anOperation('recover', { workloadId: vm.id, hostId: home.id, targetHostId: free.id, state: 'failed', outcomeCode: 'target-unreachable', endedAtMs: NOW_MS - 30_000 });
    expect(begun(back, null, { workloads: [{ ...vm, state: 'waiting' }], recentOperations: [failed] })).toEqual([]);
  });

  it('is held at its own home too: it runs there, and is no loss', () => {
    const own = aWorkload('vm-3', back, { state: 'waiting' });
    const runs = { ...remembered, workloads: [shown(own, 'running')] };
    expect(begun(back, 'boot-b', { workloads: [own], inventories: [runs, nothingOnFree], operations: [anOperation('readmit', { hostId: back.id })], recentOperations: [] })).toEqual([]);
  });

  it('is no place for it once the host is in service, where it is asked as all are', () => {
    const admitted = { ...back, condition: 'online' as const, conditionSinceMs: NOW_MS - 50, bootId: 'boot-b' };
    const result = decision({ hosts: [home, free, admitted], workloads: [vm], inventories }, { verdict: heard('boot-b', admitted) });
    expect(setOf(result, vm.id).hostId).not.toBe(back.id);
  });

  it('is a duplicate of the one at home, however far apart the looks are', () => {
    const healthy = aHost('host-1');
    const atHome = { hostId: healthy.id, atMs: NOW_MS - 100, bootId: healthy.bootId ?? '', workloads: [shown(vm, 'running')] };
    const result = decision({ hosts: [healthy, free, back], workloads: [aWorkload('vm-1', healthy)], inventories: [atHome, ...inventories] }, { verdict: aClusterVerdict([aVerdict(healthy), aVerdict(free), silentVerdict(back)]) });
    expect([operationsOf(result), holdsOf(result)]).toEqual([[], expect.arrayContaining(['duplicate vm-1'])]);
  });

  it('is not forgotten with its host: that is not removed', () => {
    expect(() => removeHost(aView({ hosts: [home, free, back], workloads: [vm], inventories }), 'host-3', { by: 'anna', nowMs: NOW_MS, lost: true })).toThrow(/seen to run vm-1.*confirm-off host-3/);
  });
});

describe('looks from before a host was lost', () => {
  it('are no such copy, by whatever clock they were timed', () => {
    const own = aWorkload('vm-3', back);
    const ahead = { hostId: back.id, atMs: back.conditionSinceMs + 1_000, bootId: 'boot-host-3', workloads: [shown(own, 'running')] };
    expect(begun(back, null, { hosts: [aHost('host-1'), free, back], workloads: [own], inventories: [ahead, nothingOnFree], recentOperations: [] })).toHaveLength(1);
  });

  it('say why nothing is done about one that is not protected, and may run at home as well', () => {
    const lost = { ...home, proof: proofOf('boot-host-1', 100_000, 'lease-expired') };
    const own = aWorkload('vm-1', lost, { isProtected: false });
    const result = decision({ hosts: [lost, free], workloads: [own], inventories: [{ ...nothingOnFree, workloads: [shown(own, 'running')] }] }, { verdict: aClusterVerdict([silentVerdict(lost), aVerdict(free)]) });
    expect([operationsOf(result), holdsOf(result)]).toEqual([[], ['not-under-lease vm-1']]);
  });
});
