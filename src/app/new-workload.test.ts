// From a specification to a workload with its place: what is refused, and where it goes.
import { describe, expect, it } from 'vitest';
import { aClusterVerdict, aFacts, aHost, aVerdict, aView, aWorkload, anOperation } from '../../test/fixtures/cluster.js';
import type { ClusterView } from '../cluster/cluster-view.js';
import { DEFAULT_POLICY } from '../cluster/cluster-policy.js';
import { placementViewOf } from '../cluster/placement-ledger.js';
import { workloadId } from '../shared/ids.js';
import type { Workload } from '../workloads/workload.js';
import { newWorkload, type Creation } from './new-workload.js';

const LXD = { driver: 'lxd', version: '5.0.2', address: '10.0.0.1:8443', isClustered: false, criu: false, pools: [{ name: 'default', driver: 'dir', source: null }], filesystems: [], networks: ['lxdbr0'], profiles: ['default'] } as const;
const one = aHost('host-1', { facts: aFacts({ containerDaemons: [LXD] }) });
const two = aHost('host-2', { facts: aFacts({ containerDaemons: [{ ...LXD, profiles: ['default', 'web'] }] }) });
const bare = aHost('host-3');
const container = (name: string, set: Partial<Workload> = {}): Workload => {
  const { needs } = aWorkload(name, one);
  return aWorkload(name, one, { kind: 'container', definition: `of ${name}`, needs: { ...needs, disks: [], accelerator: 'none', cpuModel: null, driver: 'lxd', instance: { pool: 'default', profiles: ['default'], networks: [] } }, ...set });
};

function create(spec: Record<string, unknown>, more: Partial<Creation> = {}, set: Partial<ClusterView> = {}) {
  const view = aView({ hosts: [one, two, bare], ...set });
  const verdict = aClusterVerdict([aVerdict(one), aVerdict(two), aVerdict(bare)]);
  const creation: Creation = { spec, host: null, isProtected: false, labels: {}, priority: 0, start: true, actor: 'anna', uuid: 'uuid-new', id: workloadId('new'), define: (host, { copied }) => `made on ${host.name}${copied === null ? '' : ` ${copied}`}`, ...more };
  const changes = newWorkload(view, placementViewOf({ view, verdict, policy: DEFAULT_POLICY }), creation);
  const workload = changes.find((change) => change.change === 'add-workload')?.workload;
  const operation = changes.find((change) => change.change === 'operation')?.operation;
  return { workload, operation };
}
const SPEC = { kind: 'container', name: 'web', image: 'noble', vcpus: 1, memoryMiB: 512 };

describe('a new container', () => {
  it('goes where the scheduler says that all is that it names', () => {
    const { workload, operation } = create({ ...SPEC, profiles: ['default', 'web'] }, { isProtected: true });
    expect(workload).toMatchObject({ name: 'web', kind: 'container', uuid: 'uuid-new', desired: 'running', isProtected: true, drainPolicy: 'relocate', hostId: two.id, definition: 'made on host-2', needs: { driver: 'lxd', accelerator: 'none', memoryMiB: 512, instance: { pool: '', profiles: ['default', 'web'] } } });
    expect(operation).toMatchObject({ kind: 'create', targetHostId: two.id, params: { spec: { name: 'web' } } });
    expect(create(SPEC, { host: 'host-2', start: false }).workload).toMatchObject({ hostId: two.id, desired: 'stopped' });
  });

  it('is made where what it is a copy of is', () => {
    const { workload, operation } = create({ kind: 'container', name: 'web-2', from: 'web' }, {}, { workloads: [container('web')] });
    expect(workload).toMatchObject({ hostId: one.id, definition: 'made on host-1 of web', needs: { memoryMiB: 1024, instance: { pool: 'default' } } });
    expect(operation).toMatchObject({ reason: 'anna creates it as a copy of web', params: { copyOf: 'uuid-web' } });
  });

  it('is under the rules that select it by its labels from the beginning', () => {
    const rules = [{ name: 'db', type: 'keep-apart' as const, hard: true, workloads: [workloadId('id-db-1')], selector: { named: [], labels: { app: 'db' } } }];
    const there = container('db-1', { hostId: two.id, labels: { app: 'db' } });
    const [plain, labelled] = [{}, { labels: { app: 'db' } }].map((more) => create({ ...SPEC, profiles: ['default'] }, { ...more, host: null }, { hosts: [two, one], workloads: [there, ...['x', 'y'].map((name) => container(name))], rules }).workload);
    expect([plain?.hostId, labelled?.hostId, labelled?.labels]).toEqual([two.id, one.id, { app: 'db' }]);
    expect(() => create({ ...SPEC, profiles: ['default', 'web'] }, { labels: { app: 'db' } }, { workloads: [there], rules })).toThrow(/rule db keeps it apart from db-1, which is on host-2/);
  });

  const refusals: readonly (readonly [string, Parameters<typeof create>, RegExp])[] = [
    ['a field that is wrong', [{ ...SPEC, memoryMiB: 1 }], /^spec\.memoryMiB: /],
    ['a name that is taken', [SPEC, {}, { workloads: [container('web')] }], /^spec\.name: a workload named web exists already/],
    ['a host without the daemon', [SPEC, { host: 'host-3' }], /host-3 can't take web: host-3 has no LXD/],
    ['a profile that is nowhere', [{ ...SPEC, profiles: ['none'] }], /profile none/],
    ['a pool that is not there', [{ ...SPEC, disk: { pool: 'fast' } }, { host: 'host-1' }], /LXD on host-1 has no storage pool fast/],
    ['a network that is not there', [{ ...SPEC, network: [{ network: 'n' }] }, { host: 'host-1' }], /LXD on host-1 has no network n/],
    ['a bridge that is not there', [{ ...SPEC, network: [{ bridge: 'br9' }] }, { host: 'host-1' }], /br9/],
    ['more memory than there is', [{ ...SPEC, memoryMiB: 999_999 }], /needs 999,999 MiB/],
    ['a copy of what is not there', [{ kind: 'container', name: 'w', from: 'none' }], /^spec\.from: there is no workload none/],
    ['a copy of a VM', [{ kind: 'container', name: 'w', from: 'vm' }, {}, { workloads: [aWorkload('vm', one)] }], /^spec\.from: vm is no container/],
    ['a copy by another daemon', [{ kind: 'container', name: 'w', from: 'web', driver: 'incus' }, {}, { workloads: [container('web')] }], /^spec\.driver: web is run by lxd/],
    ['a copy somewhere else', [{ kind: 'container', name: 'w', from: 'web' }, { host: 'host-2' }, { workloads: [container('web')] }], /^host: a copy of web is made where that is, on host-1/],
    ['a copy from a host that is away', [{ kind: 'container', name: 'w', from: 'web' }, {}, { hosts: [{ ...one, condition: 'silent' }, two], workloads: [container('web')] }], /^spec\.from: web is on host-1, which is silent/],
    ['a copy of what is being moved', [{ kind: 'container', name: 'w', from: 'web' }, {}, { workloads: [container('web')], operations: [anOperation('relocate', { workloadId: container('web').id })] }], /^spec\.from: web: relocate is under way/],
    ['a label that hard rules are against', [SPEC, { labels: { app: 'db' } }, { hosts: [one], workloads: [container('db-1', { labels: { app: 'db' } })], rules: [{ name: 'db', type: 'keep-apart', hard: true, workloads: [workloadId('id-db-1')], selector: { named: [], labels: { app: 'db' } } }] }], /^labels: web can't have these labels: rule db keeps db-1, web apart, and these 2 have only 1 host between them/],
  ];
  it.each(refusals)('is refused with %s', (_, args, message) => expect(() => create(...args)).toThrow(message));
});

describe('a new VM under admission', () => {
  const vm = { name: 'vm-9', vcpus: 1, memoryMiB: 4_096, disks: [{ pool: 'shared', sizeMiB: 1_024, format: 'raw' }], network: [{ bridge: 'br0' }] };
  const big = aHost('host-1', { facts: aFacts({ memoryMiB: 8_704 }) });
  const placed = aWorkload('vm-1', big);
  const workloads = [{ ...placed, needs: { ...placed.needs, memoryMiB: 6_144 } }];
  const hosts = [big, aHost('host-2', { facts: aFacts({ memoryMiB: 8_704 }) })];
  const admission = (override = false): NonNullable<Creation['admission']> => ({ mode: 'n+1', override, placement: () => placementViewOf({ view: aView({ hosts, workloads }), verdict: aClusterVerdict(hosts.map((host) => aVerdict(host))), policy: DEFAULT_POLICY }) });

  it('is refused where it leaves no room, unless it is wanted all the same or is not started', () => {
    const set = { hosts, workloads };
    expect(() => create(vm, { admission: admission(), isProtected: true }, set)).toThrow(/^vm-9 on host-2 would leave no room for failure \(n\+1\): with host-2 lost, 1 workload stays down: vm-9 \(host-1: needs 4,096 MiB, 2,048 MiB free/);
    // Not protected it asks for no room, and takes what vm-1 would need.
    expect(() => create(vm, { admission: admission() }, set)).toThrow(/with host-1 lost, 1 workload stays down: vm-1 /);
    expect(create(vm, { admission: admission(true) }, set).workload).toMatchObject({ hostId: hosts[1]?.id, desired: 'running' });
    expect(create(vm, { admission: admission(), start: false }, set).workload).toMatchObject({ desired: 'stopped' });
    expect(create({ ...vm, memoryMiB: 1_024 }, { admission: admission(), isProtected: true }, set).workload).toMatchObject({ hostId: hosts[1]?.id });
  });
});
