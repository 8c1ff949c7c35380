// Soft placement rules as scores, and the order among the hosts of a hosts rule.
import type { HostId } from '../shared/ids.js';
import type { FilterInput } from './filter.js';
import { ruleIndex, type HostsRule, type KeepApartRule, type KeepTogetherRule } from './placement-rule.js';
import { placesOf } from './standing.js';
import { standsThere } from './zones.js';

/** Each outweighs any evenness; a preferred host outweighs company. */
const WEIGHTS = { preferredHost: 100_000, keptApart: -50_000, keptTogether: 50_000 } as const;

export function addRuleScores({ view, workload, host }: FilterInput, add: (part: string, value: number) => void): void {
  if (view.rules.length === 0) return;
  const index = ruleIndex(view.rules);
  const mates = (rules: readonly (KeepApartRule | KeepTogetherRule)[]): number => {
    const others = rules.flatMap(({ workloads, per }) => workloads.filter((id) => id !== workload.id).map((id) => ({ id, per })));
    return share(others, ({ id, per }) => standsThere(view.hosts, per, placesOf(view, id), host));
  };
  const hosts = index.hosts(workload.id);
  const apart = index.apart(workload.id).filter((rule) => !rule.hard);
  const together = index.softTogether(workload.id);
  if (hosts.length > 0) add('preferredHost', WEIGHTS.preferredHost * preference(hosts, host.id));
  if (apart.length > 0) add('keptApart', WEIGHTS.keptApart * mates(apart));
  if (together.length > 0) add('keptTogether', WEIGHTS.keptTogether * mates(together));
}

function share<T>(items: readonly T[], holds: (item: T) => boolean): number {
  return items.length === 0 ? 0 : items.filter(holds).length / items.length;
}

/** Between 0 (no rule names it) and 1 (every rule likes it best); the priorities count by their order, not by their size. */
export function preference(rules: readonly HostsRule[], hostId: HostId): number {
  const ranks = rules.map(({ hosts }) => {
    const steps = [...new Set(hosts.map((one) => one.priority))].sort((one, other) => one - other);
    const named = hosts.find((one) => one.hostId === hostId);
    return named ? (steps.indexOf(named.priority) + 1) / steps.length : 0;
  });
  return ranks.length === 0 ? 0 : ranks.reduce((sum, rank) => sum + rank, 0) / ranks.length;
}
