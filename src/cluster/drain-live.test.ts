// A drain of what may move live where its target has what it takes: it goes there first; where it can't, it is stopped for it, and a host where that failed is not tried again.
import { describe, expect, it } from 'vitest';
import { aFacts, aHost, anOperation, aWorkload, NOW_MS } from '../../test/fixtures/cluster.js';
import type { Host } from '../hosts/host.js';
import type { Workload } from '../workloads/workload.js';
import { decision, heard, inventory, operationsOf, shown } from './decide.fixture.js';

const withLxd = (name: string, criu: boolean, set: Partial<Host> = {}): Host => aHost(name, { facts: aFacts({ containerDaemons: [{ driver: 'lxd', version: '5', address: 'x:8443', isClustered: false, criu, pools: [{ name: 'default', driver: 'dir', source: null }], filesystems: [], networks: [], profiles: [] }] }), ...set });
const home = withLxd('host-1', true, { intent: 'maintenance' });
const vm = aWorkload('ct', home);
const ct: Workload = { ...vm, kind: 'container', drainPolicy: 'relocate', movesLiveByCriu: true, needs: { ...vm.needs, disks: [], driver: 'lxd', accelerator: 'none', instance: { pool: 'default', profiles: [], networks: [] } } };
const drain = anOperation('drain', { hostId: home.id, createdAtMs: NOW_MS - 60_000 });
const failed = (kind: 'migrate' | 'relocate', target: string) => anOperation(kind, { workloadId: ct.id, hostId: home.id, targetHostId: `id-${target}` as never, state: 'failed', createdAtMs: NOW_MS - 30_000, endedAtMs: NOW_MS - 20_000, why: 'x' });

const movesOf = (others: readonly Host[], recentOperations: readonly ReturnType<typeof failed>[] = []): readonly string[] => {
  const hosts = [home, ...others];
  return operationsOf(decision({ hosts, workloads: [ct], inventories: hosts.map((one) => inventory(one, one === home ? [shown(ct, 'running')] : [])), operations: [drain], recentOperations }, { verdict: heard() }));
};

describe('a drain of a container that may move live', () => {
  it('goes where it can move live, though another host may be had', () => {
    expect(movesOf([withLxd('host-2', false), withLxd('host-3', true)])).toEqual(['migrate ct host-3']);
    expect(movesOf([withLxd('host-2', true), withLxd('host-3', false)])).toEqual(['migrate ct host-2']);
  });

  it('where no host can, or that failed, it is stopped for it', () => {
    expect(movesOf([withLxd('host-2', false), withLxd('host-3', false)])).toEqual([expect.stringMatching(/^relocate ct host-[23]$/)]);
    expect(movesOf([withLxd('host-2', false), withLxd('host-3', true)], [failed('migrate', 'host-3')])).toEqual([expect.stringMatching(/^relocate ct host-[23]$/)]);
  });

  it('a host where that failed, too, is not tried again', () => {
    expect(movesOf([withLxd('host-2', false), withLxd('host-3', false)], [failed('relocate', 'host-2')])).toEqual(['relocate ct host-3']);
    expect(movesOf([withLxd('host-2', false), withLxd('host-3', false)], [failed('relocate', 'host-2'), failed('relocate', 'host-3')])).toEqual([]);
  });
});
