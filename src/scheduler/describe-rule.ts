// A placement rule in a few words, with names.
import type { HostId, WorkloadId } from '../shared/ids.js';
import type { PlacementRule } from './placement-rule.js';

interface Named {
  readonly hosts: readonly { readonly id: HostId; readonly name: string }[];
  readonly workloads: readonly { readonly id: WorkloadId; readonly name: string }[];
}

export function describeRule(view: Named, rule: PlacementRule): string {
  const workloads = rule.workloads.map((id) => view.workloads.find((one) => one.id === id)?.name ?? '(gone)').join(', ');
  if (rule.type !== 'hosts') return `${rule.type}: ${workloads}`;
  const hosts = [...rule.hosts].sort((one, other) => other.priority - one.priority).map(({ hostId, priority }) => `${view.hosts.find((host) => host.id === hostId)?.name ?? '(gone)'} (${priority})`);
  return `${workloads} on ${hosts.join(', ')}`;
}
