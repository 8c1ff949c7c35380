// Hard placement rules, held against where processes really begin: automation never breaks one.
import type { Operation } from '../../cluster/operation.js';
import { ruleIndex, type PlacementRule } from '../../scheduler/placement-rule.js';
import { zoneOf } from '../../hosts/zone.js';
import { hostId, type HostId, type WorkloadId } from '../../shared/ids.js';
import type { Workload } from '../../workloads/workload.js';
import type { MemoryClusterStore } from '../memory-cluster-store.js';
import type { SimulatedHost, SimulatedWorld } from '../simulated-world.js';
import { PLACES, placingOperation } from './placing-operations.js';

export interface HardRulesParts {
  readonly world: SimulatedWorld;
  readonly store: MemoryClusterStore;
  /** Is this guest being handled by a person (the scenario), so that automation is not to blame? */
  readonly byHand: (workload: string) => boolean;
  /** How long ago its last process ended, if that was on this host. */
  readonly endedAgoMs: (uuid: string, host: string) => number | null;
}

interface Joined {
  readonly group: readonly WorkloadId[];
  /** With rules that have been taken away since. */
  readonly joined: readonly WorkloadId[];
  readonly decided: Operation;
  readonly workload: Workload;
  readonly here: readonly SimulatedHost[];
}

/** A decision may be made so long on what has just ended. */
const NOTICED_MS = 5_000;

export class HardRules {
  /** When each rule was there first, on the wall clock. */
  readonly #sinceMs = new Map<PlacementRule, number>();

  /** Those that were taken away, and when. */
  readonly #untilMs = new Map<PlacementRule, number>();

  /** When each host came into the zone where it is. */
  readonly #zoned = new Map<HostId, { readonly zone: string; readonly sinceMs: number }>();

  /** Since when each workload is ours to place, by its id. */
  readonly #oursSinceMs = new Map<WorkloadId, number>();

  constructor(private readonly parts: HardRulesParts) {}

  /** The store changed. */
  follow(wallMs: number): void {
    const { rules, workloads, hosts } = this.parts.store.peek();
    for (const host of hosts.values()) if (this.#zoned.get(host.id)?.zone !== zoneOf(host)) this.#zoned.set(host.id, { zone: zoneOf(host), sinceMs: wallMs });
    for (const rule of rules.values()) if (!this.#sinceMs.has(rule)) this.#sinceMs.set(rule, wallMs);
    const left = new Set(rules.values());
    for (const rule of this.#sinceMs.keys()) if (!left.has(rule) && !this.#untilMs.has(rule)) this.#untilMs.set(rule, wallMs);
    for (const { id, desired } of workloads.values()) {
      if (desired === 'unmanaged') this.#oursSinceMs.delete(id);
      else if (!this.#oursSinceMs.has(id)) this.#oursSinceMs.set(id, wallMs);
    }
  }

  /** What is wrong with a process that began on this host, as sentences. */
  brokenBy(host: SimulatedHost, name: string): readonly string[] {
    const { hosts, workloads } = this.parts.store.peek();
    const workload = workloads.get(name);
    const row = hosts.get(host.name);
    if (!workload || !row) return [];
    const decided = placingOperation(this.parts.store, workload.id, row.id);
    if (!decided?.requestedBy.startsWith('rule:')) return [];
    const rules = this.#knownTo(decided);
    const index = ruleIndex(rules);
    const then = ruleIndex(this.#inForceAt(decided));
    return [
      ...index.hosts(workload.id).filter((rule) => rule.hard && !rule.hosts.some((one) => one.hostId === row.id)).map((rule) => `${name} begins on ${host.name}, which rule ${rule.name} does not allow`),
      ...index.apart(workload.id).filter((rule) => rule.hard).flatMap((rule) => this.#matesThere(rule, decided, workload, host).map((mate) => `${name} begins on ${host.name} beside ${mate}, against rule ${rule.name}`)),
      ...this.#splitGroup({ group: index.group(workload.id), joined: then.group(workload.id), decided, workload, here: [host] }),
      ...this.#splitGroup({ group: index.zoneGroup(workload.id), joined: then.zoneGroup(workload.id), decided, workload, here: this.#zoneThen(host, decided, 'perhaps') }),
    ];
  }

  /** A rule that came after the decision could not be obeyed by it. */
  #knownTo(decided: Operation): readonly PlacementRule[] {
    return [...this.parts.store.peek().rules.values()].filter((rule) => (this.#sinceMs.get(rule) ?? Infinity) < decided.createdAtMs);
  }

  /** Those that have been taken away since with them: whom it went to by one of these, it went to rightly. */
  #inForceAt({ createdAtMs }: Operation): readonly PlacementRule[] {
    return [...this.#sinceMs].filter(([rule, sinceMs]) => sinceMs < createdAtMs && (this.#untilMs.get(rule) ?? Infinity) >= createdAtMs).map(([rule]) => rule);
  }

  #matesThere(rule: PlacementRule, decided: Operation, workload: Workload, host: SimulatedHost): readonly string[] {
    const there = rule.type === 'keep-apart' && rule.per === 'zone' ? this.#zoneThen(host, decided, 'surely') : [host];
    return this.#mates(rule.workloads, decided, workload).filter((mate) => there.some((one) => runsOn(one, mate))).map((mate) => mate.name);
  }

  /** The other hosts of its zone, surely or perhaps: of one that has come into its zone since the decision nobody knows. */
  #zoneThen(host: SimulatedHost, decided: Operation, how: 'surely' | 'perhaps'): readonly SimulatedHost[] {
    const { hosts } = this.parts.store.peek();
    const zoneThenOf = ({ name }: SimulatedHost): string | null => {
      const zoned = this.#zoned.get(hosts.get(name)?.id ?? hostId(name));
      return zoned && zoned.sinceMs < decided.createdAtMs ? zoned.zone : null;
    };
    const zone = zoneThenOf(host);
    const isThere = (other: string | null): boolean => (zone === null || other === null ? how === 'perhaps' : other === zone);
    return [...this.parts.world.hosts].filter((other) => other === host || isThere(zoneThenOf(other)));
  }

  /** A group moves one after the other, so some may still be elsewhere: it is split when nothing of it is here or comes here, and some stays elsewhere. */
  #splitGroup({ group, joined, decided, workload, here }: Joined): readonly string[] {
    if (group.length === 1) return [];
    const mates = this.#mates(group, decided, workload);
    // One that a person has put here is not to blame for being apart from the others; joining it is right.
    const others = [...this.parts.store.peek().workloads.values()].filter((one) => one.id !== workload.id && (group.includes(one.id) || joined.includes(one.id)));
    // Where a person has just taken one away, the others may still be on their way to it.
    if (others.some((mate) => this.parts.byHand(mate.name))) return [];
    if (others.some((mate) => here.some((host) => runsOn(host, mate) || this.#cameThen(host, decided, mate) || this.#ranHereThen(host, decided, mate)))) return [];
    return mates.flatMap((mate) => {
      const elsewhere = [...this.parts.world.hosts].find((other) => !here.includes(other) && runsOn(other, mate));
      const row = this.parts.store.peek().hosts.get(elsewhere?.name ?? '');
      // A host that is emptied, or goes down in order, is left by one after the other, as many at once as are allowed, also if a person thinks better of it.
      const isLeft = (decided.params['cause'] === 'drain' && row?.id === decided.hostId) || row?.intent === 'maintenance' || (row !== undefined && row.leaving !== null);
      return elsewhere && !isLeft ? [`${workload.name} begins on ${here.length > 1 ? 'one of ' : ''}${here.map(({ name }) => name).join(', ')}, and ${mate.name}, which it must stay together with, is on ${elsewhere.name}`] : [];
    });
  }

  /** It was company when this was decided, and ended since. */
  #ranHereThen(host: SimulatedHost, decided: Operation, mate: Workload): boolean {
    const endedAgoMs = this.parts.endedAgoMs(mate.uuid, host.name);
    return endedAgoMs !== null && endedAgoMs <= this.parts.store.ageMs(decided.createdAtMs) + NOTICED_MS;
  }

  #mates(ids: readonly WorkloadId[], decided: Operation, workload: Workload): readonly Workload[] {
    const isOthers = (one: Workload): boolean => one.id !== workload.id && ids.includes(one.id) && one.desired !== 'unmanaged' && one.state !== 'error' && !this.parts.byHand(one.name);
    return [...this.parts.store.peek().workloads.values()].filter((one) => isOthers(one) && (this.#oursSinceMs.get(one.id) ?? Infinity) < decided.createdAtMs && !this.#movedByPersonAfter(decided, one));
  }

  /** What a person has moved since could not be known to the decision. */
  #movedByPersonAfter(decided: Operation, { id }: Workload): boolean {
    return this.parts.store.peekOperations().some((one) => one.workloadId === id && PLACES.has(one.kind) && !one.requestedBy.startsWith('rule:') && one.createdAtMs > decided.createdAtMs);
  }

  /** It comes, or was coming when this was decided: that its own move failed since could not be known. */
  #cameThen({ name }: SimulatedHost, decided: Operation, mate: Workload): boolean {
    const target = this.parts.store.peek().hosts.get(name)?.id;
    return this.parts.store.peekOperations().some((one) => one.workloadId === mate.id && one.targetHostId === target && (one.endedAtMs === null || one.endedAtMs > decided.createdAtMs));
  }
}

/** A half that still arrives does not run there. */
function runsOn(host: SimulatedHost, { uuid }: Workload): boolean {
  const state = host.powered ? host.domains.get(uuid)?.running?.state : undefined;
  return state !== undefined && state !== 'migrating-in';
}
