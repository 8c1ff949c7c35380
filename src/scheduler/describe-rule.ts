// A placement rule in a few words, with names: as it was written, and what its selectors come to now.
import type { HostId, WorkloadId } from '../shared/ids.js';
import { describeLabels } from '../shared/labels.js';
import type { HostsRule, PlacementRule, RankedHost } from './placement-rule.js';

interface Named {
  readonly hosts: readonly { readonly id: HostId; readonly name: string }[];
  readonly workloads: readonly { readonly id: WorkloadId; readonly name: string }[];
}

export function describeRule(view: Named, rule: PlacementRule): string {
  const workloads = describeWorkloads(view, rule);
  if (rule.type !== 'hosts') return `${rule.type}${rule.per === 'zone' ? ' per zone' : ''}: ${workloads}`;
  return `${workloads} on ${describeHosts(view, rule)}`;
}

function describeWorkloads(view: Named, { workloads, selector }: PlacementRule): string {
  const names = (ids: readonly WorkloadId[]): string => ids.map((id) => view.workloads.find((one) => one.id === id)?.name ?? '(gone)').join(', ');
  if (!selector) return names(workloads);
  const found = workloads.filter((id) => !selector.named.includes(id));
  return `${selector.named.length > 0 ? `${names(selector.named)}, ` : ''}${describeLabels(selector.labels)} (${found.length > 0 ? names(found) : 'nothing now'})`;
}

export function describeHosts(view: Named, { hosts, hostSelector }: HostsRule): string {
  const nameOf = (id: HostId): string => view.hosts.find((host) => host.id === id)?.name ?? '(gone)';
  const ranked = (some: readonly RankedHost[]): readonly string[] => [...some].sort((one, other) => other.priority - one.priority).map(({ hostId, priority }) => `${nameOf(hostId)} (${priority})`);
  if (!hostSelector) return ranked(hosts).join(', ');
  const found = hosts.filter(({ hostId }) => !hostSelector.named.some((one) => one.hostId === hostId)).map(({ hostId }) => nameOf(hostId));
  const selected = [...hostSelector.selected].sort((one, other) => other.priority - one.priority).map(({ labels, priority }) => `hosts with ${describeLabels(labels)} (${priority})`);
  return `${[...ranked(hostSelector.named), ...selected].join(', ')}: ${found.length > 0 ? found.join(', ') : 'none now'}`;
}
