// The zones of hosts: what is lost together when a rack, a room or a site is.
import type { Host } from '../hosts/host.js';

export const zoneOf = (host: Host): string | null => (host as { readonly zone?: string | null }).zone ?? null;

/** By name, each with its hosts in the order given. A host without a zone shares its fate with no other: it is left out. */
export function zonesOf(hosts: readonly Host[]): ReadonlyMap<string, readonly Host[]> {
  const zones = new Map<string, Host[]>();
  for (const host of hosts) {
    const zone = zoneOf(host);
    if (zone !== null) zones.set(zone, [...(zones.get(zone) ?? []), host]);
  }
  return new Map([...zones].sort(([one], [other]) => (one < other ? -1 : 1)));
}
