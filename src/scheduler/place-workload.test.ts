// Placement: what it refuses and why, what it prefers, and that it never depends on the order of its input.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aFacts, aHost, aWorkload, NOW_MS } from '../../test/fixtures/cluster.js';
import type { Host } from '../hosts/host.js';
import type { Workload } from '../workloads/workload.js';
import { explainPlacement } from './explain-placement.js';
import { placeWorkload } from './place-workload.js';
import type { PlacementRule } from './placement-rule.js';
import type { PlacementView } from './placement.js';
import { orderForDrain, orderForRecovery } from './drain-order.js';
import { NO_USAGE, usageAt } from './usage.js';

const policy = { strategy: 'balanced' as const, memoryOvercommit: 1, cpuOvercommit: 4, reservedMemoryMiB: 512 };
const one = aHost('host-1');
const two = aHost('host-2');

function view(hosts: readonly Host[], workloads: readonly Workload[] = [], heard = hosts, rules: readonly PlacementRule[] = []): PlacementView {
  return { hosts, workloads, heard: new Set(heard.map((host) => host.id)), leaseless: new Set<never>(), promised: [], rules, policy };
}
const needs = aWorkload('x', null).needs;
const refusalOf = (hosts: readonly Host[], workload: Workload, heard = hosts): string => {
  const placed = placeWorkload(view(hosts, [workload], heard), { workload, exclude: [{ hostId: one.id, why: 'source' }] });
  return placed.ok ? 'accepted' : (placed.error.refusals.find((refusal) => refusal.hostId === two.id)?.code ?? 'none');
};

describe('filters', () => {
  const vm = aWorkload('vm-1', one);
  it.each<[string, Partial<Host>, Workload, string]>([
    ['not online', { condition: 'silent' }, vm, 'not-online'],
    ['cordoned', { cordoned: true }, vm, 'cordoned'],
    ['maintenance', { intent: 'maintenance' }, vm, 'maintenance'],
    ['no facts', { facts: null }, vm, 'no-facts'],
    ['memory', { facts: aFacts({ memoryMiB: 1_024 }) }, vm, 'memory'],
    ['CPUs', { facts: aFacts({ cpus: 1 }) }, { ...vm, needs: { ...needs, vcpus: 5 } }, 'cpus'],
    ['CPU model', { facts: aFacts({ usableCpuModels: ['kvm64'] }) }, vm, 'cpu-model'],
    ['architecture', { facts: aFacts({ architecture: 'aarch64' }) }, vm, 'architecture'],
    ['accelerator', { facts: aFacts({ accelerator: 'tcg' }) }, vm, 'accelerator'],
    ['bridge', { facts: aFacts({ bridges: ['br9'] }) }, vm, 'bridge-missing'],
    ['no such pool', { facts: aFacts({ pools: [] }) }, vm, 'pool-unreachable'],
    ['another storage of the same name', { facts: aFacts({ pools: [{ name: 'shared', path: '/srv/shared', markerId: 'pool-b', freeMiB: 1, totalMiB: 1 }] }) }, vm, 'pool-unreachable'],
    ['no libvirt', { facts: aFacts({ libvirtVersion: null, accelerator: 'tcg', pools: [], bridges: [] }) }, vm, 'no-daemon'],
    ['a libvirt that does not answer, and may be well again', { facts: aFacts({ libvirtVersion: 'unknown' }) }, vm, 'accepted'],
    ['pinned', {}, { ...vm, needs: { ...needs, pinnedBy: ['hostdev 0000:01:00.0'] } }, 'pinned'],
    ['fit', {}, vm, 'accepted'],
  ])('%s', (_name, set, workload, expected) => {
    expect(refusalOf([one, { ...two, ...set }], workload)).toBe(expected);
  });

  it('a host whose agent is not heard is refused', () => {
    expect(refusalOf([one, two], vm, [one])).toBe('not-heard');
  });

  it('says the numbers', () => {
    const placed = placeWorkload(view([{ ...one, cordoned: true }, { ...two, facts: aFacts({ memoryMiB: 1_024 }) }]), { workload: { ...vm, needs: { ...needs, memoryMiB: 2_048 } }, exclude: [] });
    expect(placed.ok ? '' : placed.error.why).toContain('needs 2,048 MiB, 512 MiB free of 512 MiB');
  });
});

describe('storage', () => {
  const pool = (markerId: string | null, path = '/srv/shared'): Partial<Host> => ({ facts: aFacts({ pools: [{ name: 'shared', path, markerId, freeMiB: 1, totalMiB: 1 }] }) });
  const vm = aWorkload('vm-1', one);
  const why = (hosts: readonly Host[], workload: Workload): string => {
    const placed = placeWorkload(view(hosts, [workload]), { workload, exclude: [{ hostId: one.id, why: 'source' }] });
    return placed.ok ? `on ${placed.value.host}` : placed.error.why;
  };
  it.each<[string, Partial<Host>, Partial<Host>, RegExp]>([
    ['the same marker', pool('a'), pool('a'), /^on host-2$/],
    ['another path', pool('a'), pool('a', '/mnt'), /is at \/mnt on host-2, at \/srv\/shared where disk vda lies/],
    ['no marker at the target', pool('a'), pool(null), /host-2 has no marker/],
    ['no marker at home', pool(null), pool(null), /nobody knows who shares it/],
    ['home shows no pools', { facts: null }, pool('a'), /host-1 does not show pool shared/],
  ])('%s', (_name, home, target, expected) => {
    expect(why([{ ...one, ...home }, { ...two, ...target }], vm)).toMatch(expected);
  });

  it('two others that show the same pool vouch for a home that does not', () => {
    const three = aHost('host-3', pool('a'));
    expect(why([{ ...one, facts: null }, { ...two, ...pool('a') }, three], vm)).toMatch(/^on host-/);
    expect(why([{ ...one, facts: null }, { ...two, ...pool('b') }, three], vm)).toMatch(/does not show pool/);
  });

  it('a disk in no pool stays where it is', () => {
    const local = { ...vm, needs: { ...needs, disks: [{ target: 'vda', path: '/var/lib/x.qcow2', pool: null, format: 'qcow2', readonly: false }] } };
    expect(why([one, two], local)).toContain('lies in no pool that Reeve knows');
  });
});

describe('usage', () => {
  it('counts what runs or should run, and promises, each once', () => {
    const stopped = aWorkload('w-stopped', one, { state: 'stopped', desired: 'stopped' });
    const runs = aWorkload('w-runs', one);
    const moves = aWorkload('w-moves', one, { state: 'migrating' });
    const promised = [{ workloadId: moves.id, hostId: two.id }, { workloadId: moves.id, hostId: two.id }, { workloadId: runs.id, hostId: one.id }];
    const looked = { workloads: [stopped, runs, moves], promised };
    expect([usageAt(looked, one.id), usageAt(looked, two.id)]).toEqual([{ memoryMiB: 2_048, vcpus: 2, workloads: 2, usedMemoryMiB: 2_048, usedCpus: 2 }, { memoryMiB: 1_024, vcpus: 1, workloads: 1, usedMemoryMiB: 1_024, usedCpus: 1 }]);
    expect(usageAt(looked, two.id, moves)).toEqual(NO_USAGE);
  });

  it('sums many workloads up once, whatever is placed', () => {
    let read = 0;
    const hosts = Array.from({ length: 20 }, (_, index) => aHost(`h${index}`));
    const workloads = Array.from({ length: 400 }, (_, index) => {
      const vm = aWorkload(`w${index}`, hosts[index % 20] ?? null);
      return Object.defineProperty({ ...vm }, 'state', { get: () => ((read += 1), 'running' as const), enumerable: true });
    });
    for (let round = 0; round < 50; round += 1) placeWorkload(view(hosts, workloads), { workload: aWorkload('new', null), exclude: [] });
    expect(read).toBeLessThan(2 * workloads.length);
  });
});

describe('refusals in a sentence', () => {
  it('stays short in a large cluster', () => {
    const hosts = Array.from({ length: 200 }, (_, index) => aHost(`h${String(index).padStart(3, '0')}`, { cordoned: index % 4 === 0, facts: aFacts({ memoryMiB: 600 }) }));
    const placed = placeWorkload(view(hosts), { workload: aWorkload('vm', null), exclude: [] });
    expect(placed.ok ? '' : placed.error.why).toBe('no host may take it: 150 hosts (memory), such as h001: needs 1,024 MiB, 88 MiB free of 88 MiB; 50 hosts (cordoned), such as h000: h000 is cordoned');
    expect(placed.ok ? [] : placed.error.refusals).toHaveLength(200);
  });
});

describe('choice', () => {
  it('prefers the emptier host, and a host where it did not fail', () => {
    const there = aWorkload('vm-2', one);
    const vm = aWorkload('vm-1', null, { state: 'waiting' });
    const placed = placeWorkload(view([one, two], [there, vm]), { workload: vm, exclude: [] });
    expect(placed.ok && placed.value.host).toBe('host-2');
    const failed = { ...vm, failures: { restarts: 0, relocations: 1, failedHostIds: [two.id], lastAtMs: NOW_MS } };
    const again = placeWorkload(view([one, two], [there, failed]), { workload: failed, exclude: [] });
    expect(again.ok && again.value.host).toBe('host-1');
  });

  it('explains every host', () => {
    const vm = aWorkload('vm-1', one);
    const explained = explainPlacement(view([one, { ...two, cordoned: true }], [vm]), vm);
    expect(explained).toMatchObject({ current: 'host-1', chosen: 'host-1', refusals: [{ host: 'host-2', code: 'cordoned' }] });
  });
});

const cluster = fc.record({
  hosts: fc.array(fc.record({ memoryMiB: fc.integer({ min: 600, max: 8_000 }), cpus: fc.integer({ min: 1, max: 8 }), cordoned: fc.boolean() }), { minLength: 1, maxLength: 6 }),
  workloads: fc.array(fc.record({ memoryMiB: fc.integer({ min: 16, max: 3_000 }), vcpus: fc.integer({ min: 1, max: 6 }) }), { maxLength: 20 }),
});

describe('properties', () => {
  it('never exceeds a host, gives each host a verdict, and ignores the order of its input', () => {
    fc.assert(
      fc.property(cluster, (input) => {
        const hosts = input.hosts.map((set, index) => aHost(`h${index}`, { cordoned: set.cordoned, facts: aFacts({ memoryMiB: set.memoryMiB, cpus: set.cpus }) }));
        let workloads: Workload[] = [];
        for (const [index, set] of input.workloads.entries()) {
          const vm = aWorkload(`w${index}`, null, { state: 'waiting', needs: { ...needs, ...set } });
          const placed = placeWorkload(view(hosts, workloads), { workload: vm, exclude: [] });
          const turned = placeWorkload(view([...hosts].reverse(), [...workloads].reverse()), { workload: vm, exclude: [] });
          expect(turned).toEqual(placed);
          if (placed.ok) workloads = [...workloads, { ...vm, hostId: placed.value.hostId, state: 'running' }];
          const judged = placed.ok ? placed.value.ranking.length + placed.value.refusals.length : placed.error.refusals.length;
          expect(judged).toBe(hosts.length);
        }
        const full = view(hosts, workloads);
        for (const { id, facts } of hosts) {
          const usage = usageAt(full, id);
          expect(usage.memoryMiB).toBeLessThanOrEqual((facts?.memoryMiB ?? 0) - policy.reservedMemoryMiB);
          expect(usage.vcpus).toBeLessThanOrEqual((facts?.cpus ?? 0) * policy.cpuOvercommit);
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe('order', () => {
  const of = (name: string, priority: number, memoryMiB: number): Workload => aWorkload(name, one, { priority, needs: { ...needs, memoryMiB } });
  const some = [of('b', 0, 512), of('a', 0, 512), of('big', 0, 4_096), of('first', 10, 64)];
  it('recovers by priority, then size, then id; drains the largest first', () => {
    expect(orderForRecovery(some).map(({ name }) => name)).toEqual(['first', 'big', 'a', 'b']);
    expect(orderForDrain(some).map(({ name }) => name)).toEqual(['big', 'a', 'b', 'first']);
  });
});
