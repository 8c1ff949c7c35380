// Where hard rules allow workloads to be: on which hosts all that stays together may stand, and whether there are enough of them.
import type { Host } from '../hosts/host.js';
import { zoneOf } from '../hosts/zone.js';
import type { WorkloadId } from '../shared/ids.js';
import { bonds } from './bonds.js';
import { describeHosts } from './describe-rule.js';
import { withoutPlace } from './matching.js';
import { ruleIndex, type HostsRule, type KeepApartRule, type PlacementRule, type RuleScope } from './placement-rule.js';

/** What rules are held against: hosts and workloads, whatever state they are in. */
export interface Ruled {
  readonly hosts: readonly Pick<Host, 'id' | 'name' | 'zone'>[];
  readonly workloads: readonly { readonly id: WorkloadId; readonly name: string }[];
}

type Place = Ruled['hosts'][number];

/** What must stand on one host: its members by id, and where all their hosts rules allow it. */
interface Unit {
  readonly members: readonly WorkloadId[];
  readonly allowed: readonly Place[];
}

/** Of what rules name alone; what none names may be anywhere. */
export class AllowedPlaces {
  readonly #nameOf: (id: WorkloadId) => string;
  readonly #units = new Map<WorkloadId, Unit>();
  /** By the group that must stand in one zone. */
  readonly #zones = new Map<readonly WorkloadId[], readonly string[]>();

  constructor(private readonly ruled: Ruled, private readonly hard: readonly PlacementRule[]) {
    const there = new Map(ruled.workloads.map(({ id, name }) => [id, name]));
    this.#nameOf = (id) => there.get(id) ?? '(gone)';
    for (const id of new Set(hard.flatMap((rule) => rule.workloads))) {
      if (this.#units.has(id) || !there.has(id)) continue;
      const members = ruleIndex(hard).group(id).filter((member) => there.has(member));
      const unit = { members, allowed: this.#allowedBy(members) };
      for (const member of members) this.#units.set(member, unit);
    }
  }

  #allowedBy(members: readonly WorkloadId[]): readonly Place[] {
    const index = ruleIndex(this.hard);
    const limits = members.flatMap((member) => index.hosts(member)).map((rule) => new Set(rule.hosts.map(({ hostId }) => hostId)));
    return limits.length === 0 ? this.ruled.hosts : this.ruled.hosts.filter((host) => limits.every((limit) => limit.has(host.id)));
  }

  /** Of one alone or of a group: its hosts rules have no host in common. */
  withoutHost(): readonly string[] {
    return this.#distinct([...this.#units.keys()]).filter(({ allowed }) => allowed.length === 0).map(({ members }) => {
      const names = this.#names(members);
      const rules = this.#hostsRulesOf(members);
      return members.length === 1 ? `no host is allowed for ${names}: ${this.#allow(rules)}` : `no host is allowed for ${names}, which must stay together (${this.#bondsOf(members, 'host')}): ${this.#allow(rules)}`;
    });
  }

  /** Of those that must stand in one zone: no zone has a host for each of them. */
  withoutZone(): readonly string[] {
    const index = ruleIndex(this.hard);
    const groups = new Set([...this.#units.keys()].map((id) => index.zoneGroup(id)));
    return [...groups].filter((group) => this.#isFree(group) && this.#zonesFor(group).length === 0).map((group) => {
      const concerned = [...this.#hostsRulesOf(group), ...this.#apartIn(group)];
      return `no zone has hosts for all of ${this.#names(group)}, which must stay in one (${this.#bondsOf(group, 'zone')})${concerned.length > 0 ? `, by rule ${concerned.map(({ name }) => name).join(', ')}` : ''}`;
    });
  }

  /** More of them than hosts, or zones, where they may be. */
  tooManyApart(rule: KeepApartRule): readonly string[] {
    const placeOf = (host: Place): string => (rule.per === 'zone' ? zoneOf(host) : host.id);
    const places = new Map(this.#distinct(rule.workloads).map((unit) => [unit, [...new Set(this.#allowedFor(unit).map(placeOf))]]));
    const short = withoutPlace([...places.keys()].filter((unit) => places.get(unit)?.length !== 0), (unit) => places.get(unit) ?? []);
    if (!short) return [];
    const members = short.items.flatMap((unit) => unit.members.find((id) => rule.workloads.includes(id)) ?? []);
    const word = rule.per === 'zone' ? 'zone' : 'host';
    const limits = this.#hostsRulesOf(short.items.flatMap((unit) => unit.members));
    const why = limits.length > 0 ? `: ${this.#allow(limits)}` : '';
    return [`rule ${rule.name} keeps ${this.#names(members)} apart${rule.per === 'zone' ? ' per zone' : ''}, and these ${members.length} have only ${short.places.length} ${word}${short.places.length === 1 ? '' : 's'} between them${why}`];
  }

  /** With what its mates in one zone leave to it. */
  #allowedFor({ members, allowed }: Unit): readonly Place[] {
    const group = ruleIndex(this.hard).zoneGroup(members[0] as WorkloadId);
    if (this.#distinct(group).length === 1) return allowed;
    const zones = this.#zonesFor(group);
    return allowed.filter((host) => zones.includes(zoneOf(host)));
  }

  /** More than one must stand in one zone, and each has a host at all. */
  #isFree(group: readonly WorkloadId[]): boolean {
    const units = this.#distinct(group);
    return units.length > 1 && units.every(({ allowed }) => allowed.length > 0);
  }

  #zonesFor(group: readonly WorkloadId[]): readonly string[] {
    const zones = this.#zones.get(group) ?? this.#zonesWithHosts(group);
    this.#zones.set(group, zones);
    return zones;
  }

  #zonesWithHosts(group: readonly WorkloadId[]): readonly string[] {
    const units = this.#distinct(group);
    return [...new Set(this.ruled.hosts.map(zoneOf))].filter((zone) => {
      const there = ({ allowed }: Unit): readonly Place[] => allowed.filter((host) => zoneOf(host) === zone);
      return units.every((unit) => there(unit).length > 0) && this.#apartIn(group).every((rule) => withoutPlace(this.#distinct(rule.workloads.filter((id) => group.includes(id))), (unit) => there(unit).map(({ id }) => id)) === null);
    });
  }

  #apartIn(group: readonly WorkloadId[]): readonly KeepApartRule[] {
    return this.hard.filter((rule): rule is KeepApartRule => rule.type === 'keep-apart' && rule.workloads.filter((id) => group.includes(id)).length > 1);
  }

  /** Workloads that are gone stand nowhere. */
  #distinct(ids: readonly WorkloadId[]): readonly Unit[] {
    return [...new Set(ids.flatMap((id) => this.#units.get(id) ?? []))];
  }

  #hostsRulesOf(members: readonly WorkloadId[]): readonly HostsRule[] {
    return this.hard.filter((rule): rule is HostsRule => rule.type === 'hosts' && rule.workloads.some((id) => members.includes(id)));
  }

  #bondsOf(members: readonly WorkloadId[], per: RuleScope): string {
    const names = bonds(this.hard, per).filter((rule) => rule.workloads.length > 1 && rule.workloads.some((id) => members.includes(id))).map(({ name }) => name);
    return `by rule ${names.join(', ')}`;
  }

  #names = (ids: readonly WorkloadId[]): string => ids.map(this.#nameOf).join(', ');

  #allow = (rules: readonly HostsRule[]): string => rules.map((rule) => `rule ${rule.name} allows ${describeHosts({ hosts: this.ruled.hosts, workloads: this.ruled.workloads }, rule)}`).join('; ');
}
