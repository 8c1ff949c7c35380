// Workloads on a host in maintenance, on one that goes down under policy migrate, or on one in trouble move away a few at a time; what can't move is named.
import { describeTrouble, lasting } from '../../hosts/host-health.js';
import type { Host, HostLeaving } from '../../hosts/host.js';
import { orderForDrain } from '../../scheduler/drain-order.js';
import { ruleIndex } from '../../scheduler/placement-rule.js';
import { describeNotLive, whyNotLive } from '../../workloads/live-move.js';
import { movesLive, type Workload } from '../../workloads/workload.js';
import { leaveWithinMs } from '../cluster-policy.js';
import { hold, type Action, type Hold } from '../decision.js';
import type { Rule, RuleContext, RuleOutput } from '../decide.js';
import type { Operation } from '../operation.js';
import { beginMove, failedTargets, type TriedTarget } from './begin-move.js';
import { disarmBrake } from './brakes.js';
import { makeRoom } from './make-room.js';
import { leavesTrouble, noBetterThan, troubleHolds } from './troubled-hosts.js';
import { isOurs, lockBrake } from './workload-brakes.js';

const NAME = 'drainMaintenanceHosts';
const LEAVES: ReadonlySet<Workload['state']> = new Set(['running', 'paused']);

/** Why a host is to be emptied, and since when. */
interface Emptying {
  readonly host: Host;
  readonly sinceMs: number;
  readonly why: string;
  readonly params: Operation['params'];
  /** Those that are to leave it. */
  readonly leaves: (workload: Workload) => boolean;
  /** Hosts that are no better for it. */
  readonly exclude: (workload: Workload) => readonly TriedTarget[];
}

const ALL = { leaves: () => true, exclude: () => [] };

export const drainMaintenanceHosts: Rule = (context) => {
  const actions: Action[] = [];
  const holds: Hold[] = [...troubleHolds(context)];
  for (const host of context.view.hosts) {
    const emptying = host.condition === 'online' ? whyEmptied(context, host) : null;
    if (!emptying) continue;
    const brake = disarmBrake(context);
    if (brake) holds.push(brake);
    holds.push(...inErrorHere(context, emptying));
    const leaving = brake ? [] : context.view.workloads.filter((one) => one.hostId === host.id && LEAVES.has(one.state) && isOurs(context, one) && emptying.leaves(one));
    for (const workload of orderForDrain(leaving)) {
      const output = moveAway(context, emptying, workload);
      actions.push(...output.actions);
      holds.push(...output.holds);
    }
  }
  return { actions, holds };
};

/** What is in error is moved by nobody: it is named, so that the drain does not just stand there. */
function inErrorHere(context: RuleContext, { host, leaves }: Emptying): readonly Hold[] {
  const stuck = context.view.workloads.filter((one) => one.hostId === host.id && one.state === 'error' && isOurs(context, one) && leaves(one));
  return stuck.map((one) => hold('cannot-move', one.name, `it is in error on ${host.name} and is not moved: ${one.why ?? 'no reason given'}; \`reeve workload clear ${one.name}\``));
}

function whyEmptied(context: RuleContext, host: Host): Emptying | null {
  const { view } = context;
  if (host.leaving && isWaiting(context, host.id, host.leaving)) return { host, sinceMs: host.leaving.sinceMs, why: `${host.name} is going down (${host.leaving.purpose})`, params: {}, ...ALL };
  const drain = host.intent === 'maintenance' ? view.operations.find((operation) => operation.kind === 'drain' && operation.hostId === host.id) : undefined;
  if (!drain || drain.cancelRequested) return inTrouble(context, host);
  return { host, sinceMs: drain.createdAtMs, why: `${host.name} is drained`, params: { drain: drain.id }, ...ALL };
}

/** A move that failed is tried to the same host again after a while: trouble may last for weeks. */
function inTrouble(context: RuleContext, host: Host): Emptying | null {
  const { nowMs, policy } = context;
  const trouble = host.intent === 'maintenance' || host.leaving ? null : lasting(host.trouble, policy.onTrouble.afterMs, nowMs);
  if (trouble === null) return null;
  return {
    host, sinceMs: nowMs - policy.moveRetryMs, why: `${host.name} is in trouble: ${describeTrouble(trouble)}`, params: {},
    leaves: (workload) => leavesTrouble(context, { ...host, trouble }, workload), exclude: (workload) => noBetterThan(context, workload),
  };
}

/** It works on, and puts off its end for as long as the policy says. After that its guests are being stopped: no move begins any more. */
function isWaiting({ verdictOf, policy, nowMs }: RuleContext, id: Host['id'], { sinceMs }: HostLeaving): boolean {
  return (verdictOf(id)?.goingDown ?? null) !== null && nowMs - sinceMs < leaveWithinMs(policy);
}

function moveAway(context: RuleContext, emptying: Emptying, workload: Workload): RuleOutput {
  const { host } = emptying;
  if (context.operationOn(workload.id)) return { actions: [], holds: [] };
  const stuck = whyStuck(workload, host) ?? stuckMate(context, emptying, workload);
  if (stuck) return no(stuck);
  const exclude = [{ hostId: host.id, why: emptying.why }, ...emptying.exclude(workload)];
  // Of an instance that may: what the target must have for it, is asked when there is one.
  const lives = whyNotLive(workload, host, null) === null;
  const tried = [...failedTargets(context, workload, emptying.sinceMs, lives ? 'migrate' : 'relocate'), ...(lives ? notLiveTo(context, workload, host) : [])];
  const leaving = { leftByMates: [host.id], leftByZoneMates: zoneMatesLeave(context, emptying, workload) ? [host.id] : [] };
  const placed = context.ledger.place({ workload, exclude: [...exclude, ...tried], ...leaving });
  if (placed.ok) return beginMove(context, { ...moveOf(emptying, workload), target: placed.value, kind: 'migrate' });
  if (tried.length > 0 && workload.drainPolicy === 'relocate' && lives) {
    const cold = context.ledger.place({ workload, exclude: [...exclude, ...failedTargets(context, workload, emptying.sinceMs, 'relocate')], ...leaving });
    if (cold.ok) return beginMove(context, { ...moveOf(emptying, workload), target: cold.value, kind: 'relocate' });
  }
  // Not for one that could not move when it had a place, nor for hosts that only have trouble.
  const room = tried.length === 0 && emptying.params['drain'] !== undefined ? makeRoom(context, { rule: NAME, workload, exclude, refusals: placed.error.refusals, why: emptying.why }) : null;
  if (room) return room;
  return no(hold('cannot-move', workload.name, `${placed.error.why}; it stays running on ${host.name}; \`reeve workload explain ${workload.name}\``));
}

/** What may move live goes first to where it can; where it can't, it would be stopped for it. */
const notLiveTo = ({ view }: RuleContext, workload: Workload, from: Host): readonly TriedTarget[] => view.hosts.flatMap((to) => {
  const reason = to.id === from.id ? null : whyNotLive(workload, from, to);
  return reason === null ? [] : [{ hostId: to.id, why: `it can't move there while it runs: ${describeNotLive(reason)}` }];
});

const no = (one: Hold): RuleOutput => ({ actions: [], holds: [one] });

const moveOf = ({ host, why, params }: Emptying, workload: Workload): { rule: string; cause: 'drain'; workload: Workload; from: Host; why: string; params: Operation['params'] } => ({ rule: NAME, cause: 'drain', workload, from: host, why, params });

/** In this state a drain moves it. */
export const leavesAtDrain = ({ state }: Workload): boolean => LEAVES.has(state);

export function whyStuck(workload: Workload, host: Host): Hold | null {
  const locked = lockBrake(workload, `it stays on ${host.name}`);
  if (locked) return locked;
  if (workload.drainPolicy === 'leave') return hold('cannot-move', workload.name, `its drain policy says leave: it stays on ${host.name}; move it by \`reeve workload ${movesLive(workload) ? 'migrate' : 'relocate'} ${workload.name}\`, or stop it`);
  if (workload.state === 'paused') return hold('cannot-move', workload.name, `it is paused and can't move live: it stays on ${host.name}; \`reeve workload start ${workload.name}\` resumes it`);
  return null;
}

/** Whoever is there and must stay in one zone with it leaves as well; else it stays in that zone. */
function zoneMatesLeave(context: RuleContext, { host, leaves }: Emptying, workload: Workload): boolean {
  const mates = ruleIndex(context.view.rules).zoneGroup(workload.id).map((id) => context.workloadOf(id));
  return mates.every((mate) => mate?.hostId !== host.id || !LEAVES.has(mate.state) || (leaves(mate) && whyStuck(mate, host) === null));
}

/** One of a group goes only when all can. */
function stuckMate(context: RuleContext, { host, leaves }: Emptying, workload: Workload): Hold | null {
  for (const id of ruleIndex(context.view.rules).group(workload.id)) {
    const mate = id === workload.id ? null : context.workloadOf(id);
    if (!mate || mate.hostId !== host.id || !LEAVES.has(mate.state)) continue;
    const why = leaves(mate) ? whyStuck(mate, host)?.why : `${mate.name} is not protected, and is left to its people: it stays on ${host.name}`;
    if (why !== undefined) return hold('cannot-move', workload.name, `it stays together with ${mate.name}: ${why}`);
  }
  return null;
}
