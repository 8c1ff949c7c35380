// What must stay together, and by which chain of rules: hard keep-together rules as links between workloads.
import type { WorkloadId } from '../shared/ids.js';
import type { KeepTogetherRule, PlacementRule, RuleScope } from './placement-rule.js';

export interface Link {
  readonly from: WorkloadId;
  readonly to: WorkloadId;
  readonly rule: string;
}

/** What keeps together at least as near as the scope: who stands on one host stands in one zone as well. */
export function bonds(rules: readonly PlacementRule[], per: RuleScope): readonly KeepTogetherRule[] {
  return rules.filter((rule): rule is KeepTogetherRule => rule.type === 'keep-together' && rule.hard && (per === 'zone' || rule.per !== 'zone'));
}

/** The shortest chain of rules from one to the other; empty: nothing holds them together. */
export function chainBetween(rules: readonly KeepTogetherRule[], from: WorkloadId, to: WorkloadId): readonly Link[] {
  const reached = new Map<WorkloadId, readonly Link[]>([[from, []]]);
  for (const [at, chain] of reached) {
    if (at === to) return chain;
    for (const rule of rules) {
      if (!rule.workloads.includes(at)) continue;
      // The map is walked in the order in which it grows: nearest first.
      for (const next of rule.workloads) if (!reached.has(next)) reached.set(next, [...chain, { from: at, to: next, rule: rule.name }]);
    }
  }
  return [];
}
