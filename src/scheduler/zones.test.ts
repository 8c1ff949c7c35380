// Rules per zone: where they let a workload stand, what is said, and that a zone is chosen where all that belongs together fits.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aFacts, aHost, aWorkload } from '../../test/fixtures/cluster.js';
import type { Host } from '../hosts/host.js';
import type { Workload } from '../workloads/workload.js';
import { brokenBy } from './broken-by.js';
import { describeRule } from './describe-rule.js';
import { explainPlacement } from './explain-placement.js';
import { placeWorkload } from './place-workload.js';
import type { PlacementView } from './placement.js';
import type { PlacementRule } from './placement-rule.js';
import { resolveRules } from './resolve-rules.js';

const host = (name: string, zone: string | null, set: Partial<Host> = {}): Host => aHost(name, { zone, ...set });
const [a1, a2, b1, b2, alone] = [host('a1', 'a'), host('a2', 'a'), host('b1', 'b'), host('b2', 'b'), host('alone', null)];
const hosts = [a1, a2, b1, b2, alone];
const policy = { strategy: 'balanced' as const, memoryOvercommit: 1, cpuOvercommit: 4, reservedMemoryMiB: 512 };

function view(workloads: readonly Workload[], rules: readonly PlacementRule[], set: Partial<PlacementView> = {}): PlacementView {
  const there = set.hosts ?? hosts;
  return { hosts: there, workloads, heard: new Set(there.map((one) => one.id)), leaseless: new Set(), promised: [], rules, policy, ...set };
}
const rule = (type: 'keep-apart' | 'keep-together', hard: boolean, per: 'host' | 'zone', ...workloads: readonly Workload[]): PlacementRule => ({ name: 'r', type, hard, per, workloads: workloads.map(({ id }) => id) });
const waiting = (name: string, set: Partial<Workload> = {}): Workload => aWorkload(name, null, { state: 'waiting', ...set });
const sized = (name: string, memoryMiB: number, on: Host | null = null): Workload => aWorkload(name, on, { needs: { ...aWorkload(name, null).needs, memoryMiB }, ...(on ? {} : { state: 'waiting' as const }) });
const legal = (seen: PlacementView, workload: Workload): readonly string[] => {
  const placed = placeWorkload(seen, { workload, exclude: [] });
  return placed.ok ? placed.value.ranking.map((one) => one.host).sort() : [];
};

describe('keep-apart per zone', () => {
  const [mate, vm] = [aWorkload('mate', a1), waiting('vm')];

  it('hard: not in the zone of a member; a host without a zone is one of its own', () => {
    expect(legal(view([mate, vm], [rule('keep-apart', true, 'zone', mate, vm)]), vm)).toEqual(['alone', 'b1', 'b2']);
    expect(legal(view([{ ...mate, hostId: alone.id }, vm], [rule('keep-apart', true, 'zone', mate, vm)], { hosts: [alone, host('lone', null)] }), vm)).toEqual(['lone']);
    expect(legal(view([mate, vm], [rule('keep-apart', true, 'host', mate, vm)]), vm)).toEqual(['a2', 'alone', 'b1', 'b2']);
  });

  it('says in which zone the other one is', () => {
    const placed = placeWorkload(view([mate, vm], [rule('keep-apart', true, 'zone', mate, vm)], { hosts: [a1, a2] }), { workload: vm, exclude: [] });
    expect(placed).toMatchObject({ ok: false, error: { why: expect.stringMatching(/a1: rule r keeps it apart from mate, which is on a1; a2: .* which is in zone a$/) as string } });
  });

  it('counts where one is promised to be', () => {
    const promised = [{ workloadId: mate.id as string, hostId: b1.id }];
    expect(legal(view([mate, vm], [rule('keep-apart', true, 'zone', mate, vm)], { promised }), vm)).toEqual(['alone']);
  });

  it('soft: another zone even if it is fuller, that one rather than none', () => {
    const crowd = [b1, b2, alone].flatMap((on) => [1, 2].map((nth) => aWorkload(`${on.name}-${nth}`, on)));
    const rules = [rule('keep-apart', false, 'zone', mate, vm)];
    expect(placeWorkload(view([mate, vm, ...crowd], rules), { workload: vm, exclude: [] })).toMatchObject({ value: { host: 'alone' } });
    expect(legal(view([mate, vm], rules, { hosts: [a1, a2] }), vm)).toEqual(['a1', 'a2']);
  });
});

describe('keep-together per zone', () => {
  const [mate, vm] = [aWorkload('mate', a1), waiting('vm')];
  const rules = [rule('keep-together', true, 'zone', mate, vm)];

  it('hard: in the zone of the others, on any host of it', () => {
    expect(legal(view([mate, vm], rules), vm)).toEqual(['a1', 'a2']);
    expect(placeWorkload(view([mate, vm], rules, { hosts: [b1, a1] }), { workload: vm, exclude: [] })).toMatchObject({ value: { refusals: [{ host: 'b1', code: 'keep-together', why: 'it stays in one zone with mate, which is in zone a' }] } });
  });

  it('a silent host of the zone holds them there; one that is proven off does not', () => {
    expect(legal(view([mate, vm], rules, { hosts: [{ ...a1, condition: 'silent' }, a2, b1] }), vm)).toEqual(['a2']);
    expect(legal(view([{ ...mate, state: 'waiting' }, vm], rules, { hosts: [{ ...a1, condition: 'fenced' }, a2, b1] }), vm)).toEqual(['a2', 'b1']);
  });

  it('begins where all of it fits, though another host would be better for the first', () => {
    const small = (name: string, zone: string): Host => host(name, zone, { facts: aFacts({ memoryMiB: 512 + 4_096 }) });
    const [tight, wide1, wide2] = [small('c1', 'c'), small('d1', 'd'), small('d2', 'd')];
    const [x, y] = [sized('x', 3_000), sized('y', 3_000)];
    const busy = [wide1, wide2].map((on) => sized(`busy-${on.name}`, 64, on));
    const seen = (members: readonly Workload[]) => view([...members, ...busy], [rule('keep-together', true, 'zone', x, y)], { hosts: [tight, wide1, wide2] });
    const first = placeWorkload(seen([x, y]), { workload: x, exclude: [] });
    expect(first).toMatchObject({ value: { host: 'd1' } });
    expect(first.ok && first.value.ranking.find((one) => one.host === 'c1')?.parts).toMatchObject({ zoneTooSmall: -150_000 });
    // Alone it would have gone to the empty host.
    expect(placeWorkload(view([x, ...busy], [], { hosts: [tight, wide1, wide2] }), { workload: x, exclude: [] })).toMatchObject({ value: { host: 'c1' } });
    // Where no zone has room for both, the first one runs all the same.
    expect(placeWorkload({ ...seen([x, y]), hosts: [tight, wide1] }, { workload: x, exclude: [] })).toMatchObject({ value: { host: 'c1' } });
  });

  it('what stays on one host and what stays in one zone are two groups', () => {
    const third = waiting('third');
    const both: readonly PlacementRule[] = [...rules, { name: 't', type: 'keep-together', hard: true, workloads: [vm.id, third.id] }];
    expect(legal(view([mate, vm, third], both), third)).toEqual(['a1', 'a2']);
    expect(legal(view([mate, { ...vm, hostId: a2.id, state: 'running' }, third], both), third)).toEqual(['a2']);
  });
});

describe('what is said', () => {
  const [x, y] = [aWorkload('x', a1, { labels: { app: 'db' } }), aWorkload('y', a2, { labels: { app: 'db' } })];
  const written: PlacementRule = { name: 'db', type: 'keep-apart', hard: true, per: 'zone', workloads: [], selector: { named: [], labels: { app: 'db' } } };
  const rules = resolveRules([written], { hosts, workloads: [x, y] });

  it('names the zones where a rule is broken, and what a selector comes to', () => {
    expect(brokenBy({ hosts, workloads: [x, y] }, rules[0]!)).toBe('x on a1 in zone a, y on a2 in zone a');
    expect(brokenBy({ hosts, workloads: [x, { ...y, hostId: b1.id }] }, rules[0]!)).toBeNull();
    expect(brokenBy({ hosts, workloads: [x, y] }, rule('keep-together', true, 'zone', x, y))).toBeNull();
    expect(describeRule({ hosts, workloads: [x, y] }, rules[0]!)).toBe('keep-apart per zone: app=db (x, y)');
    expect(describeRule({ hosts, workloads: [x, y] }, written)).toBe('keep-apart per zone: app=db (nothing now)');
    expect(explainPlacement(view([x, y], rules), y)).toMatchObject({ broken: 'rule db keeps it apart from x, which is in zone a', rules: [{ name: 'db', says: 'keep-apart per zone: app=db (x, y)' }] });
  });
});

describe('resolving', () => {
  const labelled = { hosts: [{ ...a1, labels: { gpu: 'yes' } }, { ...b1, labels: { gpu: 'no' } }, { ...alone, labels: { zone: 'a' } }], workloads: [aWorkload('z', a1, { labels: { app: 'db', tier: '1' } }), aWorkload('y', a1, { labels: { app: 'db' } }), aWorkload('x', a1)] };
  const onHosts = (selected: readonly { labels: Record<string, string>; priority: number }[], named: readonly Host[] = []): PlacementRule =>
    ({ name: 'h', type: 'hosts', hard: true, workloads: [], hosts: [], hostSelector: { named: named.map(({ id }) => ({ hostId: id, priority: 1 })), selected } });

  it('workloads: those named, then those with all the labels, by id', () => {
    const selecting = (labels: Record<string, string>, ...named: readonly string[]): PlacementRule => ({ name: 'r', type: 'keep-apart', hard: true, workloads: [], selector: { named: labelled.workloads.filter((one) => named.includes(one.name)).map(({ id }) => id), labels } });
    expect(resolveRules([selecting({ app: 'db' }, 'x')], labelled)[0]?.workloads).toEqual(['id-x', 'id-y', 'id-z']);
    expect(resolveRules([selecting({ app: 'db', tier: '1' })], labelled)[0]?.workloads).toEqual(['id-z']);
    expect(resolveRules([selecting({ app: 'db' }, 'z')], labelled)[0]?.workloads).toEqual(['id-z', 'id-y']);
  });

  it('hosts: by labels and zone, the highest priority of several', () => {
    expect(resolveRules([onHosts([{ labels: { gpu: 'yes' }, priority: 3 }, { labels: { zone: 'a' }, priority: 2 }], [a1, b1])], labelled)[0]).toMatchObject({ hosts: [{ hostId: a1.id, priority: 3 }, { hostId: alone.id, priority: 2 }, { hostId: b1.id, priority: 1 }] });
  });

  it('follows the labels, and leaves other rules the objects that they are', () => {
    const plain = rule('keep-apart', true, 'host', ...labelled.workloads);
    const [first] = resolveRules([onHosts([{ labels: { gpu: 'no' }, priority: 0 }])], labelled);
    expect(resolveRules([plain], labelled)[0]).toBe(plain);
    expect(resolveRules([first!], { ...labelled, hosts: [{ ...a1, labels: { gpu: 'no' } }] })[0]).toMatchObject({ hosts: [{ hostId: a1.id, priority: 0 }] });
  });
});

describe('properties', () => {
  const aCase = fc.record({
    zones: fc.array(fc.constantFrom('a', 'b', null), { minLength: 4, maxLength: 4 }),
    rules: fc.array(fc.record({ type: fc.constantFrom('keep-apart', 'keep-together'), per: fc.constantFrom('host', 'zone'), hard: fc.boolean(), members: fc.uniqueArray(fc.nat(6), { minLength: 2, maxLength: 3 }) }), { maxLength: 5 }),
    at: fc.array(fc.option(fc.nat(3)), { minLength: 7, maxLength: 7 }),
  });

  it('no placement breaks a hard rule that was kept, and a soft rule keeps nothing down', () => {
    fc.assert(fc.property(aCase, ({ zones, rules: wanted, at }) => {
      const machines = zones.map((zone, nth) => host(`h${nth}`, zone));
      let workloads = at.map((nth, index) => (nth === null ? waiting(`w${index}`) : aWorkload(`w${index}`, machines[nth] ?? null)));
      const rules = wanted.map((one, nth): PlacementRule => ({ ...rule(one.type as 'keep-apart', one.hard, one.per as 'zone', ...one.members.map((member) => workloads[member]!)), name: `r${nth}` }));
      const hard = rules.filter((one) => one.hard);
      const keptNow = (): readonly PlacementRule[] => hard.filter((one) => brokenBy({ hosts: machines, workloads: workloads.filter((vm) => vm.hostId !== null) }, one) === null);
      for (const vm of workloads.filter((one) => one.hostId === null)) {
        const before = keptNow();
        const placed = placeWorkload(view(workloads, rules, { hosts: machines }), { workload: vm, exclude: [] });
        const turned = placeWorkload(view([...workloads].reverse(), [...rules].reverse(), { hosts: [...machines].reverse() }), { workload: vm, exclude: [] });
        expect(turned.ok ? turned.value.host : 'none').toBe(placed.ok ? placed.value.host : 'none');
        expect(placeWorkload(view(workloads, hard, { hosts: machines }), { workload: vm, exclude: [] }).ok).toBe(placed.ok);
        if (placed.ok) workloads = workloads.map((one) => (one.id === vm.id ? { ...one, hostId: placed.value.hostId, state: 'running' } : one));
        expect(before.filter((one) => !keptNow().includes(one)).map(({ name }) => name)).toEqual([]);
      }
    }), { numRuns: 300 });
  });
});
