// Hosts that say that something is wrong with them: what leaves, where to, and that nothing is kept down for it.
import { describe, expect, it } from 'vitest';
import { anOperation, aWorkload, NOW_MS } from '../../test/fixtures/cluster.js';
import { decision, holdsOf, inventory, one, operationsOf, shown, Story, three, two, whyOf } from './decide.fixture.js';
import type { ClusterPolicy } from './cluster-policy.js';
import { DEFAULT_POLICY } from './cluster-policy.js';
import type { Host } from '../hosts/host.js';
import type { HostTrouble } from '../hosts/host-health.js';
import type { Workload } from '../workloads/workload.js';

const cut = (bridgesSinceMs = NOW_MS - 60_000): HostTrouble => ({ deadBridges: [{ bridge: 'br0', why: 'its uplink eth0 has no carrier' }], failing: [], bridgesSinceMs, failingSinceMs: null });
const failing: HostTrouble = { deadBridges: [], failing: ['array md0 misses disks (1)'], bridgesSinceMs: null, failingSinceMs: NOW_MS - 60_000 };
const vm = aWorkload('vm', one);
const onBridge = (bridge: string, set: Partial<Workload> = {}): Workload => ({ ...vm, ...set, needs: { ...vm.needs, bridges: [bridge] } });

function decided(hosts: readonly Host[], workload: Workload, onTrouble: Partial<ClusterPolicy['onTrouble']> = {}, more = {}) {
  const policy = { onTrouble: { ...DEFAULT_POLICY.onTrouble, ...onTrouble } };
  return decision({ hosts, workloads: [workload], inventories: [inventory(one, [shown(workload, 'running', 'booted')])], ...more }, { policy });
}

describe('a host in trouble', () => {
  it('whose bridge leads nowhere: who needs it moves away live, who needs another stays', () => {
    const hosts = [{ ...one, trouble: cut() }, two, three];
    expect(operationsOf(decided(hosts, onBridge('br0')))).toEqual(['migrate vm host-2']);
    const other = decided(hosts, onBridge('br1'));
    expect([operationsOf(other), whyOf(other, 'unhealthy')]).toEqual([[], 'br0 leads nowhere: its uplink eth0 has no carrier; other hosts are preferred to it, and nothing there suffers from it']);
  });

  it('is given time to get well, and keeps what the policy keeps, what is not protected, and what is locked', () => {
    const hosts = [{ ...one, trouble: cut() }, two, three];
    expect(operationsOf(decided([{ ...one, trouble: cut(NOW_MS - 9_000) }, two, three], onBridge('br0')))).toEqual([]);
    // Hardware that has been failing for long, and is kept, does not hurry what has just begun.
    const both = { ...cut(NOW_MS - 2_000), failing: failing.failing, failingSinceMs: 0 };
    expect(operationsOf(decided([{ ...one, trouble: both }, two, three], onBridge('br0'), { hardwareFailing: 'keep' }))).toEqual([]);
    const kept = decided(hosts, onBridge('br0'), { uplinkLost: 'keep' });
    expect([operationsOf(kept), whyOf(kept, 'unhealthy')]).toEqual([[], expect.stringContaining('vm stays, as the policy says; `reeve host drain host-1` empties it')]);
    expect(operationsOf(decided(hosts, onBridge('br0', { isProtected: false })))).toEqual([]);
    expect(holdsOf(decided(hosts, onBridge('br0', { lock: { by: 'backup', reason: 'x', sinceMs: 0 } as Workload['lock'] })))).toContain('locked vm');
  });

  it('with failing hardware: all move away, one into no other trouble', () => {
    expect(operationsOf(decided([{ ...one, trouble: failing }, { ...two, trouble: failing }, three], onBridge('br0')))).toEqual(['migrate vm host-3']);
    const nowhere = decided([{ ...one, trouble: failing }, { ...two, trouble: failing }, { ...three, trouble: cut() }], onBridge('br0'));
    expect(operationsOf(nowhere)).toEqual([]);
    expect(whyOf(nowhere, 'cannot-move')).toMatch(/host-2: host-2 has trouble of its own: array md0 misses disks \(1\).*it stays running on host-1/);
  });

  it('is tried again after a while where a move has failed', () => {
    const hosts = [{ ...one, trouble: { ...failing, failingSinceMs: 0 } }, two];
    const failed = (agoMs: number) => ({ recentOperations: [anOperation('migrate', { workloadId: vm.id, targetHostId: two.id, state: 'failed', createdAtMs: NOW_MS - agoMs, why: 'no' })] });
    expect(operationsOf(decided(hosts, onBridge('br0'), {}, failed(1_000)))).toEqual([]);
    expect(operationsOf(decided(hosts, onBridge('br0'), {}, failed(DEFAULT_POLICY.moveRetryMs + 1)))).toEqual(['migrate vm host-2']);
  });

  it.each<[string, Partial<Workload>, readonly string[], string]>([
    ['a mate that needs another bridge comes along', {}, ['migrate mate host-2', 'migrate vm host-2'], 'host-2'],
    ['with a mate that is not protected all stay', { isProtected: false }, [], 'host-1'],
  ])('is left by a group as one, and stays left: %s', (_what, set, expected, at) => {
    const bridges = (host: Host): Host => ({ ...host, facts: host.facts && { ...host.facts, bridges: ['br0', 'br1'] } });
    const mate = { ...aWorkload('mate', one, set), needs: { ...vm.needs, bridges: ['br1'] } };
    const rules = [{ name: 'together', type: 'keep-together' as const, workloads: [vm.id, mate.id], hard: true }];
    const story = new Story({ hosts: [bridges({ ...one, trouble: cut() }), bridges(two), bridges(three)], workloads: [onBridge('br0'), mate], rules });
    const begun: string[] = [];
    for (let round = 0; round < 6; round += 1) {
      for (const host of [one, two, three]) story.show(host, story.view.workloads.filter((workload) => workload.hostId === host.id).map((workload) => shown(workload, 'running')));
      begun.push(...story.round());
      for (const name of ['vm', 'mate']) if (story.view.operations.some((operation) => operation.workloadId === story.workload(name).id)) story.end(name, 'succeeded');
    }
    expect([begun.filter((operation) => operation.startsWith('migrate')).sort(), story.workload('vm').hostId, story.workload('mate').hostId]).toEqual([expected, `id-${at}`, `id-${at}`]);
  });

  it('is taken last, and taken all the same: a hint keeps nothing down', () => {
    const down = { ...onBridge('br0'), state: 'waiting' as const, hostId: null };
    const start = (hosts: readonly Host[]) => operationsOf(decision({ hosts, workloads: [down] }));
    expect(start([{ ...one, trouble: failing }, { ...two, trouble: cut() }, three])).toEqual(['start vm host-3']);
    expect(start([{ ...one, trouble: failing }, { ...two, trouble: cut() }])).toEqual(['start vm host-1']);
    expect(start([{ ...one, trouble: cut() }])).toEqual(['start vm host-1']);
  });
});
