// Hosts as they would be once they are lost and proven off.
import { enforcesLease, hasPowerDevice, type Host } from '../hosts/host.js';
import type { HostId } from '../shared/ids.js';
import type { PlacementView } from './placement.js';

/** With these hosts proven off. */
export function withLost<View extends Pick<PlacementView, 'hosts'>>(view: View, lost: readonly HostId[]): View {
  return { ...view, hosts: view.hosts.map((host) => (lost.includes(host.id) ? asLost(host) : host)) };
}

/** By what would prove it first. */
function asLost(host: Host): Host {
  const kind = hasPowerDevice(host) ? 'power-off' : enforcesLease(host) ? 'lease-expired' : 'operator';
  return { ...host, condition: 'fenced', proof: { kind, evidence: 'as if it were lost', atMs: 0, bootId: host.bootId, hostEpoch: host.hostEpoch } };
}
