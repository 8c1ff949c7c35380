// Hard placement rules that no placement could keep, whatever room there is: each named, with the rules that stand against each other.
import type { WorkloadId } from '../shared/ids.js';
import { AllowedPlaces, type Ruled } from './allowed-places.js';
import { bonds, chainBetween, type Link } from './bonds.js';
import { ruleIndex, type KeepApartRule, type PlacementRule } from './placement-rule.js';

/** The same that was there before is the same sentence. Sound: what is named here can't be kept; not all that can't is found. */
export function contradictionsIn(ruled: Ruled, rules: readonly PlacementRule[]): readonly string[] {
  const hard = rules.filter((rule) => rule.hard);
  const apart = hard.filter((rule): rule is KeepApartRule => rule.type === 'keep-apart');
  const names = new Map(ruled.workloads.map(({ id, name }) => [id, name]));
  const chains = apart.flatMap((rule) => chainAgainst(names, hard, rule));
  if (ruled.hosts.length === 0) return chains;
  const places = new AllowedPlaces(ruled, hard);
  return [...chains, ...places.withoutHost(), ...places.withoutZone(), ...apart.flatMap((rule) => places.tooManyApart(rule))];
}

function chainAgainst(names: ReadonlyMap<WorkloadId, string>, hard: readonly PlacementRule[], rule: KeepApartRule): readonly string[] {
  const index = ruleIndex(hard);
  const groupOf = rule.per === 'zone' ? index.zoneGroup : index.group;
  const nameOf = (id: WorkloadId): string => names.get(id) ?? '(gone)';
  const members = rule.workloads.filter((id) => names.has(id));
  for (const [at, one] of members.entries()) {
    const group = groupOf(one);
    const other = group.length > 1 ? members.slice(at + 1).find((id) => group.includes(id)) : undefined;
    if (other === undefined) continue;
    const chain = chainBetween(bonds(hard, rule.per ?? 'host'), one, other);
    const [apart, stay] = rule.per === 'zone' ? ['apart per zone', 'must stay in one zone'] : ['apart', 'must stay together'];
    return [`rule ${rule.name} keeps ${nameOf(one)} and ${nameOf(other)} ${apart}, but they ${stay}: ${told(chain, nameOf)}`];
  }
  return [];
}

const told = (chain: readonly Link[], nameOf: (id: WorkloadId) => string): string => chain.map(({ from, to, rule }) => `${nameOf(from)}–${nameOf(to)} by rule ${rule}`).join(', ');
