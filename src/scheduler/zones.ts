// Where workloads stand, by host or by zone: what a rule's scope means.
import type { Host } from '../hosts/host.js';
import { zoneOf } from '../hosts/zone.js';
import type { HostId } from '../shared/ids.js';
import type { RuleScope } from './placement-rule.js';

/** A view's hosts never change: their zones are sorted out once. */
const KNOWN = new WeakMap<readonly Host[], ReadonlyMap<HostId, string>>();

export function zonesOf(hosts: readonly Host[]): ReadonlyMap<HostId, string> {
  const known = KNOWN.get(hosts) ?? new Map(hosts.map((host) => [host.id, zoneOf(host)]));
  KNOWN.set(hosts, known);
  return known;
}

/** Is one of these hosts this one, or, for a rule per zone, in its zone? One that is gone is in no zone. */
export function standsThere(hosts: readonly Host[], per: RuleScope | undefined, places: readonly HostId[], host: Host): boolean {
  if (places.includes(host.id)) return true;
  if (per !== 'zone' || host.zone === null) return false;
  const zones = zonesOf(hosts);
  return places.some((id) => zones.get(id) === zoneOf(host));
}
