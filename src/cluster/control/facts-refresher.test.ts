// What the refresher follows, and what it puts right by itself.
import { describe, expect, it } from 'vitest';
import { aFacts, aHost, aView, aWorkload, NOW_MS } from '../../../test/fixtures/cluster.js';
import type { Change } from '../change.js';
import type { ClusterView } from '../cluster-view.js';
import { FactsRefresher, type RefresherPorts } from './facts-refresher.js';
import type { WorkloadNeeds } from '../../workloads/workload.js';
import type { Log } from '../../shared/log.js';

const host = aHost('host-1');
const vm = aWorkload('vm-1', host);
const shown = (autostart: boolean): ClusterView['inventories'] => [{
  hostId: host.id, atMs: NOW_MS, bootId: host.bootId ?? '',
  workloads: [{ uuid: vm.uuid, name: vm.name, kind: 'vm', driver: 'libvirt', runState: 'running', reason: 'booted', vcpus: 1, memoryMiB: 1024, persistent: true, autostart }],
}];

async function refreshed(view: Partial<ClusterView>, definition = vm.definition, facts = aFacts(), read: Partial<WorkloadNeeds> | null = {}) {
  const changes: Change[] = [];
  const calls: string[] = [];
  const hypervisor = {
    facts: async () => facts,
    definition: async () => definition,
    setAutostart: async (_token: unknown, uuid: string, on: boolean) => void calls.push(`autostart ${uuid} ${String(on)}`),
  };
  const needsOf = (): WorkloadNeeds => {
    if (read === null) throw new Error('it can not be read');
    return { ...vm.needs, memoryMiB: 4096, bridges: ['br7'], ...read };
  };
  const ports = {
    store: {
      readView: async () => aView({ hosts: [host], workloads: [vm], ...view }),
      commit: async (some: readonly Change[]) => void changes.push(...some),
      appendEvents: async (events: readonly { readonly type: string }[]) => void calls.push(...events.map((one) => one.type)),
    },
    world: { hypervisorOf: () => hypervisor, needsOf },
    leaderEpoch: () => 1,
  } as unknown as RefresherPorts;
  await new FactsRefresher(ports, { debug: () => undefined } as unknown as Log).refresh();
  return { changes, calls };
}

describe('facts refresher', () => {
  it('keeps a definition that was edited by hand; the size of the next start is not the size of now', async () => {
    const { changes } = await refreshed({}, '<domain>edited</domain>');
    const needs = expect.objectContaining({ memoryMiB: 1024, bridges: ['br7'] });
    expect(changes).toContainEqual({ change: 'workload', id: vm.id, set: { definition: '<domain>edited</domain>', needs } });
  });

  it('adds what an older release did not read of the same definition, once, and nothing else of it', async () => {
    const workloads = async (read: Partial<WorkloadNeeds> | null, known: Partial<WorkloadNeeds> = {}) => (await refreshed({ workloads: [{ ...vm, needs: { ...vm.needs, ...known } }] }, vm.definition, aFacts(), read)).changes.filter(({ change }) => change === 'workload');
    const later = { hugepages: [{ sizeKiB: 2048, memoryMiB: 1024 }], cpuFeatures: ['aes'] };
    expect(await workloads(later)).toEqual([{ change: 'workload', id: vm.id, set: { definition: vm.definition, needs: { ...vm.needs, ...later } } }]);
    expect(await workloads(later, later)).toEqual([]);
    expect(await workloads({})).toEqual([]);
    const instance = { pool: 'default', profiles: ['web'], networks: [] };
    expect(await workloads({ instance: { ...instance, profiles: [], rootMiB: 5_000 } }, { instance })).toMatchObject([{ set: { needs: { instance: { ...instance, rootMiB: 5_000 } } } }]);
  });

  it('reads a definition that is complete no second time', async () => {
    let reads = 0;
    const ports = {
      store: { readView: async () => aView({ hosts: [host], workloads: [vm] }), commit: async () => undefined },
      world: { hypervisorOf: () => ({ facts: async () => aFacts(), definition: async () => vm.definition }), needsOf: () => ((reads += 1), vm.needs) },
      leaderEpoch: () => 1,
    } as unknown as RefresherPorts;
    const refresher = new FactsRefresher(ports, { debug: () => undefined } as unknown as Log);
    for (let times = 0; times < 3; times += 1) await refresher.refresh();
    expect(reads).toBe(1);
  });

  it('keeps what it knows of a definition that it can not read, and the facts with it', async () => {
    expect((await refreshed({}, vm.definition, aFacts({ cpus: 3 }), null)).changes).toMatchObject([{ change: 'host', set: { facts: { cpus: 3 } } }]);
  });

  it('switches the autostart of a protected workload off, and says so', async () => {
    expect((await refreshed({ inventories: shown(true) })).calls).toEqual([`autostart ${vm.uuid} false`, 'workload.autostart-off']);
    expect((await refreshed({ inventories: shown(false) })).calls).toEqual([]);
    expect((await refreshed({ inventories: shown(true), workloads: [{ ...vm, isProtected: false }] })).calls).toEqual([]);
  });

  it('leaves the autostart of what is not in our hands', async () => {
    expect((await refreshed({ inventories: shown(true), workloads: [{ ...vm, desired: 'unmanaged' }] })).calls).toEqual([]);
    const disarm = { reason: 'work', by: 'anna', mode: 'ignore' as const, sinceMs: NOW_MS, untilMs: null };
    expect((await refreshed({ inventories: shown(true), disarm })).calls).toEqual([]);
  });

  it('tells once that the cluster of a daemon heals itself, and once that it does no longer', async () => {
    const lxd = { driver: 'lxd', version: '5.21', address: null, isClustered: true, criu: false, pools: [], filesystems: [], networks: [], profiles: [] } as const;
    const [off, on] = [aFacts({ containerDaemons: [lxd] }), aFacts({ containerDaemons: [{ ...lxd, healingThresholdS: 30 }] })];
    const told = async (before: typeof off, now: typeof off) => (await refreshed({ hosts: [{ ...host, facts: before }] }, vm.definition, now)).changes.flatMap((one) => (one.change === 'event' ? [`${one.event.severity} ${one.event.type}`] : []));
    expect(await Promise.all([told(off, on), told(on, on), told(on, off), told(off, off)])).toEqual([['alert host.heals-itself'], [], ['notice host.heals-no-more'], []]);
  });
});
