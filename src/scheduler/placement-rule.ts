// Placement rules: what owners want of where workloads stand to each other and to hosts. Hard ones filter, soft ones score.
import type { HostId, WorkloadId } from '../shared/ids.js';
import type { Labels } from '../shared/labels.js';

export type PlacementRuleType = 'keep-apart' | 'keep-together' | 'hosts';

export const PLACEMENT_RULE_TYPES: { readonly [T in PlacementRuleType]: string } = {
  'keep-apart': 'no two of these workloads on one host, or in one zone',
  'keep-together': 'all of these workloads on one host, or in one zone; rules that share a workload are one group',
  hosts: 'these workloads on these hosts; a higher priority is preferred',
};

/** On what no two stand, or all stand. A host without a zone is a zone of its own. */
export type RuleScope = 'host' | 'zone';

/** As it was written, where workloads are chosen by their labels: those named, and those that have all of these. */
export interface WorkloadSelector {
  readonly named: readonly WorkloadId[];
  readonly labels: Labels;
}

export interface RankedHost {
  readonly hostId: HostId;
  readonly priority: number;
}

/** As it was written, where hosts are chosen by their labels and zone. */
export interface HostSelector {
  readonly named: readonly RankedHost[];
  readonly selected: readonly { readonly labels: Labels; readonly priority: number }[];
}

interface RuleHead {
  /** Unique in the cluster. */
  readonly name: string;
  /** What it is about now, see resolveRules. Ids of workloads that are gone since are without effect. */
  readonly workloads: readonly WorkloadId[];
  /** Absent: `workloads` is what was written. */
  readonly selector?: WorkloadSelector;
  /** True: never broken by automation, waiting is preferred. False: preferred, broken rather than not run. */
  readonly hard: boolean;
}

export interface KeepApartRule extends RuleHead {
  readonly type: 'keep-apart';
  /** Absent: host. */
  readonly per?: RuleScope;
}

export interface KeepTogetherRule extends RuleHead {
  readonly type: 'keep-together';
  /** Absent: host. */
  readonly per?: RuleScope;
}

export interface HostsRule extends RuleHead {
  readonly type: 'hosts';
  readonly hosts: readonly RankedHost[];
  /** Absent: `hosts` is what was written. */
  readonly hostSelector?: HostSelector;
}

export type PlacementRule = KeepApartRule | KeepTogetherRule | HostsRule;

/** The rules as placement asks for them, by workload. */
export interface RuleIndex {
  readonly apart: (id: WorkloadId) => readonly KeepApartRule[];
  readonly hosts: (id: WorkloadId) => readonly HostsRule[];
  /** Soft ones only: hard ones are merged in `group`. */
  readonly softTogether: (id: WorkloadId) => readonly KeepTogetherRule[];
  /** All that must stand on one host with it, itself included, through all hard rules that share a workload; by id. */
  readonly group: (id: WorkloadId) => readonly WorkloadId[];
  /** All that must stand in one zone with it, which those on one host do as well. */
  readonly zoneGroup: (id: WorkloadId) => readonly WorkloadId[];
}

/** A view's rules never change: they are sorted out once. */
const KNOWN = new WeakMap<readonly PlacementRule[], RuleIndex>();

export function ruleIndex(rules: readonly PlacementRule[]): RuleIndex {
  const known = KNOWN.get(rules);
  if (known) return known;
  const together = rules.filter((rule) => rule.type === 'keep-together' && rule.hard) as readonly KeepTogetherRule[];
  const groups = mergedGroups(together.filter((rule) => rule.per !== 'zone'));
  const zoneGroups = mergedGroups(together);
  const apart = byWorkload(rules.filter((rule) => rule.type === 'keep-apart'));
  const hosts = byWorkload(rules.filter((rule) => rule.type === 'hosts'));
  const softTogether = byWorkload(rules.filter((rule) => rule.type === 'keep-together' && !rule.hard)) as ReadonlyMap<WorkloadId, readonly KeepTogetherRule[]>;
  const index: RuleIndex = {
    apart: (id) => apart.get(id) ?? [],
    hosts: (id) => hosts.get(id) ?? [],
    softTogether: (id) => softTogether.get(id) ?? [],
    group: (id) => groups.get(id) ?? [id],
    zoneGroup: (id) => zoneGroups.get(id) ?? [id],
  };
  KNOWN.set(rules, index);
  return index;
}

function byWorkload<Rule extends PlacementRule>(rules: readonly Rule[]): ReadonlyMap<WorkloadId, readonly Rule[]> {
  const found = new Map<WorkloadId, Rule[]>();
  for (const rule of rules) for (const id of rule.workloads) found.set(id, [...(found.get(id) ?? []), rule]);
  return found;
}

/** Rules that share a workload are one group. */
function mergedGroups(rules: readonly KeepTogetherRule[]): ReadonlyMap<WorkloadId, readonly WorkloadId[]> {
  const groups = new Map<WorkloadId, readonly WorkloadId[]>();
  for (const rule of rules) {
    const merged = [...new Set(rule.workloads.flatMap((id) => groups.get(id) ?? [id]))].sort();
    for (const id of merged) groups.set(id, merged);
  }
  return groups;
}
