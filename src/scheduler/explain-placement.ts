// For `reeve workload explain`: why it is where it is, what each other host lacks, and the placement rules that concern it.
import type { Workload } from '../workloads/workload.js';
import { hardRuleAgainst } from './hard-rules.js';
import { placeWorkload } from './place-workload.js';
import type { HostRefusal, HostScore, PlacementView } from './placement.js';
import { describeRule } from './describe-rule.js';

export interface Explanation {
  readonly workload: string;
  /** Name of its host now. */
  readonly current: string | null;
  /** Why a hard rule is against its host now; null: none is. */
  readonly broken: string | null;
  /** Where it would be placed if it were placed now; null: nowhere. */
  readonly chosen: string | null;
  readonly ranking: readonly HostScore[];
  readonly refusals: readonly HostRefusal[];
  readonly rules: readonly { readonly name: string; readonly hard: boolean; readonly says: string }[];
}

export function explainPlacement(view: PlacementView, workload: Workload): Explanation {
  const placed = placeWorkload(view, { workload, exclude: [] });
  const home = view.hosts.find((host) => host.id === workload.hostId) ?? null;
  return {
    workload: workload.name,
    current: home?.name ?? null,
    broken: home ? (hardRuleAgainst(view, workload, home)?.why ?? null) : null,
    chosen: placed.ok ? placed.value.host : null,
    ranking: placed.ok ? placed.value.ranking : [],
    refusals: placed.ok ? placed.value.refusals : placed.error.refusals,
    rules: view.rules.filter((rule) => rule.workloads.includes(workload.id)).map((rule) => ({ name: rule.name, hard: rule.hard, says: describeRule(view, rule) })),
  };
}
