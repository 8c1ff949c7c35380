// The hosts of a ranking, best first.
import type { Host } from '../hosts/host.js';
import type { Placement } from './placement.js';

export function rankedHosts(hosts: readonly Host[], { ranking }: Pick<Placement, 'ranking'>): readonly Host[] {
  const byId = new Map(hosts.map((host) => [host.id, host]));
  return ranking.map(({ hostId }) => byId.get(hostId)).filter((host) => host !== undefined);
}
