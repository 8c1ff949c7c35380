// Contradictions: what is refused can't be kept by any assignment; each names its rules.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostId, workloadId } from '../shared/ids.js';
import { contradictionsIn } from './contradiction.js';
import { withoutPlace } from './matching.js';
import { ruleIndex, type PlacementRule, type RuleScope } from './placement-rule.js';

const host = (name: string, zone: string | null = null) => ({ id: hostId(name), name, zone });
const ids = (...names: readonly string[]) => names.map(workloadId);
const workloads = ids('a', 'b', 'c', 'd').map((id) => ({ id, name: id as string }));
const hosts = [host('h1', 'x'), host('h2', 'x'), host('h3', 'y')];

const apart = (name: string, members: readonly string[], per: RuleScope = 'host'): PlacementRule => ({ name, type: 'keep-apart', hard: true, per, workloads: ids(...members) });
const together = (name: string, members: readonly string[], per: RuleScope = 'host'): PlacementRule => ({ name, type: 'keep-together', hard: true, per, workloads: ids(...members) });
const on = (name: string, members: readonly string[], ...named: readonly string[]): PlacementRule => ({ name, type: 'hosts', hard: true, workloads: ids(...members), hosts: named.map((one) => ({ hostId: hostId(one), priority: 0 })) });

describe('what is said', () => {
  it.each<[string, readonly PlacementRule[], readonly string[]]>([
    ['apart and together, by a chain', [apart('r', ['a', 'c']), together('t1', ['a', 'b']), together('t2', ['b', 'c'])], ['rule r keeps a and c apart, but they must stay together: a–b by rule t1, b–c by rule t2']],
    ['the shortest chain', [apart('r', ['a', 'c']), together('t1', ['a', 'b']), together('t2', ['b', 'c']), together('t3', ['a', 'c', 'd'])], ['rule r keeps a and c apart, but they must stay together: a–c by rule t3']],
    ['apart per zone, together on a host', [apart('r', ['a', 'b'], 'zone'), together('t', ['a', 'b'])], ['rule r keeps a and b apart per zone, but they must stay in one zone: a–b by rule t']],
    ['apart on hosts, together in a zone: both can be', [apart('r', ['a', 'b']), together('t', ['a', 'b'], 'zone')], []],
    ['two hosts rules of one', [on('o1', ['a'], 'h1'), on('o2', ['a'], 'h2')], ['no host is allowed for a: rule o1 allows h1 (0); rule o2 allows h2 (0)']],
    ['hosts rules of a group', [together('t', ['a', 'b']), on('o1', ['a'], 'h1'), on('o2', ['b'], 'h2', 'h3')], ['no host is allowed for a, b, which must stay together (by rule t): rule o1 allows h1 (0); rule o2 allows h2 (0), h3 (0)']],
    ['one zone, hosts in two', [together('t', ['a', 'b'], 'zone'), on('o1', ['a'], 'h1', 'h2'), on('o2', ['b'], 'h3')], ['no zone has hosts for all of a, b, which must stay in one (by rule t), by rule o1, o2']],
    ['one zone, too few hosts there', [together('t', ['a', 'b', 'c'], 'zone'), apart('r', ['a', 'b', 'c'])], ['no zone has hosts for all of a, b, c, which must stay in one (by rule t), by rule r']],
    ['more members than hosts', [apart('r', ['a', 'b', 'c', 'd'])], ['rule r keeps a, b, c, d apart, and these 4 have only 3 hosts between them']],
    ['more members than allowed hosts', [apart('r', ['a', 'b', 'c']), on('o', ['a', 'b'], 'h1')], ['rule r keeps a, b apart, and these 2 have only 1 host between them: rule o allows h1 (0)']],
    ['more members than zones', [apart('r', ['a', 'b', 'c'], 'zone')], ['rule r keeps a, b, c apart per zone, and these 3 have only 2 zones between them']],
    ['soft ones are preferences', [{ ...apart('r', ['a', 'b']), hard: false }, together('t', ['a', 'b'])], []],
    ['of one that is gone nothing is kept', [apart('r', ['a', 'gone', 'b', 'c'])], []],
  ])('%s', (_name, rules, expected) => expect(contradictionsIn({ hosts, workloads }, rules)).toEqual(expected));
});

it('stays one line, however many there are', () => {
  const many = Array.from({ length: 14 }, (_, nth) => `w${nth}`);
  const [why = ''] = contradictionsIn({ hosts: Array.from({ length: 13 }, (_, nth) => host(`h${nth}`)), workloads: ids(...many).map((id) => ({ id, name: id as string })) }, [apart('r', many)]);
  expect(why).toBe('rule r keeps w0, w1, w2, w3, w4, w5, w6, w7, w8, w9 and 4 more apart, and these 14 have only 13 hosts between them');
});

const NAMES = ['a', 'b', 'c', 'd', 'e'] as const;
const members = (least: number) => fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: least, maxLength: 4 });
const scope = fc.constantFrom<RuleScope>('host', 'zone');
const aRule = fc.oneof(
  fc.record({ type: fc.constant('keep-apart' as const), members: members(2), per: scope }),
  fc.record({ type: fc.constant('keep-together' as const), members: members(2), per: scope }),
  fc.record({ type: fc.constant('hosts' as const), members: members(1), hosts: fc.uniqueArray(fc.nat(3), { minLength: 1, maxLength: 2 }) }),
);
const aCase = fc.record({ zones: fc.array(fc.constantFrom('x', 'y', null), { minLength: 1, maxLength: 4 }), rules: fc.array(aRule, { maxLength: 5 }) }).map(({ zones, rules }) => {
  const machines = zones.map((zone, at) => host(`h${at}`, zone));
  const made = rules.map((rule, at): PlacementRule => (rule.type === 'hosts' ? on(`r${at}`, rule.members, ...rule.hosts.map((nth) => `h${nth}`)) : { ...(rule.type === 'keep-apart' ? apart : together)(`r${at}`, rule.members, rule.per) }));
  return { machines, made };
});

/** Looks at every assignment of the workloads to the hosts. */
function satisfiable(machines: readonly ReturnType<typeof host>[], rules: readonly PlacementRule[]): boolean {
  const zone = (at: number): string => machines[at]?.zone ?? `alone ${at}`;
  const kept = (rule: PlacementRule, at: ReadonlyMap<string, number>): boolean => {
    const places = rule.workloads.flatMap((id) => at.get(id) ?? []);
    if (rule.type === 'hosts') return places.every((nth) => rule.hosts.some((one) => one.hostId === machines[nth]?.id));
    const where = new Set(places.map((nth) => (rule.per === 'zone' ? zone(nth) : String(nth))));
    return rule.type === 'keep-apart' ? where.size === places.length : where.size <= 1;
  };
  const tryFrom = (nth: number, at: Map<string, number>): boolean => {
    const name = NAMES[nth];
    if (name === undefined) return rules.every((rule) => kept(rule, at));
    return machines.some((_machine, place) => tryFrom(nth + 1, new Map(at).set(name, place)));
  };
  return tryFrom(0, new Map());
}

describe('laws', () => {
  const all = NAMES.map((name) => ({ id: workloadId(name), name: name as string }));

  it('what is refused can\'t be kept by any assignment', () => {
    let refused = 0;
    fc.assert(fc.property(aCase, ({ machines, made }) => {
      const found = contradictionsIn({ hosts: machines, workloads: all }, made);
      refused += Math.min(1, found.length);
      expect(found.length > 0 && satisfiable(machines, made) ? found : []).toEqual([]);
    }), { numRuns: 500 });
    // Else the law would hold of nothing.
    expect(refused).toBeGreaterThan(50);
  });

  it('one rule against a chain, or hosts without a common one, is always found', () => {
    fc.assert(fc.property(aCase, ({ machines, made }) => {
      const index = ruleIndex(made);
      const isBound = made.some((rule) => rule.type === 'keep-apart' && rule.workloads.some((one) => rule.workloads.some((other) => other !== one && (rule.per === 'zone' ? index.zoneGroup(one) : index.group(one)).includes(other))));
      const isNowhere = NAMES.some((name) => machines.every(({ id }) => index.group(workloadId(name)).some((mate) => index.hosts(mate).some((rule) => !rule.hosts.some((one) => one.hostId === id)))));
      if (isBound || isNowhere) expect(contradictionsIn({ hosts: machines, workloads: all }, made)).not.toEqual([]);
    }), { numRuns: 500 });
  });

  it('merging does not depend on the order of the rules, nor does the verdict', () => {
    fc.assert(fc.property(aCase.chain(({ machines, made }) => fc.record({ machines: fc.constant(machines), made: fc.constant(made), turned: fc.shuffledSubarray(made, { minLength: made.length }) })), ({ machines, made, turned }) => {
      for (const { id } of all) {
        expect(ruleIndex(turned).group(id)).toEqual(ruleIndex(made).group(id));
        expect(ruleIndex(turned).zoneGroup(id)).toEqual(ruleIndex(made).zoneGroup(id));
      }
      expect(contradictionsIn({ hosts: machines, workloads: all }, turned).length).toBe(contradictionsIn({ hosts: machines, workloads: all }, made).length);
    }), { numRuns: 300 });
  });

  it('a matching is found when there is one, and else the set that has too few places', () => {
    fc.assert(fc.property(fc.array(fc.uniqueArray(fc.constantFrom('p', 'q', 'r', 's'), { maxLength: 4 }), { maxLength: 5 }), (wishes) => {
      const items = wishes.map((places) => ({ places }));
      const short = withoutPlace(items, (item) => item.places);
      const fits = (nth: number, taken: readonly string[]): boolean => nth === items.length || (items[nth]?.places ?? []).some((place) => !taken.includes(place) && fits(nth + 1, [...taken, place]));
      expect(short === null).toBe(fits(0, []));
      if (short) {
        expect(short.items.length).toBe(short.places.length + 1);
        expect(short.items.every((item) => item.places.every((place) => short.places.includes(place)))).toBe(true);
      }
    }), { numRuns: 500 });
  });
});
