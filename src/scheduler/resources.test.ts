// Resources beyond memory and CPUs: hugepages, CPU features, local disk; what is refused and with which numbers, and what is not counted twice.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aFacts, aHost, aWorkload, NOW_MS } from '../../test/fixtures/cluster.js';
import type { Host } from '../hosts/host.js';
import type { HostFacts } from '../hosts/host-facts.js';
import type { HugepageNeed } from '../workloads/hugepage-needs.js';
import type { Workload, WorkloadNeeds } from '../workloads/workload.js';
import { placeWorkload } from './place-workload.js';
import type { PlacementView } from './placement.js';
import { usageAt } from './usage.js';

const policy = { strategy: 'balanced' as const, memoryOvercommit: 1, cpuOvercommit: 4, reservedMemoryMiB: 512 };
const one = aHost('host-1');
const base = aWorkload('x', null).needs;
const vm = (name: string, home: Host | null, needs: Partial<WorkloadNeeds>, set: Partial<Workload> = {}): Workload => aWorkload(name, home, { ...set, needs: { ...base, ...needs } });
const two = (facts: Partial<HostFacts>): Host => aHost('host-2', { facts: aFacts(facts) });

function view(hosts: readonly Host[], workloads: readonly Workload[], more: Partial<PlacementView> = {}): PlacementView {
  return { hosts, workloads, heard: new Set(hosts.map(({ id }) => id)), leaseless: new Set<never>(), promised: [], rules: [], policy, ...more };
}
/** Where it goes when it has to leave host-1, or what host-2 has against it. */
function refusal(seen: PlacementView, workload: Workload): string {
  const placed = placeWorkload(seen, { workload, exclude: [{ hostId: one.id, why: 'source' }] });
  if (placed.ok) return 'accepted';
  const found = placed.error.refusals.find(({ host }) => host === 'host-2');
  return `${placed.error.code} ${found?.code ?? ''}: ${found?.why ?? ''}`;
}

const pages2M = (total: number): Partial<HostFacts> => ({ hugepages: [{ sizeKiB: 2048, total, free: 0, isDefault: true }] });
const in2M = (memoryMiB: number): readonly HugepageNeed[] => [{ sizeKiB: 2048, memoryMiB }];

describe('hugepages', () => {
  const backed = vm('vm-1', one, { memoryMiB: 2048, hugepages: in2M(2048) });
  const other = (memoryMiB: number): Workload => vm('vm-2', two({}), { memoryMiB, hugepages: in2M(memoryMiB) });

  it.each<[string, Partial<HostFacts>, Workload, readonly Workload[], string]>([
    ['enough', pages2M(1024), backed, [], 'accepted'],
    ['one page short', pages2M(1023), backed, [], 'no-capacity hugepages: needs 1,024 hugepages of 2 MiB, 1,023 free of 1,023'],
    ['what is placed there has its part, whatever the kernel says is free', pages2M(2048), backed, [other(2050)], 'no-capacity hugepages: needs 1,024 hugepages of 2 MiB, 1,023 free of 2,048'],
    ['what does not run there has none', pages2M(1024), backed, [{ ...other(2048), state: 'stopped', desired: 'stopped' }], 'accepted'],
    ['none at all', { hugepages: [] }, backed, [], 'no-capacity hugepages: needs hugepages of 2 MiB, host-2 has none'],
    ['another size', { hugepages: [{ sizeKiB: 1_048_576, total: 64, free: 64, isDefault: true }] }, backed, [], 'no-capacity hugepages: needs hugepages of 2 MiB, host-2 has only 1 GiB'],
    ['the default size, which is another one there', { hugepages: [{ sizeKiB: 1_048_576, total: 2, free: 2, isDefault: true }] }, vm('vm-1', one, { hugepages: [{ sizeKiB: null, memoryMiB: 2049 }] }), [], 'no-capacity hugepages: needs 3 hugepages of 1 GiB, 2 free of 2'],
    ['no default size', { hugepages: [{ sizeKiB: 2048, total: 9_999, free: 0, isDefault: false }] }, vm('vm-1', one, { hugepages: [{ sizeKiB: null, memoryMiB: 1 }] }), [], 'no-capacity hugepages: needs hugepages of the default size, host-2 has only 2 MiB'],
    ['a container beside its memory', pages2M(100), vm('ct', one, { hugepages: [{ sizeKiB: 2048, memoryMiB: 202, isBeside: true }] }), [], 'no-capacity hugepages: needs 101 hugepages of 2 MiB, 100 free of 100'],
    ['looked at by an older release', {}, backed, [], 'accepted'],
  ])('%s', (_name, facts, workload, there, expected) => {
    expect(refusal(view([one, two(facts)], [workload, ...there]), workload)).toBe(expected);
  });

  it('are no ordinary memory: neither of the host, nor of what lies in them', () => {
    const host = two({ memoryMiB: 4096 + 512, ...pages2M(1024) });
    expect(refusal(view([one, host], [vm('a', one, { memoryMiB: 2048 })]), vm('a', one, { memoryMiB: 2048 }))).toBe('accepted');
    expect(refusal(view([one, host], []), vm('a', one, { memoryMiB: 2049 }))).toBe('no-capacity memory: needs 2,049 MiB, 2,048 MiB free of 2,048 MiB');
    // Half of it in pages: the rest is ordinary.
    expect(refusal(view([one, host], []), vm('a', one, { memoryMiB: 4096, hugepages: in2M(2048) }))).toBe('accepted');
    expect(refusal(view([one, host], []), vm('a', one, { memoryMiB: 4097, hugepages: in2M(2048) }))).toMatch(/memory: needs 2,049 MiB/);
    const ct = vm('ct', one, { memoryMiB: 100, hugepages: [{ sizeKiB: 2048, memoryMiB: 64, isBeside: true }] });
    expect(usageAt({ workloads: [backed, ct], promised: [] }, one.id)).toMatchObject({ memoryMiB: 100, usedMemoryMiB: 100 });
  });

  it('that are promised are not given twice, and companions come with theirs', () => {
    const [mate, host] = [vm('vm-2', one, { memoryMiB: 2048, hugepages: in2M(2048) }), two(pages2M(1_500))];
    const promised = [{ workloadId: mate.id, hostId: host.id }, { workloadId: mate.id, hostId: host.id }];
    expect(refusal(view([one, host], [backed, mate], { promised }), backed)).toContain('1,024 hugepages of 2 MiB, 476 free of 1,500');
    const rules = [{ name: 'r', type: 'keep-together' as const, workloads: [backed.id, mate.id], hard: true }];
    const gone = { ...one, condition: 'offline' as const };
    expect(refusal(view([gone, host], [backed, mate], { rules }), backed)).toContain('with vm-2 needs 2,048 hugepages of 2 MiB, 1,500 free of 1,500');
  });
});

describe('CPU features', () => {
  const needy = vm('vm-1', one, { cpuFeatures: ['aes', 'avx512f', 'pcid'] });
  it.each<[string, Partial<HostFacts>, string]>([
    ['all there', { cpuFlags: ['aes', 'avx', 'avx512f', 'pcid'] }, 'accepted'],
    ['the missing ones are named', { cpuFlags: ['aes'], cpuModel: 'Haswell' }, 'no-legal-host cpu-features: needs CPU features that it lacks: avx512f, pcid (its CPU is Haswell)'],
    ['not known', {}, 'accepted'],
  ])('%s', (_name, facts, expected) => {
    expect(refusal(view([one, two(facts)], [needy]), needy)).toBe(expected);
  });

  it('of a host say nothing of a guest that is emulated there', () => {
    expect(refusal(view([one, two({ cpuFlags: ['aes'] })], []), { ...needy, needs: { ...needy.needs, accelerator: 'tcg' } })).toBe('accepted');
  });
});

describe('the CPU of its host', () => {
  const flags = (cpuFlags: readonly string[], cpuModel = 'EPYC'): Partial<Host> => ({ facts: aFacts({ cpuFlags, cpuModel }) });
  const home = aHost('host-1', flags(['aes', 'avx']));
  const hosts = [home, aHost('host-2', flags(['aes', 'sse'])), aHost('host-3', flags(['aes', 'avx'], 'Haswell')), aHost('host-4', flags(['aes', 'avx']))];
  const placed = (workload: Workload, among: readonly Host[] = hosts): readonly string[] => {
    const found = placeWorkload(view(among, [workload, aWorkload('load', hosts[3] ?? null)]), { workload, exclude: [{ hostId: home.id, why: 'drained' }] });
    return found.ok ? found.value.ranking.map(({ host, parts }) => `${host}${'sameCpu' in parts ? '+' : ''}`) : [];
  };

  it('is preferred for a live move of a guest that has it, before evenness', () => {
    for (const cpuModel of ['host-passthrough', 'host-model']) expect(placed(vm('vm', home, { cpuModel }))).toEqual(['host-4+', 'host-2', 'host-3']);
  });

  it('matters neither for a model that has a name, nor for a start elsewhere', () => {
    expect(placed(vm('vm', home, { cpuModel: 'qemu64' }))).toEqual(['host-2', 'host-3', 'host-4']);
    expect(placed(vm('vm', home, { cpuModel: 'host-model' }, { state: 'stopped' }))).toEqual(['host-2', 'host-3', 'host-4']);
    expect(placed(vm('vm', home, { cpuModel: 'host-model' }), [{ ...home, condition: 'fenced' }, ...hosts.slice(1)])).toEqual(['host-2', 'host-3', 'host-4']);
  });
});

describe('local disk', () => {
  const lxd = (freeMiB?: number): Partial<HostFacts> => ({
    containerDaemons: [{ driver: 'lxd', version: '5', address: '10.0.0.2:8443', isClustered: false, criu: false, filesystems: [], networks: [], profiles: ['default'], pools: [{ name: 'default', driver: 'dir', source: null, ...(freeMiB === undefined ? {} : { freeMiB, totalMiB: 90_000 }) }] }],
  });
  const home = aHost('host-1', { facts: aFacts(lxd(0)) });
  const ct = (name: string, rootMiB: number | undefined, set: Partial<Workload> = {}, at: Host | null = home): Workload =>
    vm(name, at, { disks: [], bridges: [], accelerator: 'none', cpuModel: null, driver: 'lxd', instance: { pool: 'default', profiles: ['default'], networks: [], ...(rootMiB === undefined ? {} : { rootMiB }) } }, { kind: 'container', ...set });
  const first = ct('ct-1', 20_000);
  const second = ct('ct-2', 20_000);
  const replica = { hostId: two({}).id, asOfMs: NOW_MS, triedAtMs: NOW_MS, why: null, isToldLate: false };

  it.each<[string, number | undefined, Workload, Partial<PlacementView>, string]>([
    ['room for it', 20_000, first, {}, 'accepted'],
    ['no room for it', 19_999, first, {}, 'no-capacity disk: needs 20,000 MiB in pool default, 19,999 MiB free of 90,000 MiB'],
    ['what is on its way there takes its part', 30_000, first, { workloads: [first, second], promised: [{ workloadId: second.id, hostId: two({}).id }] }, 'no-capacity disk: needs 20,000 MiB in pool default, 10,000 MiB free of 90,000 MiB, without the 20,000 MiB of what else comes there'],
    ['what is being copied there for the first time takes its part', 30_000, first, { workloads: [first, { ...second, replica: { ...replica, asOfMs: null } }] }, 'no-capacity disk: needs 20,000 MiB in pool default, 10,000 MiB free of 90,000 MiB, without the 20,000 MiB of what else comes there'],
    ['what was copied there has its part already', 20_000, first, { workloads: [first, { ...second, replica }], promised: [{ workloadId: second.id, hostId: two({}).id }] }, 'accepted'],
    ['what is being made there takes its part', 30_000, first, { workloads: [first, { ...second, hostId: two({}).id, isDefinedAtHome: false }], promised: [{ workloadId: second.id, hostId: two({}).id }] }, 'no-capacity disk: needs 20,000 MiB in pool default, 10,000 MiB free of 90,000 MiB, without the 20,000 MiB of what else comes there'],
    ['what is there has its part already', 20_000, first, { workloads: [first, { ...second, hostId: two({}).id }], promised: [{ workloadId: second.id, hostId: two({}).id }] }, 'accepted'],
    ['a size that nobody knows', 1, ct('ct-1', undefined), {}, 'accepted'],
    ['a pool that does not say', undefined, first, {}, 'accepted'],
    ['a copy of it is there', 1, { ...first, replica }, {}, 'accepted'],
    ['one that is not made yet', 1, ct('new', 20_000, {}, null), {}, 'no-capacity disk: needs 20,000 MiB in pool default, 1 MiB free of 90,000 MiB'],
  ])('%s', (_name, freeMiB, workload, more, expected) => {
    expect(refusal(view([home, two(lxd(freeMiB))], [workload], more), workload)).toBe(expected);
  });

  it('of a new VM is looked at by pool', () => {
    const disk = (target: string, pool: string, sizeMiB?: number) => ({ target, path: '', pool, format: 'qcow2', readonly: false, ...(sizeMiB === undefined ? {} : { sizeMiB }) });
    const pools = (freeMiB: number) => [{ name: 'shared', path: '/srv/shared', markerId: 'a', freeMiB, totalMiB: 500 }, { name: 'fast', path: '/srv/fast', markerId: 'b', freeMiB: 100, totalMiB: 100 }];
    const wanted = vm('new', null, { disks: [disk('vda', 'shared', 100), disk('vdb', 'fast', 100), disk('vdc', 'shared', 100)] });
    expect(refusal(view([one, two({ pools: pools(200) })], []), wanted)).toBe('accepted');
    expect(refusal(view([one, two({ pools: pools(199) })], []), wanted)).toBe('no-capacity disk: needs 200 MiB in pool shared, 199 MiB free of 500 MiB');
    // One that is there has its disks already.
    expect(refusal(view([one, two({ pools: [{ name: 'shared', path: '/srv/shared', markerId: 'pool-a', freeMiB: 0, totalMiB: 1 }] })], []), vm('vm', one, {}))).toBe('accepted');
  });
});

const sizes = fc.record({
  hosts: fc.array(fc.record({ pages: fc.integer({ min: 0, max: 2_000 }), freeMiB: fc.integer({ min: 0, max: 40_000 }), flags: fc.subarray(['aes', 'avx', 'sse']) }), { minLength: 1, maxLength: 4 }),
  workloads: fc.array(fc.record({ memoryMiB: fc.integer({ min: 1, max: 1_500 }), rootMiB: fc.integer({ min: 1, max: 15_000 }), kind: fc.constantFrom('vm' as const, 'container' as const), features: fc.subarray(['aes', 'avx']) }), { maxLength: 12 }),
});

describe('properties', () => {
  it('never give more pages or disk than there is, nor a CPU that lacks something, and ignore the order of the input', () => {
    fc.assert(
      fc.property(sizes, (input) => {
        const hosts = [one, ...input.hosts.map(({ pages, freeMiB, flags }, index) => aHost(`h${index}`, { facts: aFacts({ memoryMiB: 1_000_000, cpus: 1_000, cpuFlags: [...flags].sort(), ...pages2M(pages), containerDaemons: [{ driver: 'lxd', version: '5', address: 'a', isClustered: false, criu: false, filesystems: [], networks: [], profiles: [], pools: [{ name: 'default', driver: 'dir', source: null, freeMiB, totalMiB: freeMiB }] }] }) }))];
        const workloads = input.workloads.map(({ memoryMiB, rootMiB, kind, features }, index) => {
          const container = { disks: [], bridges: [], accelerator: 'none' as const, cpuModel: null, driver: 'lxd' as const, instance: { pool: 'default', profiles: [], networks: [], rootMiB } };
          return vm(`w${index}`, one, { memoryMiB, hugepages: in2M(memoryMiB), ...(features.length === 0 ? {} : { cpuFeatures: features }), ...(kind === 'container' ? container : {}) }, { kind });
        });
        const promised: { workloadId: string; hostId: Host['id'] }[] = [];
        for (const workload of workloads) {
          const request = { workload, exclude: [{ hostId: one.id, why: 'source' }] };
          const placed = placeWorkload(view(hosts, workloads, { promised }), request);
          expect(placeWorkload(view([...hosts].reverse(), [...workloads].reverse(), { promised: [...promised].reverse() }), request)).toEqual(placed);
          if (placed.ok) promised.push({ workloadId: workload.id, hostId: placed.value.hostId });
        }
        for (const [index, { pages, freeMiB, flags }] of input.hosts.entries()) {
          const there = workloads.filter(({ id }) => promised.some((promise) => promise.workloadId === id && promise.hostId === hosts[index + 1]?.id));
          expect(there.reduce((sum, { needs }) => sum + Math.ceil(needs.memoryMiB / 2), 0)).toBeLessThanOrEqual(pages);
          expect(there.reduce((sum, { needs }) => sum + (needs.instance?.rootMiB ?? 0), 0)).toBeLessThanOrEqual(freeMiB);
          for (const { needs } of there) if (needs.driver === 'libvirt') for (const feature of needs.cpuFeatures ?? []) expect(flags).toContain(feature);
        }
      }),
      { numRuns: 200 },
    );
  });
});
