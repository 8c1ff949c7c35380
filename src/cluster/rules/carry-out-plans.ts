// Plans that are carried out: the moves of the lowest round that is not over, each only if it is still as the plan saw it and placement still accepts it.
import { ruleIndex } from '../../scheduler/placement-rule.js';
import type { Workload } from '../../workloads/workload.js';
import { carriedPlan, isOver, keyOf, noteOf, standingOf, type CarriedPlan, type PlanMove, type Settled } from '../carry-out.js';
import { hold, type Action, type Hold } from '../decision.js';
import type { Rule, RuleContext, RuleOutput } from '../decide.js';
import type { Operation } from '../operation.js';
import { beginMove } from './begin-move.js';
import { disarmBrake } from './brakes.js';
import { waitsForRoom } from './group-moves.js';
import { isOurs, lockBrake } from './workload-brakes.js';

const NAME = 'carryOutPlans';

export const carryOutPlans: Rule = (context) => {
  const outputs = context.view.operations.filter(({ kind }) => kind === 'carry-out').map((operation) => follow(context, operation));
  return { actions: outputs.flatMap((one) => one.actions), holds: outputs.flatMap((one) => one.holds) };
};

/** What was found and done in this round, to be written down with it. */
interface Following {
  readonly context: RuleContext;
  readonly plan: CarriedPlan;
  readonly settled: Record<string, Settled>;
  readonly actions: Action[];
  readonly holds: Hold[];
}

function follow(context: RuleContext, operation: Operation): RuleOutput {
  const known = carriedPlan(operation);
  const settled = { ...known.settled };
  const following: Following = { context, plan: { ...known, settled }, settled, actions: [], holds: [] };
  const { plan, actions, holds } = following;
  for (const move of plan.moves) if (standingOf(plan, move)?.as === 'begun') lookAfter(following, move);
  const brake = operation.cancelRequested ? null : disarmBrake(context);
  if (brake) holds.push(brake);
  else if (!operation.cancelRequested) beginRound(following);
  for (const move of plan.moves) {
    const stands = standingOf(plan, move);
    if (stands?.as === 'skipped') holds.push(hold('plan-outdated', move.workload, `its move in the plan (operation ${plan.id}) is skipped: ${stands.why ?? 'no reason given'}; \`reeve operation show ${plan.id}\``));
  }
  if (JSON.stringify(settled) === JSON.stringify(known.settled)) return { actions, holds };
  // What was begun is noted in the same transaction: whoever leads next neither forgets it nor begins it twice.
  return { actions: [...actions, { rule: NAME, about: `plan ${plan.id}`, why: 'how its moves stand is written down', changes: [noteOf(plan.id, settled)] }], holds };
}

const settle = ({ settled }: Following, move: PlanMove, as: Settled['as'], why: string | null = null): void => {
  settled[keyOf(move)] = { as, why };
};

const isOf = (operation: Operation | null | undefined, { plan }: Following, move: PlanMove): boolean => operation?.params['carryOut'] === plan.id && operation.workloadId === move.workloadId && operation.targetHostId === move.to;

/** One that was begun: under way, there, or failed, and then not tried again. */
function lookAfter(following: Following, move: PlanMove): void {
  const { context } = following;
  const workload = context.workloadOf(move.workloadId);
  if (isOf(context.operationOn(move.workloadId), following, move)) return;
  if (workload?.hostId === move.to) return settle(following, move, 'moved');
  const ended = context.view.recentOperations.find((one) => isOf(one, following, move));
  settle(following, move, 'failed', ended?.why ?? (workload ? 'it did not get there' : 'it is gone'));
}

function beginRound(following: Following): void {
  const { plan, context } = following;
  const open = plan.moves.filter((move) => !isOver(plan, move));
  const round = Math.min(...open.map((move) => move.round));
  const turn = open.filter((move) => move.round === round && standingOf(plan, move) === null);
  for (const move of turn) {
    const workload = context.workloadOf(move.workloadId);
    const outdated = workload ? whyOutdated(context, workload, move) : 'it is gone';
    if (workload?.hostId === move.to && !context.operationOn(workload.id)) settle(following, move, 'moved', 'it is there already');
    else if (outdated !== null) settle(following, move, 'skipped', outdated);
    else if (workload && !context.operationOn(workload.id) && !context.isActedOn(workload.name)) begin(following, move, workload);
  }
}

/** It is no longer as the plan saw it. What is under way with it ends first. */
function whyOutdated(context: RuleContext, workload: Workload, { from, to }: PlanMove): string | null {
  if (context.operationOn(workload.id)) return null;
  const home = context.hostOf(workload.hostId);
  if (workload.hostId !== from) return `it is on ${home?.name ?? 'no host'} now`;
  if (!isOurs(context, workload)) return 'it is left to its owner now';
  if (workload.desired !== 'running' || workload.state !== 'running') return `it is ${workload.state} now`;
  if (!context.hostOf(to)) return 'the host it was to go to is gone';
  return home?.condition === 'online' ? null : `${home?.name ?? 'its host'} is ${home?.condition ?? 'gone'} now`;
}

function begin(following: Following, move: PlanMove, workload: Workload): void {
  const { context, plan } = following;
  const [from, to] = [context.hostOf(move.from), context.hostOf(move.to)];
  if (!from || !to) return;
  const { along, isFirst } = matesAlong(following, move);
  const apart = isFirst ? leftBehind(following, move) : null;
  if (apart !== null) return settle(following, move, 'skipped', apart);
  const locked = [workload, ...along].map((one) => lockBrake(one, `it stays on ${from.name}, and the plan waits for it`)).find((brake) => brake !== null);
  const brake = locked ?? (along.length > 0 && isFirst ? waitsForRoom(context, workload, along.length + 1, [from, { hostId: to.id, host: to.name }]) : null);
  if (brake) return void following.holds.push(brake);
  const others = context.view.hosts.filter((host) => host.id !== to.id).map((host) => ({ hostId: host.id, why: `the plan says ${to.name}` }));
  const placed = context.ledger.place({ workload, exclude: others, ...(along.length > 0 ? { leftByMates: [from.id] } : {}) });
  if (!placed.ok) return settle(following, move, 'skipped', placed.error.refusals.find((one) => one.hostId === to.id)?.why ?? placed.error.why);
  const cause = plan.cause === 'balance' ? 'rebalance' : 'return';
  const why = plan.cause === 'balance' ? 'the hosts are made evenly full' : `${to.name} is back in service`;
  const output = beginMove(context, { rule: NAME, cause, workload, from, target: placed.value, kind: 'migrate', why, params: { carryOut: plan.id } });
  const [held] = output.holds;
  if (held && held.code !== 'too-many-in-flight') return settle(following, move, 'skipped', held.why);
  following.holds.push(...output.holds);
  following.actions.push(...output.actions);
  if (output.actions.length > 0) settle(following, move, 'begun');
}

/** One that must stay with it stands there too, and does not come along: it has no move in the plan, or can't go now. Null: all come. */
function leftBehind({ context, plan }: Following, move: PlanMove): string | null {
  for (const id of ruleIndex(context.view.rules).group(move.workloadId)) {
    const mate = id === move.workloadId ? null : context.workloadOf(id);
    if (!mate || mate.hostId !== move.from || mate.state === 'stopped' || mate.state === 'error') continue;
    const its = plan.moves.find((one) => one.workloadId === id && one.round === move.round && one.to === move.to && !isOver(plan, one));
    const why = its === undefined ? 'it has no such move in the plan' : context.operationOn(id) ? 'an operation on it is under way' : whyOutdated(context, mate, its);
    if (why !== null) return `it stays together with ${mate.name}, and ${why}`;
  }
  return null;
}

/** Those that must stay with it and go the same way in the same round. Once one of them is on its way, the others follow as there is room. */
function matesAlong({ context, plan }: Following, move: PlanMove): { readonly along: readonly Workload[]; readonly isFirst: boolean } {
  const group = ruleIndex(context.view.rules).group(move.workloadId);
  const same = plan.moves.filter((one) => one.workloadId !== move.workloadId && one.round === move.round && one.to === move.to && group.includes(one.workloadId));
  const isBegun = (one: PlanMove): boolean => ['begun', 'moved'].includes(standingOf(plan, one)?.as ?? '');
  return { along: same.filter((one) => isBegun(one) || !isOver(plan, one)).flatMap((one) => context.workloadOf(one.workloadId) ?? []), isFirst: !same.some(isBegun) };
}
