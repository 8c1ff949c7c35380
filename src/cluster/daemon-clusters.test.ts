// Hosts whose daemons for containers form a cluster of their own: where a container of theirs may go, and what is refused with a reason.
import { describe, expect, it } from 'vitest';
import { aClusterVerdict, aHost, aVerdict, aView, aWorkload, NOW_MS } from '../../test/fixtures/cluster.js';
import { tieBetween } from '../hosts/daemon-cluster.js';
import type { ContainerDaemon } from '../hosts/host-facts.js';
import type { Host } from '../hosts/host.js';
import { placeWorkload } from '../scheduler/place-workload.js';
import { recoverableBy } from '../workloads/recoverable-by.js';
import type { Workload } from '../workloads/workload.js';
import { DEFAULT_POLICY } from './cluster-policy.js';
import { setPolicies } from './commands/owner-commands.js';
import { placementViewOf } from './placement-ledger.js';

const LXD: ContainerDaemon = { driver: 'lxd', version: '5.0.2', address: '10.0.0.1:8443', isClustered: false, criu: false, pools: [{ name: 'default', driver: 'dir', source: null }], filesystems: [], networks: [], profiles: ['default'] };
const hostIn = (name: string, cluster: string | null, set: Partial<Host> = {}): Host => {
  const host = aHost(name, set);
  return { ...host, facts: host.facts && { ...host.facts, containerDaemons: [cluster === null ? LXD : { ...LXD, isClustered: true, cluster: { id: cluster, member: name } }] } };
};
const container = (home: Host): Workload => {
  const base = aWorkload('ct-1', home);
  return { ...base, kind: 'container', drainPolicy: 'relocate', needs: { ...base.needs, disks: [], bridges: [], accelerator: 'none', driver: 'lxd', instance: { pool: 'default', profiles: ['default'], networks: [] } } };
};

function refusals(home: Host, others: readonly Host[]): Readonly<Record<string, string>> {
  const workload = container(home);
  const view = aView({ hosts: [home, ...others], workloads: [workload] });
  const verdict = aClusterVerdict(view.hosts.map((host) => aVerdict(host)));
  const placed = placeWorkload(placementViewOf({ view, verdict, policy: DEFAULT_POLICY }), { workload, exclude: [{ hostId: home.id, why: 'it runs there' }] });
  if (placed.ok) return { placed: view.hosts.find((one) => one.id === placed.value.hostId)?.name ?? '' };
  return Object.fromEntries(placed.error.refusals.map(({ hostId, why }) => [view.hosts.find((one) => one.id === hostId)?.name ?? '', why]));
}

describe('daemons', () => {
  it.each([
    ['both alone', LXD, LXD, 'alone'],
    ['one that is not there', undefined, LXD, 'alone'],
    ['members of one', { ...LXD, isClustered: true, cluster: { id: 'c', member: 'a' } }, { ...LXD, isClustered: true, cluster: { id: 'c', member: 'b' } }, 'members'],
    ['members of two', { ...LXD, isClustered: true, cluster: { id: 'c', member: 'a' } }, { ...LXD, isClustered: true, cluster: { id: 'd', member: 'a' } }, 'apart'],
    ['a member and one outside', { ...LXD, isClustered: true, cluster: { id: 'c', member: 'a' } }, LXD, 'apart'],
    ['members of which it is not known yet whose', { ...LXD, isClustered: true }, { ...LXD, isClustered: true }, 'apart'],
  ] as const)('%s', (_name, one, other, tie) => expect([tieBetween(one, other), tieBetween(other, one)]).toEqual([tie, tie]));
});

describe('a container on a member', () => {
  it('goes to another member, which need not listen for others', () => {
    expect(refusals(hostIn('host-1', 'c'), [hostIn('host-2', 'c')])).toEqual({ placed: 'host-2' });
  });

  it('goes to none outside its cluster, and nothing comes into it from there', () => {
    expect(refusals(hostIn('host-1', 'c'), [hostIn('host-2', null), hostIn('host-3', 'd')])).toMatchObject({ 'host-2': expect.stringMatching(/are not in one cluster/) as string, 'host-3': expect.stringMatching(/are not in one cluster/) as string });
    expect(refusals(hostIn('host-1', null), [hostIn('host-2', 'c')])).toMatchObject({ 'host-2': expect.stringMatching(/are not in one cluster/) as string });
  });

  it('whose host is lost starts on no other member: its data are not there', () => {
    expect(refusals(hostIn('host-1', 'c', { condition: 'fenced' }), [hostIn('host-2', 'c')])['host-2']).toMatch(/^its data lie on host-1 alone: LXD on host-1 is in a cluster .* pools that all members reach are not supported yet$/);
  });

  it('has no replica, by nobody\'s wish', () => {
    const home = hostIn('host-1', 'c');
    const workload = container(home);
    expect(() => setPolicies(aView({ hosts: [home], workloads: [workload] }), 'ct-1', { replicateEveryS: 60 }, { by: 'admin', nowMs: NOW_MS })).toThrow(/has each instance once/);
    expect(recoverableBy({ ...workload, isProtected: true, replication: { everyMs: 1 } }, { nameOf: () => null, nowMs: NOW_MS, pool: null, whyNoReplicas: 'it is in a cluster' })).toEqual({ by: 'nothing', summary: 'nothing: its data lie at its host alone; it is in a cluster', rpoMs: null });
  });
});
