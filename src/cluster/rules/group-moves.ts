// Workloads that must stand on one host: which of the hosts where they stand is theirs, and who comes along when one of them leaves.
//
// Each member has to come to the same answer, and each move has to bring the group nearer to it: else they move to and fro for ever.
import type { Host } from '../../hosts/host.js';
import type { HostId } from '../../shared/ids.js';
import { ruleIndex } from '../../scheduler/placement-rule.js';
import { zonesOf } from '../../scheduler/zones.js';
import { preference } from '../../scheduler/score-rules.js';
import type { Workload } from '../../workloads/workload.js';
import { hold, type Hold } from '../decision.js';
import type { RuleContext } from '../decide.js';
import { movesAlong } from './bring-mates.js';

/** Itself included, by id. */
export const groupOf = (context: RuleContext, workload: Workload): readonly Workload[] => ruleIndex(context.view.rules).group(workload.id).flatMap((id) => context.workloadOf(id) ?? []);

/** What the hosts rules of all of them say of a host, taken together. */
export function groupPreference({ view }: RuleContext, group: readonly Workload[], hostId: HostId): number {
  return group.reduce((sum, one) => sum + preference(ruleIndex(view.rules).hosts(one.id), hostId), 0);
}

/**
 * Where its members run: the preferred host first, then where most of them are. What does not run draws nobody to where it lies.
 * Last of all the host that one of them has just left to be started elsewhere: of a group larger than may move at once, most would be there still, and call it back.
 */
export function placesInOrder(context: RuleContext, group: readonly Workload[]): readonly HostId[] {
  const left = lastLeft(context, group);
  const running = new Map<HostId, number>();
  for (const { hostId, state } of group) if (hostId !== null && state === 'running') running.set(hostId, (running.get(hostId) ?? 0) + 1);
  const places = [...running].map(([hostId, count]) => ({ hostId, count, preferred: groupPreference(context, group, hostId) }));
  return places.sort((one, other) => Number(one.hostId === left) - Number(other.hostId === left) || other.preferred - one.preferred || other.count - one.count || (one.hostId < other.hostId ? -1 : 1)).map(({ hostId }) => hostId);
}

/** Of those that must stand in one zone, the same: the zones where they run, the one that is most theirs first. */
export function zonesInOrder(context: RuleContext, workload: Workload): readonly string[] {
  const zones = zonesOf(context.view.hosts);
  const group = ruleIndex(context.view.rules).zoneGroup(workload.id).flatMap((id) => context.workloadOf(id) ?? []);
  const left = lastLeft(context, group);
  const counts = new Map<string, number>();
  const notLeft = new Set<string>();
  for (const { hostId, state } of group) {
    const zone = hostId !== null && state === 'running' ? zones.get(hostId) : undefined;
    if (zone === undefined) continue;
    counts.set(zone, (counts.get(zone) ?? 0) + 1);
    if (hostId !== left) notLeft.add(zone);
  }
  // By all its hosts, wherever in it they run: so that a move within the zone changes nothing.
  const preferred = new Map([...counts.keys()].map((zone) => [zone, Math.max(...context.view.hosts.filter(({ id }) => zones.get(id) === zone).map(({ id }) => groupPreference(context, group, id)))]));
  // One where a member may be on no host is not theirs.
  const index = ruleIndex(context.view.rules);
  const isAllowed = (one: Workload, { id }: Host): boolean => index.hosts(one.id).every((rule) => !rule.hard || rule.hosts.some(({ hostId }) => hostId === id));
  const isTheirs = (zone: string): boolean => group.every((one) => context.view.hosts.some((host) => zones.get(host.id) === zone && isAllowed(one, host)));
  const theirs = new Set([...counts.keys()].filter(isTheirs));
  const compare = ([one, count]: readonly [string, number], [other, otherCount]: readonly [string, number]): number =>
    Number(theirs.has(other)) - Number(theirs.has(one)) || Number(notLeft.has(other)) - Number(notLeft.has(one)) || (preferred.get(other) ?? 0) - (preferred.get(one) ?? 0) || otherCount - count || (one < other ? -1 : 1);
  return [...counts].sort(compare).map(([zone]) => zone);
}

/** Those that followed by their rule tell nothing; whoever went elsewhere for another reason since has left it behind him. */
function lastLeft({ view }: RuleContext, group: readonly Workload[]): HostId | null {
  const ids = new Set(group.map((one) => one.id));
  const last = view.recentOperations.find((one) => (one.kind === 'relocate' || one.kind === 'migrate') && one.state === 'succeeded' && one.params['cause'] !== 'rule' && one.workloadId !== null && ids.has(one.workloadId));
  return last?.params['isRestart'] === true ? last.hostId : null;
}

/** One that leaves a host would be split from these: they stay behind. */
export function staysBehind(context: RuleContext, workload: Workload, from: Host): readonly Workload[] {
  return groupOf(context, workload).filter((mate) => mate.id !== workload.id && mate.hostId === from.id && mate.state !== 'stopped' && !movesAlong(context, mate, from));
}

/** Nobody has to leave now: so it begins only when all of it may be under way at once, or, of a group that is larger than that, as many as may. */
export function waitsForRoom({ ledger, policy }: RuleContext, workload: Workload, size: number, [from, to]: readonly [Host, { readonly hostId: HostId; readonly host: string }]): Hold | null {
  const most = Math.max(...[from.id, to.hostId].map((id) => ledger.inFlight(id, ['migrate', 'relocate'])));
  if (most === 0 || most + size <= policy.migrationsPerHost) return null;
  return hold('too-many-in-flight', workload.name, `moves from ${from.name} or to ${to.host} are under way; it goes with what it stays together with, once there is room for all`);
}
