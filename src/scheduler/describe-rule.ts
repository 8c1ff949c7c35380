// A placement rule in a few words, with names.
import type { PlacementView } from './placement.js';
import type { PlacementRule } from './placement-rule.js';

type Named = Pick<PlacementView, 'hosts' | 'workloads'>;

export function describeRule(view: Named, rule: PlacementRule): string {
  const workloads = rule.workloads.map((id) => view.workloads.find((one) => one.id === id)?.name ?? '(gone)').join(', ');
  if (rule.type !== 'hosts') return `${rule.type}: ${workloads}`;
  const hosts = [...rule.hosts].sort((one, other) => other.priority - one.priority).map(({ hostId, priority }) => `${view.hosts.find((host) => host.id === hostId)?.name ?? '(gone)'} (${priority})`);
  return `${workloads} on ${hosts.join(', ')}`;
}
