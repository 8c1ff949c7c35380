// What people are told before a drain: who moves live, who stands still and for how long, who stays and why.
import { describe, expect, it } from 'vitest';
import { aClusterVerdict, aHost, anOperation, aVerdict, aView, aWorkload, NOW_MS } from '../../../test/fixtures/cluster.js';
import type { Host } from '../../hosts/host.js';
import type { ContainerDaemon } from '../../hosts/host-facts.js';
import { operationId, workloadId } from '../../shared/ids.js';
import type { Workload } from '../../workloads/workload.js';
import { DEFAULT_POLICY } from '../cluster-policy.js';
import type { ClusterView } from '../cluster-view.js';
import type { Operation } from '../operation.js';
import { placementViewOf } from '../placement-ledger.js';
import { drainPlan, type DrainPlan } from './drain-plan.js';

const daemon: ContainerDaemon = { driver: 'lxd', version: '5.0.2', address: '10.0.0.1:8443', isClustered: false, criu: false, pools: [{ name: 'default', driver: 'dir', source: null }], filesystems: [], networks: [], profiles: ['default'] };
const withLxd = (name: string) => {
  const host = aHost(name);
  return { ...host, facts: host.facts && { ...host.facts, containerDaemons: [daemon] } };
};
const [one, two] = [withLxd('host-1'), withLxd('host-2')];
const vm = (name: string, set: Partial<Workload> = {}): Workload => aWorkload(name, one, set);
const container = (name: string, set: Partial<Workload> = {}): Workload => {
  const base = aWorkload(name, one);
  return { ...base, kind: 'container', drainPolicy: 'relocate', needs: { ...base.needs, disks: [], bridges: [], accelerator: 'none', driver: 'lxd', instance: { pool: 'default', profiles: ['default'], networks: [] } }, ...set };
};

function plan(workloads: readonly Workload[], { moves = [], recent = [], rules = [], hosts = [one, two] }: { readonly moves?: readonly Operation[]; readonly recent?: readonly Operation[]; readonly rules?: ClusterView['rules']; readonly hosts?: readonly Host[] } = {}): DrainPlan {
  const view = aView({ hosts, rules, workloads, recentOperations: recent });
  const verdict = aClusterVerdict(hosts.map((host) => aVerdict(host)));
  return drainPlan(view, placementViewOf({ view, verdict, policy: DEFAULT_POLICY }), 'host-1', moves);
}
const moved = (workload: Workload, downtimeMs: number, endedAtMs: number): Operation => anOperation('relocate', { id: operationId(`m-${endedAtMs}`), state: 'succeeded', workloadId: workload.id, memo: { downtimeMs }, endedAtMs });

describe('drainPlan', () => {
  it('a VM moves live', () => {
    expect(plan([vm('vm-1')]).workloads).toEqual([{ workload: 'vm-1', kind: 'vm', how: 'live', target: 'host-2', gapMs: null, why: 'live' }]);
  });

  it('a container stands still as long as it did the last time, by its own measure alone', () => {
    const [own, other] = [container('ct-1'), container('ct-2')];
    const { workloads } = plan([own, other], { moves: [moved(own, 900, NOW_MS - 60_000), moved(own, 1_400, NOW_MS - 1_000)] });
    expect(workloads.find(({ workload }) => workload === 'ct-1')).toMatchObject({ how: 'relocated', target: 'host-2', gapMs: 1_400, why: 'as its last relocation' });
    expect(workloads.find(({ workload }) => workload === 'ct-2')).toMatchObject({ how: 'relocated', gapMs: null, why: expect.stringContaining('never moved') as string });
  });

  it('one that was never moved is judged by its last refresh', () => {
    const own = container('ct-1');
    const refreshed = anOperation('replicate', { state: 'succeeded', params: { workload: own.id }, startedAtMs: NOW_MS - 5_000, endedAtMs: NOW_MS - 1_800 });
    expect(plan([own], { recent: [refreshed] }).workloads).toMatchObject([{ gapMs: 3_200, why: expect.stringContaining('never moved') as string }]);
  });

  it.each<[string, Workload, RegExp]>([
    ['its owner wants it left', vm('vm-1', { drainPolicy: 'leave' }), /says leave/],
    ['it is locked', vm('vm-1', { lock: { by: 'anna', reason: 'backup', sinceMs: 0 } }), /backup/],
    ['it is paused', vm('vm-1', { state: 'paused' }), /paused/],
    ['it is in error', vm('vm-1', { state: 'error', why: 'no disk' }), /no disk/],
    ['nobody has room', vm('vm-1', { needs: { ...vm('vm-1').needs, memoryMiB: 10_000_000 } }), /./],
  ])('%s: it stays, and that is said', (_what, workload, why) => {
    expect(plan([workload]).workloads).toEqual([{ workload: 'vm-1', kind: 'vm', how: 'stays', target: null, gapMs: null, why: expect.stringMatching(why) as string }]);
  });

  it('one of a group that must stay together goes only when all can', () => {
    const locked = vm('vm-2', { lock: { by: 'anna', reason: 'backup', sinceMs: 0 } });
    const rules = [{ name: 'pair', type: 'keep-together', hard: true, workloads: ['id-vm-1', 'id-vm-2'].map(workloadId) }] as const;
    expect(plan([vm('vm-1'), locked], { rules }).workloads).toMatchObject([{ workload: 'vm-1', how: 'stays', why: expect.stringMatching(/^it stays together with vm-2: .*backup/) as string }, { workload: 'vm-2', how: 'stays' }]);
  });

  it('in a cluster of daemons all of it is moved while it stands still', () => {
    const clustered = [one, two].map((host) => ({ ...host, facts: host.facts && { ...host.facts, containerDaemons: [{ ...daemon, isClustered: true, cluster: { id: 'c', member: host.name, instances: [] } }] } }));
    expect(plan([container('ct-1')], { hosts: clustered }).workloads).toMatchObject([{ how: 'relocated', why: expect.stringContaining('by the daemons of its cluster') as string }]);
  });

  it('what is stopped, elsewhere or left alone is not spoken of', () => {
    expect(plan([vm('a', { state: 'stopped' }), vm('b', { hostId: two.id }), vm('c', { desired: 'unmanaged', state: 'unmanaged' })]).workloads).toEqual([]);
  });

  const inLxdVm = (notLive: readonly { readonly why: string; readonly remedy: string }[], set: Partial<Workload> = {}): Workload => {
    const base = container('vm-1', { kind: 'vm', ...set });
    return { ...base, needs: { ...base.needs, instance: { pool: 'default', profiles: ['default'], networks: [], notLive } } };
  };
  it.each<[string, Workload, string, RegExp]>([
    ['migrate, of a container without its owner\'s word and CRIU', container('ct-1', { drainPolicy: 'migrate' }), 'stays', /does not allow a stop: it is a container, and its owner has not asked.*CRIU is not found on host-1 and host-2/],
    ['migrate, of a container that may, without CRIU', container('ct-1', { drainPolicy: 'migrate', movesLiveByCriu: true }), 'stays', /CRIU is not found on host-1 and host-2/],
    ['leave, of a container', container('ct-1', { drainPolicy: 'leave' }), 'stays', /says leave.*reeve workload relocate ct-1/],
    ['relocate, of a container', container('ct-1', { movesLiveByCriu: true }), 'relocated', /never moved/],
    ['migrate, of a virtual machine of LXD that can', inLxdVm([], { drainPolicy: 'migrate' }), 'live', /^live$/],
    ['migrate, of one that can not', inLxdVm([{ why: 'migration.stateful is not set', remedy: 'lxc config set' }], { drainPolicy: 'migrate' }), 'stays', /migration\.stateful is not set \(`lxc config set`\)/],
    ['relocate, of one that can not', inLxdVm([{ why: 'x', remedy: 'y' }]), 'relocated', /never moved/],
    ['relocate, of one that can', inLxdVm([]), 'live', /stopped and started there if that fails/],
    ['leave, of one that can', inLxdVm([], { drainPolicy: 'leave' }), 'stays', /says leave/],
  ])('%s', (_what, workload, how, why) => {
    expect(plan([workload]).workloads).toMatchObject([{ how, why: expect.stringMatching(why) as string }]);
  });
});
