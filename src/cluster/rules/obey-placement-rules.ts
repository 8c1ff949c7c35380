// Running workloads that stand against a hard placement rule are moved to where the rules allow; one of a rule at a time.
import { hardRuleAgainst } from '../../scheduler/hard-rules.js';
import type { Host } from '../../hosts/host.js';
import type { NoPlacement, Placement } from '../../scheduler/placement.js';
import { ruleIndex } from '../../scheduler/placement-rule.js';
import type { Result } from '../../shared/result.js';
import { whyNotLive } from '../../workloads/live-move.js';
import { movesLive, type Workload } from '../../workloads/workload.js';
import { hold, type Action, type Hold } from '../decision.js';
import type { Rule, RuleContext, RuleOutput } from '../decide.js';
import { beginMove, failedTargets, type TriedTarget } from './begin-move.js';
import { disarmBrake } from './brakes.js';
import { bringMates } from './bring-mates.js';
import { groupOf, placesInOrder } from './group-moves.js';
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
  const company = (workload: Workload): number => ruleIndex(view.rules).group(workload.id).filter((id) => context.workloadOf(id)?.hostId === workload.hostId).length;
  const running = view.workloads.filter((workload) => workload.state === 'running' && workload.desired === 'running' && isOurs(context, workload));
  return running.map((workload) => ({ workload, mates: company(workload) })).sort((one, other) => one.mates - other.mates || (one.workload.id < other.workload.id ? 1 : -1)).map(({ workload }) => workload);
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
  const isSplit = against.code === 'keep-together';
  const placed = isSplit ? placeWithMates(context, workload, home, tried) : context.ledger.place({ workload, exclude: [{ hostId: home.id, why: against.why }, ...tried], leftByMates: [home.id] });
  // The others come to where it is.
  if (placed === null) return NOTHING;
  if (!placed.ok) return { actions: [], holds: [hold('rule-broken', workload.name, `on ${home.name} ${against.why}, and ${placed.error.why}; it runs on where it is until a host is legal; \`reeve workload explain ${workload.name}\``)] };
  const own = beginMove(context, { rule: NAME, cause: 'rule', workload, from: home, target: placed.value, kind: 'migrate', why: `on ${home.name} ${against.why}` });
  if (isSplit || own.actions.length === 0) return own;
  const mates = bringMates(context, { rule: NAME, workload, from: home, target: placed.value });
  return { actions: [...own.actions, ...mates.actions], holds: [...own.holds, ...mates.holds] };
}

/** To the first of its group's places that takes it, and that comes before the one where it is; null: it is at the first of them. */
function placeWithMates(context: RuleContext, workload: Workload, home: Host, tried: readonly TriedTarget[]): Result<Placement, NoPlacement> | null {
  const places = placesInOrder(context, groupOf(context, workload));
  const before = places.slice(0, places.indexOf(home.id));
  let last: Result<Placement, NoPlacement> | null = null;
  for (const place of before) {
    const others = context.view.hosts.filter((host) => host.id !== place).map((host) => ({ hostId: host.id, why: 'the others are elsewhere' }));
    last = context.ledger.place({ workload, exclude: [...others, ...tried], leftByMates: others.map((one) => one.hostId) });
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
