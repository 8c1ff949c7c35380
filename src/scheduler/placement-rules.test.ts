// Placement rules: hard ones filter, soft ones score, groups go together, and no order of input matters.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aFacts, aHost, aWorkload } from '../../test/fixtures/cluster.js';
import type { Host } from '../hosts/host.js';
import type { Workload } from '../workloads/workload.js';
import { brokenBy } from './broken-by.js';
import { explainPlacement } from './explain-placement.js';
import { hardRuleAgainst } from './hard-rules.js';
import { placeWorkload } from './place-workload.js';
import type { PlacementRequest, PlacementView } from './placement.js';
import { ruleIndex, type PlacementRule } from './placement-rule.js';

const [one, two, three] = [aHost('host-1'), aHost('host-2'), aHost('host-3')];
const policy = { strategy: 'balanced' as const, memoryOvercommit: 1, cpuOvercommit: 4, reservedMemoryMiB: 512 };

function view(workloads: readonly Workload[], rules: readonly PlacementRule[], more: Partial<PlacementView> = {}): PlacementView {
  const hosts = more.hosts ?? [one, two, three];
  return { hosts, workloads, heard: new Set(hosts.map((host) => host.id)), leaseless: new Set<never>(), promised: [], rules, policy, ...more };
}
const apart = (name: string, hard: boolean, ...workloads: readonly Workload[]): PlacementRule => ({ name, type: 'keep-apart', hard, workloads: workloads.map((vm) => vm.id) });
const together = (name: string, hard: boolean, ...workloads: readonly Workload[]): PlacementRule => ({ name, type: 'keep-together', hard, workloads: workloads.map((vm) => vm.id) });
const onHosts = (hard: boolean, workload: Workload, ...hosts: readonly (readonly [Host, number])[]): PlacementRule => ({ name: 'where', type: 'hosts', hard, workloads: [workload.id], hosts: hosts.map(([host, priority]) => ({ hostId: host.id, priority })) });
const left = (...hosts: readonly Host[]): PlacementRequest['exclude'] => hosts.map((host) => ({ hostId: host.id, why: 'left' }));
function placed(seen: PlacementView, workload: Workload, exclude: PlacementRequest['exclude'] = []): string {
  const result = placeWorkload(seen, { workload, exclude, leftByMates: exclude.map((one) => one.hostId) });
  return result.ok ? result.value.host : result.error.refusals.map((refusal) => `${refusal.host} ${refusal.code}`).join(', ');
}

const waiting = (name: string, set: Partial<Workload> = {}): Workload => aWorkload(name, null, { state: 'waiting', ...set });

describe('keep-apart', () => {
  const mate = aWorkload('vm-1', one);
  const vm = waiting('vm-2');

  it('hard: not where a member stands, nor where one is promised to be', () => {
    const rules = [apart('r', true, mate, vm)];
    expect(placed(view([mate, vm], rules, { hosts: [one] }), vm)).toBe('host-1 keep-apart');
    expect(placed(view([mate, vm], rules, { hosts: [one, two], promised: [{ workloadId: mate.id, hostId: two.id }] }), vm)).toBe('host-1 keep-apart, host-2 keep-apart');
    expect(placed(view([mate, vm], rules), vm)).toBe('host-2');
  });

  it('a member that is stopped is in nobody\'s way', () => {
    const stopped = { ...mate, state: 'stopped' as const, desired: 'stopped' as const };
    expect(placed(view([stopped, vm], [apart('r', true, stopped, vm)], { hosts: [one] }), vm)).toBe('host-1');
  });

  it('soft: elsewhere even if that is fuller, there rather than not at all', () => {
    const crowd = [1, 2, 3].map((index) => aWorkload(`crowd-${index}`, two));
    const rules = [apart('r', false, mate, vm)];
    expect(placed(view([mate, vm, ...crowd], rules, { hosts: [one, two] }), vm)).toBe('host-2');
    expect(placed(view([mate, vm], rules, { hosts: [one] }), vm)).toBe('host-1');
  });
});

describe('keep-together', () => {
  const [a, b, c] = [aWorkload('vm-a', one), waiting('vm-b'), waiting('vm-c')];

  it('merges rules that share a workload', () => {
    const rules = [together('r1', true, a, b), together('r2', true, c, aWorkload('vm-d', null)), together('r3', true, b, c), together('soft', false, a, aWorkload('vm-e', null))];
    expect(ruleIndex(rules).group(a.id)).toEqual(['id-vm-a', 'id-vm-b', 'id-vm-c', 'id-vm-d']);
    expect(ruleIndex(rules).group(aWorkload('vm-e', null).id)).toEqual(['id-vm-e']);
  });

  it('goes to where the others stand and nowhere else, also through a chain of rules', () => {
    const rules = [together('r1', true, a, b), together('r2', true, b, c)];
    expect(placed(view([a, b, c], rules), c)).toBe('host-1');
    expect(placed(view([a, b, c], rules, { hosts: [{ ...one, cordoned: true }, two] }), c)).toBe('host-1 cordoned, host-2 keep-together');
  });

  it('a group that is lost is placed where all of it fits', () => {
    const lost = { ...three, condition: 'fenced' as const };
    const members = [1, 2, 3].map((index) => aWorkload(`vm-${index}`, lost, { needs: { ...a.needs, memoryMiB: 4_096 } }));
    const rules = [together('r', true, ...members)];
    const small = aHost('host-1', { facts: aFacts({ memoryMiB: 512 + 8_192 }) });
    const busy = [1, 2, 3].map((index) => aWorkload(`busy-${index}`, two, { needs: { ...a.needs, memoryMiB: 64 } }));
    const seen = view([...members, ...busy], rules, { hosts: [small, two, lost] });
    expect(placed(seen, members[0]!)).toBe('host-2');
    expect(placeWorkload({ ...seen, hosts: [small, lost] }, { workload: members[0]!, exclude: [] })).toMatchObject({ ok: false, error: { code: 'no-capacity', why: expect.stringContaining('with vm-2, vm-3 needs 12,288 MiB, 8,192 MiB free of 8,192 MiB') as string } });
  });

  it('what would be refused to one that comes along is refused to all', () => {
    const lost = { ...three, condition: 'fenced' as const };
    const [x, y] = [aWorkload('vm-x', lost), aWorkload('vm-y', lost)];
    const enemy = aWorkload('enemy', one);
    const seen = view([x, y, enemy], [together('r', true, x, y), apart('s', true, y, enemy)], { hosts: [one, two, lost] });
    expect(placed(seen, x)).toBe('host-2');
    expect(placed({ ...seen, hosts: [one, lost] }, x)).toBe('host-1 keep-apart, host-3 not-online');
  });

  it('waits for a mate on a host that is silent: it may be heard again', () => {
    const silent = { ...three, condition: 'silent' as const };
    const mate = aWorkload('mate', silent, { state: 'awaiting-fence' });
    expect(placed(view([mate, b], [together('r', true, mate, b)], { hosts: [one, silent] }), b)).toBe('host-1 keep-together, host-3 not-online');
  });

  it('in error draws nobody; one whose host is lost, and may run there still, holds the others', () => {
    const x = aWorkload('vm-x', one);
    const rules = (y: Workload) => [together('r', true, x, y)];
    const failed = aWorkload('vm-y', two, { state: 'error' });
    expect(placed(view([x, failed], rules(failed)), x)).toBe('host-1');
    const lost: Host = { ...two, condition: 'fenced', proof: { kind: 'lease-expired', evidence: 'x', atMs: 0, bootId: two.bootId, hostEpoch: 1 } };
    const free = aWorkload('vm-y', lost, { state: 'awaiting-fence' });
    expect(placed(view([x, free], rules(free), { hosts: [one, lost, three] }), x)).toBe('host-1 keep-together, host-2 not-online, host-3 keep-together');
    const leased = { ...free, leasedOn: lost.id };
    expect(placed(view([x, leased], rules(leased), { hosts: [one, lost, three] }), x)).toBe('host-1');
  });

  it('leaves a drained host as a group: the first one chooses, the others follow', () => {
    const [x, y] = [aWorkload('vm-x', one), aWorkload('vm-y', one)];
    const seen = view([x, y], [together('r', true, x, y)]);
    expect(placed(seen, x, left(one))).toBe('host-2');
    expect(placed({ ...seen, promised: [{ workloadId: x.id, hostId: three.id }] }, y, left(one))).toBe('host-3');
  });
});

describe('hosts', () => {
  const vm = waiting('vm');
  it('hard: only there, best priority first', () => {
    const rules = [onHosts(true, vm, [two, 1], [three, 5])];
    expect(placed(view([vm], rules), vm)).toBe('host-3');
    expect(placed(view([vm], rules, { hosts: [one] }), vm)).toBe('host-1 hosts-rule');
  });

  it('soft: by priority whatever runs there, elsewhere rather than not at all', () => {
    const crowd = [1, 2, 3, 4].map((index) => aWorkload(`crowd-${index}`, two));
    const rules = [onHosts(false, vm, [two, 2], [three, 1])];
    expect(placed(view([vm, ...crowd], rules), vm)).toBe('host-2');
    expect(placed(view([vm, ...crowd], rules, { hosts: [one, three] }), vm)).toBe('host-3');
    expect(placed(view([vm], rules, { hosts: [one] }), vm)).toBe('host-1');
  });

  it('a host where it failed lately comes after every preference', () => {
    const failed = { ...vm, failures: { restarts: 0, relocations: 1, failedHostIds: [two.id], lastAtMs: 1 } };
    expect(placed(view([failed], [onHosts(false, failed, [two, 2])]), failed)).not.toBe('host-2');
  });
});

describe('strategies', () => {
  const vm = waiting('vm');
  const [big, idle] = [aWorkload('big', one, { needs: { ...vm.needs, memoryMiB: 12_000 }, usage: { cpus: 0.1, memoryMiB: 100 } }), [1, 2].map((index) => aWorkload(`small-${index}`, two, { needs: { ...vm.needs, memoryMiB: 64 }, usage: { cpus: 2, memoryMiB: 4_000 } }))];
  it.each([['balanced', 'host-1'], ['capacity', 'host-2'], ['usage', 'host-1']] as const)('%s: %s', (strategy, expected) => {
    expect(placed(view([big, ...idle, vm], [], { hosts: [one, two], policy: { ...policy, strategy } }), vm)).toBe(expected);
  });
});

describe('what is said', () => {
  const [a, b] = [aWorkload('vm-a', one), aWorkload('vm-b', one)];
  it('explain names the rules, and what is broken now', () => {
    const explained = explainPlacement(view([a, b], [apart('r1', true, a, b), together('r2', false, a, b)]), b);
    expect(explained).toMatchObject({ broken: 'rule r1 keeps it apart from vm-a, which is on host-1', rules: [{ name: 'r1', says: 'keep-apart: vm-a, vm-b' }, { name: 'r2', hard: false }] });
    expect(explained.refusals).toContainEqual(expect.objectContaining({ host: 'host-1', code: 'keep-apart' }));
    expect(hardRuleAgainst(view([a, b], []), b, one)).toBeNull();
  });

  it.each([
    ['apart, on one host', apart('r', true, a, b), 'vm-a on host-1, vm-b on host-1'],
    ['together, on one host', together('r', true, a, b), null],
    ['on another host', onHosts(false, a, [two, 1]), 'vm-a on host-1'],
    ['on its host', onHosts(false, a, [one, 1]), null],
  ])('%s', (_name, rule, expected) => {
    expect(brokenBy(view([a, b], []), rule)).toBe(expected);
  });
});

const randomCase = fc.record({
  rules: fc.array(fc.record({ kind: fc.constantFrom('keep-apart', 'keep-together', 'hosts'), members: fc.uniqueArray(fc.nat(7), { minLength: 2, maxLength: 4 }), hosts: fc.uniqueArray(fc.nat(3), { minLength: 1, maxLength: 3 }), hard: fc.boolean() }), { maxLength: 6 }),
  lost: fc.nat(3),
  at: fc.array(fc.nat(3), { minLength: 8, maxLength: 8 }),
});

describe('properties', () => {
  it('no placement breaks a hard rule that was kept, however often workloads are placed one after the other', () => {
    fc.assert(
      fc.property(randomCase, ({ rules: wanted, lost, at }) => {
        const hosts = [0, 1, 2, 3].map((index) => aHost(`h${index}`, index === lost ? { condition: 'fenced' } : {}));
        const vms = [0, 1, 2, 3, 4, 5, 6, 7];
        const workloadOf = (index: number, hostId = hosts[at[index] ?? 0]!.id): Workload => ({ ...aWorkload(`w${index}`, null), hostId });
        const rules: PlacementRule[] = wanted.map(({ kind, members, hosts: named, hard }, index) => {
          const head = { name: `r${index}`, hard, workloads: members.map((member) => workloadOf(member).id) };
          return kind === 'hosts' ? { ...head, type: 'hosts', hosts: named.map((host) => ({ hostId: hosts[host]!.id, priority: host })) } : { ...head, type: kind as 'keep-apart' };
        });
        let workloads = vms.map((index) => workloadOf(index));
        const hard = rules.filter((rule) => rule.hard);
        const isKept = (rule: PlacementRule): boolean => brokenBy({ hosts, workloads: workloads.filter((vm) => vm.hostId !== hosts[lost]?.id) }, rule) === null;
        const keptBefore = hard.filter(isKept);
        for (const index of vms) {
          const vm = workloads[index]!;
          if (vm.hostId !== hosts[lost]?.id) continue;
          const result = placeWorkload(view(workloads, rules, { hosts }), { workload: vm, exclude: [] });
          const turned = placeWorkload(view([...workloads].reverse(), [...rules].reverse(), { hosts: [...hosts].reverse() }), { workload: vm, exclude: [] });
          expect(turned.ok ? turned.value.host : 'none').toBe(result.ok ? result.value.host : 'none');
          if (result.ok) workloads = workloads.map((one) => (one.id === vm.id ? { ...one, hostId: result.value.hostId } : one));
        }
        expect(hard.filter((rule) => keptBefore.includes(rule) && !isKept(rule)).map((rule) => rule.name)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
