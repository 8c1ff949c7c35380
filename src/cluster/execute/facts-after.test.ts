// After data have come to a host, it is looked at anew: where the room of its pool is known, and only then.
import { describe, expect, it } from 'vitest';
import { aFacts, aHost, aView, aWorkload } from '../../../test/fixtures/cluster.js';
import type { Host } from '../../hosts/host.js';
import type { HostFacts } from '../../hosts/host-facts.js';
import type { Ending } from '../run-operation.js';
import type { ExecutePorts } from './execute-ports.js';
import { withFactsAfter } from './facts-after.js';

const lxd = (freeMiB?: number): HostFacts['containerDaemons'] => [{ driver: 'lxd', version: '5', address: null, isClustered: false, criu: false, filesystems: [], networks: [], profiles: [], pools: [{ name: 'default', driver: 'dir', source: null, ...(freeMiB === undefined ? {} : { freeMiB, totalMiB: 100 }) }] }];
const host = (freeMiB?: number): Host => aHost('host-2', { bootId: 'b1', facts: aFacts({ containerDaemons: lxd(freeMiB) }) });
const vm = aWorkload('vm', null);
const ct = (pool = 'default') => ({ ...vm, needs: { ...vm.needs, disks: [], driver: 'lxd' as const, instance: { pool, profiles: [], networks: [] } } });
const done: Ending = { state: 'succeeded', code: null, why: null, changes: [{ change: 'workload', id: vm.id, set: { why: 'x' } }] };

async function after(target: Host, workload: typeof vm, ending = done, { now = target, facts = aFacts({ bootId: 'b1', cpus: 3 }) as HostFacts | null } = {}): Promise<readonly unknown[]> {
  const ports = {
    store: { readView: async () => aView({ hosts: [now] }) },
    world: { hypervisorOf: () => ({ facts: async () => (facts === null ? Promise.reject(new Error('mute')) : facts) }) },
  } as unknown as ExecutePorts;
  return (await withFactsAfter(ports, { target, workload }, ending)).changes.map((one) => (one.change === 'host' ? one.set : one.change));
}

describe('withFactsAfter', () => {
  it('adds the facts of now, before the rest', async () => {
    expect(await after(host(50), ct())).toEqual([{ facts: expect.objectContaining({ cpus: 3 }) as unknown }, 'workload']);
    expect(await after(host(50), ct(''))).toHaveLength(2);
  });

  it.each<[string, Promise<readonly unknown[]>]>([
    ['a pool whose room is not known', after(host(), ct())],
    ['another pool', after(host(50), ct('fast'))],
    ['a VM on shared disks', after(host(50), vm)],
    ['nothing has come', after(host(50), ct(), { ...done, state: 'failed' })],
    ['it does not answer', after(host(50), ct(), done, { facts: null })],
    ['it was lost meanwhile', after(host(50), ct(), done, { now: { ...host(50), condition: 'silent' } })],
    ['it was booted anew meanwhile', after(host(50), ct(), done, { facts: aFacts({ bootId: 'b2' }) })],
  ])('says nothing: %s', async (_name, changes) => {
    expect(await changes).toEqual(['workload']);
  });
});
