// The hard placement rules alone, without the host's fitness and room: may it be on this host?
import type { Host } from '../hosts/host.js';
import type { Workload } from '../workloads/workload.js';
import type { FilterRefusal, RuleFilter } from './filter.js';
import type { PlacementView } from './placement.js';
import { keepsApart } from './rules/keeps-apart.js';
import { keepsTogether } from './rules/keeps-together.js';
import { obeysHostsRules } from './rules/obeys-hosts-rules.js';

export const HARD_RULES: readonly RuleFilter[] = [obeysHostsRules, keepsApart, keepsTogether];

/** Null: no hard rule is against it. */
export function hardRuleAgainst(view: PlacementView, workload: Workload, host: Host): FilterRefusal | null {
  for (const rule of HARD_RULES) {
    const refusal = rule({ view, request: { workload, exclude: [] }, workload, host });
    if (refusal) return refusal;
  }
  return null;
}
