// Guests that nobody has adopted take room; what Reeve knows is not counted twice, and what was not seen now says nothing.
import { describe, expect, it } from 'vitest';
import { aClusterVerdict, aHost, aVerdict, aView, aWorkload, NOW_MS } from '../../test/fixtures/cluster.js';
import { placeWorkload } from '../scheduler/place-workload.js';
import type { ObservedWorkload } from '../hosts/hypervisor.js';
import { DEFAULT_POLICY } from './cluster-policy.js';
import { placementViewOf } from './placement-ledger.js';
import { strangersOn } from './strangers.js';

const one = aHost('host-1');
const vm = aWorkload('vm-1', one);
const guest = (uuid: string, driver: ObservedWorkload['driver'], memoryMiB: number, runState: ObservedWorkload['runState'] = 'running'): ObservedWorkload =>
  ({ uuid, name: uuid, kind: driver === 'libvirt' ? 'vm' : 'container', driver, runState, reason: 'booted', vcpus: 2, memoryMiB, autostart: false, persistent: true });
const seen = (workloads: readonly ObservedWorkload[], more: object = {}) => ({ hostId: one.id, atMs: NOW_MS, bootId: one.bootId ?? '', workloads, ...more });
const ALL = [guest(vm.uuid, 'libvirt', 1_024), guest('a', 'libvirt', 2_000), guest('b', 'lxd', 3_000, 'paused'), guest('c', 'incus', 4_000), guest('d', 'incus', 5_000, 'stopped')];

describe('what Reeve does not know', () => {
  it('is counted for all hypervisors of a host, as long as it runs', () => {
    expect([...strangersOn(aView({ hosts: [one], workloads: [vm], inventories: [seen(ALL)] }))]).toEqual([[one.id, { memoryMiB: 9_000, vcpus: 6, workloads: 3 }]]);
  });
  it('is counted of this boot alone, and not of a host that is not admitted', () => {
    const at = (inventory: ReturnType<typeof seen>) => strangersOn(aView({ hosts: [one], workloads: [vm], inventories: [inventory] })).size;
    expect([at(seen(ALL, { bootId: 'before' })), at(seen(ALL, { unadmitted: { proofAtMs: null } })), at(seen([ALL[0]!]))]).toEqual([0, 0, 0]);
  });
  it('leaves what it takes to nobody else, and the refusal says whose it is', () => {
    const large = aWorkload('vm-2', null);
    const view = aView({ hosts: [one], workloads: [vm, large], inventories: [seen(ALL)] });
    const place = (memoryMiB: number) => placeWorkload(placementViewOf({ view, verdict: aClusterVerdict([aVerdict(one)]), policy: DEFAULT_POLICY }), { workload: { ...large, needs: { ...large.needs, memoryMiB } }, exclude: [] });
    const free = one.facts!.memoryMiB - DEFAULT_POLICY.placement.reservedMemoryMiB - 1_024 - 9_000;
    expect(place(free).ok).toBe(true);
    const refused = place(free + 1);
    expect(refused.ok ? '' : refused.error.why).toContain('9,000 MiB of it taken by what Reeve does not know (reeve host show host-1)');
  });
});
