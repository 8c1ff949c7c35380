// Placement: what it refuses and why, what it prefers, and that it never depends on the order of its input.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aFacts, aHost, aWorkload, NOW_MS } from '../../test/fixtures/cluster.js';
import type { Host } from '../hosts/host.js';
import type { Workload } from '../workloads/workload.js';
import { explainPlacement } from './explain-placement.js';
import { placeWorkload } from './place-workload.js';
import type { PlacementView } from './placement.js';
import { usageOf } from './usage.js';

const policy = { memoryOvercommit: 1, cpuOvercommit: 4, reservedMemoryMiB: 512 };
const one = aHost('host-1');
const two = aHost('host-2');

function view(hosts: readonly Host[], workloads: readonly Workload[] = [], heard = hosts): PlacementView {
  return { hosts, workloads, heard: new Set(heard.map((host) => host.id)), promised: [], policy };
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
        for (const [hostId, usage] of usageOf(view(hosts, workloads))) {
          const facts = hosts.find((host) => host.id === hostId)?.facts;
          expect(usage.memoryMiB).toBeLessThanOrEqual((facts?.memoryMiB ?? 0) - policy.reservedMemoryMiB);
          expect(usage.vcpus).toBeLessThanOrEqual((facts?.cpus ?? 0) * policy.cpuOvercommit);
        }
      }),
      { numRuns: 100 },
    );
  });
});
