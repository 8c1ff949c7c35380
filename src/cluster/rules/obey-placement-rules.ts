// Running workloads that stand against a hard placement rule are moved to where the rules allow; one of a rule at a time.
import { hardRuleAgainst } from '../../scheduler/hard-rules.js';
import type { Host } from '../../hosts/host.js';
import type { NoPlacement, Placement } from '../../scheduler/placement.js';
import { ruleIndex } from '../../scheduler/placement-rule.js';
import { matesOf } from '../../scheduler/standing.js';
import { zonesOf } from '../../scheduler/zones.js';
import type { HostId } from '../../shared/ids.js';
import type { Result } from '../../shared/result.js';
import { whyNotLive } from '../../workloads/live-move.js';
import { movesLive, type Workload } from '../../workloads/workload.js';
import { hold, type Action, type Hold } from '../decision.js';
import type { Rule, RuleContext, RuleOutput } from '../decide.js';
import { beginMove, failedTargets, type TriedTarget } from './begin-move.js';
import { disarmBrake } from './brakes.js';
import { bringMates } from './bring-mates.js';
import { groupOf, placesInOrder, staysBehind, zonesInOrder } from './group-moves.js';
import { isOurs, lockBrake } from './workload-brakes.js';

const NAME = 'obeyPlacementRules';

export const obeyPlacementRules: Rule = (context) => {
  if (!context.view.rules.some((rule) => rule.hard)) return { actions: [], holds: [] };
  const actions: Action[] = [];
  const holds: Hold[] = [];
  for (const workload of inOrder(context)) {
    const output = obey(context, workload);
    actions.push(...output.actions);
    holds.push(...output.holds);
  }
  return { actions, holds };
};

/** Of a group that is split the smaller part goes first, so that it comes together where most of it is. */
function inOrder(context: RuleContext): readonly Workload[] {
  const { view } = context;
  const index = ruleIndex(view.rules);
  const zones = zonesOf(view.hosts);
  const zoneAt = (id: HostId | null | undefined): string | undefined => zones.get(id ?? ('' as HostId));
  const onHost = (workload: Workload): number => index.group(workload.id).filter((id) => context.workloadOf(id)?.hostId === workload.hostId).length;
  const inZone = (workload: Workload): number => index.zoneGroup(workload.id).filter((id) => zoneAt(context.workloadOf(id)?.hostId) === zoneAt(workload.hostId)).length;
  const running = view.workloads.filter((workload) => workload.state === 'running' && workload.desired === 'running' && isOurs(context, workload));
  return running.map((workload) => ({ workload, mates: onHost(workload), near: inZone(workload) })).sort((one, other) => one.mates - other.mates || one.near - other.near || (one.workload.id < other.workload.id ? 1 : -1)).map(({ workload }) => workload);
}

function obey(context: RuleContext, workload: Workload): RuleOutput {
  const home = context.hostOf(workload.hostId);
  if (!home || home.condition !== 'online' || home.intent === 'maintenance' || home.leaving) return NOTHING;
  const against = hardRuleAgainst(context.ledger.view(), workload, home);
  if (!against || isBeingSettled(context, workload)) return NOTHING;
  const brake = disarmBrake(context) ?? lockBrake(workload, `it stays on ${home.name} although ${against.why}`);
  if (brake) return { actions: [], holds: [brake] };
  const sinceMs = context.nowMs - context.policy.moveRetryMs;
  // To a host that lacks what a live move takes, an instance is stopped for it: that may have failed, too.
  const tried = [...(whyNotLive(workload, home, null) === null ? failedTargets(context, workload, sinceMs, 'migrate') : []), ...(movesLive(workload) ? [] : failedTargets(context, workload, sinceMs, 'relocate'))];
  const split = against.code === 'keep-together' ? splitOf(context, workload, home) : null;
  const places = split === null ? null : placesBefore(context, workload, home, split);
  // The others come to where it is.
  if (places?.length === 0) return NOTHING;
  const behind = split === 'zones' ? staysBehind(context, workload, home) : [];
  if (behind.length > 0) return { actions: [], holds: [hold('rule-broken', workload.name, `on ${home.name} ${against.why}, and ${behind.map(({ name }) => name).join(', ')}, which must stay on one host with it, does not move now; \`reeve workload explain ${workload.name}\``)] };
  const placed = (places && placeWithMates(context, workload, places, tried)) ?? context.ledger.place({ workload, exclude: [{ hostId: home.id, why: against.why }, ...tried], leftByMates: [home.id] });
  if (!placed.ok) return { actions: [], holds: [hold('rule-broken', workload.name, `on ${home.name} ${against.why}, and ${placed.error.why}; it runs on where it is until a host is legal; \`reeve workload explain ${workload.name}\``)] };
  const own = beginMove(context, { rule: NAME, cause: 'rule', workload, from: home, target: placed.value, kind: 'migrate', why: `on ${home.name} ${against.why}` });
  if (split === 'hosts' || own.actions.length === 0) return own;
  const mates = bringMates(context, { rule: NAME, workload, from: home, target: placed.value });
  return { actions: [...own.actions, ...mates.actions], holds: [...own.holds, ...mates.holds] };
}

/** What must stand on one host with it is elsewhere; or, all of that is here, and what must stand in one zone with it is in another one. */
function splitOf(context: RuleContext, workload: Workload, home: Host): 'hosts' | 'zones' {
  const { anchors } = matesOf(context.ledger.view(), { workload, exclude: [] });
  return anchors.some(({ hostIds }) => !hostIds.includes(home.id)) ? 'hosts' : 'zones';
}

/** Each host before its own in the order of its group; of zones, all hosts of each. None: it is at the first of them. */
function placesBefore(context: RuleContext, workload: Workload, home: Host, split: 'hosts' | 'zones'): readonly (readonly HostId[])[] {
  if (split === 'hosts') {
    const places = placesInOrder(context, groupOf(context, workload));
    return places.slice(0, places.indexOf(home.id)).map((place) => [place]);
  }
  const zones = zonesOf(context.view.hosts);
  const order = zonesInOrder(context, workload);
  return order.slice(0, order.indexOf(zones.get(home.id) ?? '')).map((zone) => context.view.hosts.filter(({ id }) => zones.get(id) === zone).map(({ id }) => id));
}

/** To the first of these places that takes it; null: there is none. */
function placeWithMates(context: RuleContext, workload: Workload, places: readonly (readonly HostId[])[], tried: readonly TriedTarget[]): Result<Placement, NoPlacement> | null {
  let last: Result<Placement, NoPlacement> | null = null;
  for (const place of places) {
    const others = context.view.hosts.filter((host) => !place.includes(host.id)).map((host) => ({ hostId: host.id, why: 'the others are elsewhere' }));
    const left = others.map((one) => one.hostId);
    last = context.ledger.place({ workload, exclude: [...others, ...tried], leftByMates: left, leftByZoneMates: left });
    if (last.ok) return last;
  }
  return last;
}

const NOTHING: RuleOutput = { actions: [], holds: [] };

/** One of its rules' members moves or starts already: what is true after that decides. */
function isBeingSettled(context: RuleContext, workload: Workload): boolean {
  const concerned = context.view.rules.filter((rule) => rule.hard && rule.workloads.includes(workload.id)).flatMap((rule) => rule.workloads);
  const promised = new Set(context.ledger.view().promised.map((promise) => promise.workloadId));
  return [workload.id, ...concerned].some((id) => promised.has(id) || context.operationOn(id) !== null || context.isActedOn(context.workloadOf(id)?.name ?? ''));
}
