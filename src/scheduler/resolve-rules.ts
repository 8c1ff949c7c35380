// From rules as they were written to the workloads and hosts that they are about now: selectors follow labels as they change.
import type { Host } from '../hosts/host.js';
import { hostLabels } from '../hosts/zone.js';
import { matcherOf, type Labels } from '../shared/labels.js';
import type { Workload } from '../workloads/workload.js';
import type { HostSelector, PlacementRule, RankedHost, WorkloadSelector } from './placement-rule.js';

export interface Labelled {
  readonly hosts: readonly Pick<Host, 'id' | 'zone' | 'labels'>[];
  readonly workloads: readonly Pick<Workload, 'id' | 'labels'>[];
}

/** Works on what was resolved before as well: what was written is kept beside it. A rule without selectors stays the object that it is. */
export function resolveRules(rules: readonly PlacementRule[], labelled: Labelled): readonly PlacementRule[] {
  const having = rules.some((rule) => rule.selector) ? byLabel(labelled.workloads) : null;
  return rules.map((rule) => resolved(rule, labelled, having));
}

export const resolveRule = <Rule extends PlacementRule>(rule: Rule, labelled: Labelled): Rule => resolved(rule, labelled, null);

function resolved<Rule extends PlacementRule>(rule: Rule, { hosts, workloads }: Labelled, having: LabelIndex | null): Rule {
  const one = rule.selector ? { ...rule, workloads: selectedWorkloads(rule.selector, having?.get(firstOf(rule.selector.labels)) ?? (having ? [] : workloads)) } : rule;
  return one.type === 'hosts' && one.hostSelector ? { ...one, hosts: selectedHosts(one.hostSelector, hosts) } : one;
}

/** Workloads by each of their labels: of many rules each looks only at those that have the first that it asks for. */
type LabelIndex = ReadonlyMap<string, Labelled['workloads']>;

const keyOf = (key: string, value: string): string => `${key}=${value}`;
const firstOf = (labels: Labels): string => Object.entries(labels).slice(0, 1).map(([key, value]) => keyOf(key, value)).join('');

function byLabel(workloads: Labelled['workloads']): LabelIndex {
  const found = new Map<string, Labelled['workloads'][number][]>();
  for (const one of workloads) {
    for (const [key, value] of Object.entries(one.labels)) {
      const those = found.get(keyOf(key, value));
      if (those) those.push(one);
      else found.set(keyOf(key, value), [one]);
    }
  }
  return found;
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
