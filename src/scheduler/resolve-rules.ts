// From rules as they were written to the workloads and hosts that they are about now: selectors follow labels as they change.
import type { Host } from '../hosts/host.js';
import { hostLabels } from '../hosts/zone.js';
import { matcherOf } from '../shared/labels.js';
import type { Workload } from '../workloads/workload.js';
import type { HostSelector, PlacementRule, RankedHost, WorkloadSelector } from './placement-rule.js';

export interface Labelled {
  readonly hosts: readonly Pick<Host, 'id' | 'zone' | 'labels'>[];
  readonly workloads: readonly Pick<Workload, 'id' | 'labels'>[];
}

/** Works on what was resolved before as well: what was written is kept beside it. A rule without selectors stays the object that it is. */
export function resolveRules(rules: readonly PlacementRule[], labelled: Labelled): readonly PlacementRule[] {
  return rules.map((rule) => resolveRule(rule, labelled));
}

export function resolveRule<Rule extends PlacementRule>(rule: Rule, { hosts, workloads }: Labelled): Rule {
  const resolved = rule.selector ? { ...rule, workloads: selectedWorkloads(rule.selector, workloads) } : rule;
  return resolved.type === 'hosts' && resolved.hostSelector ? { ...resolved, hosts: selectedHosts(resolved.hostSelector, hosts) } : resolved;
}

/** Those named first, in their order; then by id. */
function selectedWorkloads({ named, labels }: WorkloadSelector, workloads: Labelled['workloads']): PlacementRule['workloads'] {
  const matches = matcherOf(labels);
  const known = new Set(named);
  const found = workloads.filter((one) => !known.has(one.id) && matches(one.labels)).map(({ id }) => id);
  return [...named, ...found.sort()];
}

/** One that is named, or selected more than once, has the highest of its priorities. */
function selectedHosts({ named, selected }: HostSelector, hosts: Labelled['hosts']): readonly RankedHost[] {
  const ranks = new Map(named.map(({ hostId, priority }) => [hostId, priority]));
  for (const { labels, priority } of selected) {
    const matches = matcherOf(labels);
    for (const host of hosts) {
      if (matches(hostLabels(host))) ranks.set(host.id, Math.max(priority, ranks.get(host.id) ?? priority));
    }
  }
  return [...ranks].map(([hostId, priority]) => ({ hostId, priority })).sort((one, other) => (one.hostId < other.hostId ? -1 : 1));
}
