// Sets of hosts, with their zones: worked out once for all that the same rules allow.
import type { Host } from '../hosts/host.js';
import { zoneOf } from '../hosts/zone.js';
import type { HostsRule } from './placement-rule.js';

type Place = Pick<Host, 'id' | 'zone'>;

export interface Places {
  readonly hosts: readonly Place[];
  readonly ids: readonly string[];
  readonly zones: readonly string[];
  /** Ids by zone. */
  readonly idsIn: ReadonlyMap<string, readonly string[]>;
}

export class HostPlaces {
  readonly #byRules = new Map<string, Places>();
  readonly #byZones = new Map<ReadonlySet<string>, Map<Places, Places>>();

  constructor(private readonly hosts: readonly Place[]) {}

  /** The hosts that all of these rules name. */
  allowedBy(rules: readonly HostsRule[]): Places {
    const distinct = [...new Set(rules)];
    const key = JSON.stringify(distinct.map(({ name }) => name).sort());
    const known = this.#byRules.get(key);
    if (known) return known;
    const limits = distinct.map((rule) => new Set(rule.hosts.map(({ hostId }) => hostId)));
    const places = placesOf(this.hosts.filter(({ id }) => limits.every((limit) => limit.has(id))));
    this.#byRules.set(key, places);
    return places;
  }

  /** Those of them in these zones. */
  within(places: Places, zones: ReadonlySet<string>): Places {
    const byPlaces = this.#byZones.get(zones) ?? new Map<Places, Places>();
    this.#byZones.set(zones, byPlaces);
    const known = byPlaces.get(places) ?? placesOf(places.hosts.filter((host) => zones.has(zoneOf(host))));
    byPlaces.set(places, known);
    return known;
  }
}

function placesOf(hosts: readonly Place[]): Places {
  const idsIn = new Map<string, string[]>();
  for (const host of hosts) {
    const zone = idsIn.get(zoneOf(host));
    if (zone) zone.push(host.id);
    else idsIn.set(zoneOf(host), [host.id]);
  }
  return { hosts, ids: hosts.map(({ id }) => id), zones: [...idsIn.keys()], idsIn };
}
