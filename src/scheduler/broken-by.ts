// Is a placement rule kept now? A sentence says what stands against it.
import type { Host } from '../hosts/host.js';
import { zoneOf } from '../hosts/zone.js';
import type { HostId, WorkloadId } from '../shared/ids.js';
import type { Workload } from '../workloads/workload.js';
import type { PlacementRule } from './placement-rule.js';
import { holdsPlace } from './usage.js';

interface Standing {
  readonly hosts: readonly Host[];
  readonly workloads: readonly Workload[];
}

/** By where its workloads are placed, not by where they move to; null: it is kept. */
export function brokenBy({ hosts, workloads }: Standing, rule: PlacementRule): string | null {
  const nameOf = (id: HostId): string => {
    const host = hosts.find((one) => one.id === id);
    if (!host) return 'a host that is gone';
    return rule.type !== 'hosts' && rule.per === 'zone' && host.zone !== null ? `${host.name} in zone ${host.zone}` : host.name;
  };
  const placed = rule.workloads.flatMap((id: WorkloadId) => {
    const workload = workloads.find((one) => one.id === id);
    return workload && workload.hostId !== null && holdsPlace(workload) ? [{ name: workload.name, hostId: workload.hostId }] : [];
  });
  const told = (some: typeof placed): string => some.map((one) => `${one.name} on ${nameOf(one.hostId)}`).join(', ');
  if (rule.type === 'hosts') {
    const astray = placed.filter((one) => !rule.hosts.some((host) => host.hostId === one.hostId));
    return astray.length === 0 ? null : told(astray);
  }
  const placeOf = (id: HostId): string => {
    const host = rule.per === 'zone' ? hosts.find((one) => one.id === id) : undefined;
    return host ? zoneOf(host) : `host ${id}`;
  };
  const against = rule.type === 'keep-apart' ? placed.filter((one) => placed.some((other) => other !== one && placeOf(other.hostId) === placeOf(one.hostId))) : placed;
  const together = new Set(against.map((one) => placeOf(one.hostId))).size <= 1;
  const isKept = rule.type === 'keep-apart' ? against.length === 0 : together;
  return isKept ? null : told(against);
}
