// What people change about rules, labels and zones must leave every hard rule one that can be kept.
import { contradictionsIn } from '../../scheduler/contradiction.js';
import type { PlacementRule } from '../../scheduler/placement-rule.js';
import { resolveRules } from '../../scheduler/resolve-rules.js';
import type { Host } from '../../hosts/host.js';
import type { Workload } from '../../workloads/workload.js';

/** What a rule is held against: a scenario has no more of a cluster than this. */
export interface RuleView {
  readonly hosts: readonly Pick<Host, 'id' | 'name' | 'zone' | 'labels'>[];
  readonly workloads: readonly Pick<Workload, 'id' | 'name' | 'uuid' | 'labels'>[];
  readonly rules: readonly PlacementRule[];
}

/** What could not be kept any more after a change; null: nothing new. What can't be kept already, because a host is gone, say, is no reason. */
export function newContradiction(before: RuleView, change: Partial<RuleView>): string | null {
  const after = { ...before, ...change };
  if (!after.rules.some((rule) => rule.hard)) return null;
  const found = contradictionsIn(after, resolveRules(after.rules, after));
  if (found.length === 0) return null;
  const known = new Set(contradictionsIn(before, before.rules));
  return found.find((one) => !known.has(one)) ?? null;
}
