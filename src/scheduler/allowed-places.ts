// Where hard rules allow workloads to be: on which hosts all that stays together may stand, and whether there are enough of them.
import type { Host } from '../hosts/host.js';
import { zoneOf } from '../hosts/zone.js';
import type { WorkloadId } from '../shared/ids.js';
import { bonds } from './bonds.js';
import { describeHosts } from './describe-rule.js';
import { withoutPlace } from './matching.js';
import { ruleIndex, type HostsRule, type KeepApartRule, type PlacementRule, type RuleScope } from './placement-rule.js';
import { HostPlaces, type Places } from './host-places.js';

/** What rules are held against: hosts and workloads, whatever state they are in. */
export interface Ruled {
  readonly hosts: readonly Pick<Host, 'id' | 'name' | 'zone'>[];
  readonly workloads: readonly { readonly id: WorkloadId; readonly name: string }[];
}

/** What must stand on one host: its members by id, and where all their hosts rules allow it. */
interface Unit {
  readonly members: readonly WorkloadId[];
  readonly allowed: Places;
}

/** So many are named one by one: it is one line for a person. */
const NAMED = 10;

/** Of what rules name alone; what none names may be anywhere. */
export class AllowedPlaces {
  readonly #names: ReadonlyMap<WorkloadId, string>;
  readonly #units = new Map<WorkloadId, Unit>();
  readonly #places: HostPlaces;
  /** By the group that must stand in one zone. */
  readonly #zones = new Map<readonly WorkloadId[], ReadonlySet<string>>();

  constructor(private readonly ruled: Ruled, private readonly hard: readonly PlacementRule[]) {
    this.#names = new Map(ruled.workloads.map(({ id, name }) => [id, name]));
    this.#places = new HostPlaces(ruled.hosts);
    const index = ruleIndex(hard);
    for (const id of new Set(hard.flatMap((rule) => rule.workloads))) {
      if (this.#units.has(id) || !this.#names.has(id)) continue;
      const members = index.group(id).filter((member) => this.#names.has(member));
      const unit = { members, allowed: this.#places.allowedBy(members.flatMap((member) => index.hosts(member))) };
      for (const member of members) this.#units.set(member, unit);
    }
  }

  /** Of one alone or of a group: its hosts rules have no host in common. */
  withoutHost(): readonly string[] {
    return this.#distinct([...this.#units.keys()]).filter(({ allowed }) => allowed.hosts.length === 0).map(({ members }) => {
      const names = this.#named(members);
      const rules = this.#hostsRulesOf(members);
      return members.length === 1 ? `no host is allowed for ${names}: ${this.#allow(rules)}` : `no host is allowed for ${names}, which must stay together (${this.#bondsOf(members, 'host')}): ${this.#allow(rules)}`;
    });
  }

  /** Of those that must stand in one zone: no zone has a host for each of them. */
  withoutZone(): readonly string[] {
    const index = ruleIndex(this.hard);
    const groups = new Set([...this.#units.keys()].map((id) => index.zoneGroup(id)));
    return [...groups].filter((group) => this.#isFree(group) && this.#zonesFor(group).size === 0).map((group) => {
      const concerned = [...this.#hostsRulesOf(group), ...this.#apartIn(group)];
      return `no zone has hosts for all of ${this.#named(group)}, which must stay in one (${this.#bondsOf(group, 'zone')})${concerned.length > 0 ? `, by rule ${concerned.map(({ name }) => name).join(', ')}` : ''}`;
    });
  }

  /** More of them than hosts, or zones, where they may be. */
  tooManyApart(rule: KeepApartRule): readonly string[] {
    const units = this.#distinct(rule.workloads).map((unit) => ({ unit, places: this.#placesFor(unit, rule.per) })).filter(({ places }) => places.length > 0);
    const short = withoutPlace(units, ({ places }) => places);
    if (!short) return [];
    const about = new Set(rule.workloads);
    const members = short.items.flatMap(({ unit }) => unit.members.find((id) => about.has(id)) ?? []);
    const word = rule.per === 'zone' ? 'zone' : 'host';
    const limits = this.#hostsRulesOf(short.items.flatMap(({ unit }) => unit.members));
    const why = limits.length > 0 ? `: ${this.#allow(limits)}` : '';
    return [`rule ${rule.name} keeps ${this.#named(members)} apart${rule.per === 'zone' ? ' per zone' : ''}, and these ${members.length} have only ${short.places.length} ${word}${short.places.length === 1 ? '' : 's'} between them${why}`];
  }

  /** With what its mates in one zone leave to it. */
  #placesFor({ members, allowed }: Unit, per: RuleScope | undefined): readonly string[] {
    const group = ruleIndex(this.hard).zoneGroup(members[0] as WorkloadId);
    const there = this.#distinct(group).length === 1 ? allowed : this.#places.within(allowed, this.#zonesFor(group));
    return per === 'zone' ? there.zones : there.ids;
  }

  /** More than one must stand in one zone, and each has a host at all. */
  #isFree(group: readonly WorkloadId[]): boolean {
    const units = this.#distinct(group);
    return units.length > 1 && units.every(({ allowed }) => allowed.hosts.length > 0);
  }

  #zonesFor(group: readonly WorkloadId[]): ReadonlySet<string> {
    const known = this.#zones.get(group);
    if (known) return known;
    const units = this.#distinct(group);
    const inGroup = new Set(group);
    const apart = this.#apartIn(group).map((rule) => this.#distinct(rule.workloads.filter((id) => inGroup.has(id))));
    const zones = new Set([...new Set(this.ruled.hosts.map(zoneOf))].filter((zone) => {
      const there = ({ allowed }: Unit): readonly string[] => allowed.idsIn.get(zone) ?? [];
      return units.every((unit) => there(unit).length > 0) && apart.every((some) => withoutPlace(some, there) === null);
    }));
    this.#zones.set(group, zones);
    return zones;
  }

  #apartIn(group: readonly WorkloadId[]): readonly KeepApartRule[] {
    const inGroup = new Set(group);
    return this.hard.filter((rule): rule is KeepApartRule => rule.type === 'keep-apart' && rule.workloads.filter((id) => inGroup.has(id)).length > 1);
  }

  /** Workloads that are gone stand nowhere. */
  #distinct(ids: readonly WorkloadId[]): readonly Unit[] {
    return [...new Set(ids.flatMap((id) => this.#units.get(id) ?? []))];
  }

  #hostsRulesOf(members: readonly WorkloadId[]): readonly HostsRule[] {
    const among = new Set(members);
    return this.hard.filter((rule): rule is HostsRule => rule.type === 'hosts' && rule.workloads.some((id) => among.has(id)));
  }

  #bondsOf(members: readonly WorkloadId[], per: RuleScope): string {
    const among = new Set(members);
    const names = bonds(this.hard, per).filter((rule) => rule.workloads.length > 1 && rule.workloads.some((id) => among.has(id))).map(({ name }) => name);
    return `by rule ${names.join(', ')}`;
  }

  #named(ids: readonly WorkloadId[]): string {
    const names = ids.slice(0, NAMED).map((id) => this.#names.get(id) ?? '(gone)').join(', ');
    return ids.length > NAMED ? `${names} and ${ids.length - NAMED} more` : names;
  }

  #allow = (rules: readonly HostsRule[]): string => rules.map((rule) => `rule ${rule.name} allows ${describeHosts({ hosts: this.ruled.hosts, workloads: this.ruled.workloads }, rule)}`).join('; ');
}
