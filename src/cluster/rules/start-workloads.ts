// Workloads that should run and do not are started: here, then elsewhere, then a person is asked. Highest priority first.
import { hardRuleAgainst } from '../../scheduler/hard-rules.js';
import { orderForRecovery } from '../../scheduler/drain-order.js';
import { afterFailure, forgetFailures, type RestartDecision } from '../../workloads/restart-policy.js';
import type { Finding } from '../../workloads/reconcile-observed.js';
import type { Host } from '../../hosts/host.js';
import type { HostId } from '../../shared/ids.js';
import type { HostRefusal, NoPlacement, Placement } from '../../scheduler/placement.js';
import { ruleIndex } from '../../scheduler/placement-rule.js';
import { movesLive, NO_FAILURES, type Workload } from '../../workloads/workload.js';
import type { Change, NewOperation, WorkloadFields } from '../change.js';
import { event } from '../cluster-event.js';
import { hold, type Action, type Hold } from '../decision.js';
import { runsUnderLease } from '../runs-under-lease.js';
import type { Rule, RuleContext, RuleOutput } from '../decide.js';
import { disarmBrake } from './brakes.js';
import { setWaiting } from './set-waiting.js';
import { retryBrake, startsBrake } from './start-brakes.js';
import { startOrder } from './start-order.js';
import { isOurs, lockBrake } from './workload-brakes.js';
import { bringMates, matesAlong } from './bring-mates.js';
import { waitsForRoom } from './group-moves.js';

const NAME = 'startWorkloads';
const NOTHING: RuleOutput = { actions: [], holds: [] };

export const startWorkloads: Rule = (context) => {
  const actions: Action[] = [];
  const holds: Hold[] = [];
  for (const workload of orderForRecovery(context.view.workloads.filter((one) => one.desired === 'running' && !isFeared(context, one) && isOurs(context, one)))) {
    const output = workload.state === 'error' ? no(inError(workload)) : look(context, workload);
    actions.push(...output.actions);
    holds.push(...output.holds);
  }
  return { actions, holds };
};

/** Its home is lost, and may run it. A home that is admitted again shows what is true: there it starts if it ended with the lease. */
const isFeared = (context: RuleContext, { state, hostId }: Workload): boolean => state === 'awaiting-fence' && context.hostOf(hostId)?.condition !== 'online';

const no = (...holds: readonly Hold[]): RuleOutput => ({ actions: [], holds });

function inError(workload: Workload): Hold {
  return hold('in-error', workload.name, `${workload.why ?? 'it failed for good'}; it is left alone until \`reeve workload clear ${workload.name}\``);
}

function look(context: RuleContext, workload: Workload): RuleOutput {
  if (context.operationOn(workload.id)) return NOTHING;
  const home = context.hostOf(workload.hostId);
  if (!home) return workload.hostId === null && workload.state === 'waiting' ? guarded(context, workload, () => retried(context, workload) ?? startSomewhere(context, workload)) : NOTHING;
  if (home.condition !== 'online' || home.leaving !== null) return NOTHING;
  const [finding] = context.findings(workload);
  if (finding?.kind === 'running-as-wanted') return forget(context, workload);
  if (isWaitingToStart(workload, finding)) return guarded(context, workload, () => retried(context, workload) ?? (workload.state === 'frozen' ? startHere(context, workload, home, FRESH(`${home.name} is back`)) : startSomewhere(context, workload)));
  if (!finding || !isToBeTriedAgain(workload, finding)) return NOTHING;
  if (!workload.isProtected) return sayEnded(workload, finding.why);
  // A start that failed has said more than what is seen now.
  const ended = workload.state === 'waiting' && workload.failures.lastAtMs !== null ? (workload.why ?? finding.why) : finding.why;
  return guarded(context, workload, () => restart(context, workload, home, ended));
}

type Away = Extract<Finding, { kind: 'failed' | 'stopped-by-hand' | 'missing' }>;
const isAway = (finding: Finding | undefined): finding is Away => finding?.kind === 'failed' || finding?.kind === 'stopped-by-hand' || finding?.kind === 'missing';

/** It ended by itself; or it was asked for and its start failed, which leaves it shown as it was stopped before. */
function isToBeTriedAgain({ state }: Workload, finding: Finding): finding is Away {
  return finding.kind === 'failed' || (state === 'waiting' && isAway(finding));
}

/** Asked for, or frozen with its host; not one whose start has failed: that is counted. */
function isWaitingToStart(workload: Workload, finding: Finding | undefined): boolean {
  return isAway(finding) && (workload.state === 'frozen' || (workload.state === 'waiting' && workload.failures.lastAtMs === null));
}

function retried(context: RuleContext, workload: Workload): RuleOutput | null {
  const brake = retryBrake(context, workload);
  return brake ? no(brake) : null;
}

function guarded(context: RuleContext, workload: Workload, act: () => RuleOutput): RuleOutput {
  const disarmed = disarmBrake(context);
  if (disarmed) return no(disarmed);
  const { brake, notes } = startOrder(context, workload);
  if (brake) return no(brake);
  const output = act();
  return { ...output, holds: [...output.holds, ...notes] };
}

function forget({ nowMs, policy }: RuleContext, workload: Workload): RuleOutput {
  const failures = forgetFailures(workload.failures, nowMs, policy.failuresForgottenMs);
  return failures === null ? NOTHING : { actions: [act(workload, 'it ran well for a while', [update(workload, { failures })])], holds: [] };
}

function sayEnded(workload: Workload, why: string): RuleOutput {
  if (workload.state === 'stopped' && workload.why === why) return NOTHING;
  const told = event('workload.ended', `${workload.name}: ${why}; it is not protected and stays so`, { severity: 'warning', workload: workload.name });
  return { actions: [act(workload, why, [update(workload, { state: 'stopped', why }), { change: 'event', event: told }])], holds: [] };
}

/** What a start is told as, and what is counted with it. */
interface Again {
  readonly why: string;
  readonly failures: Workload['failures'];
}

const FRESH = (why: string): Again => ({ why, failures: NO_FAILURES });

/** At home if that may have it now, else where it may be. */
function startSomewhere(context: RuleContext, workload: Workload): RuleOutput {
  const placed = context.ledger.place({ workload, exclude: [] });
  if (!placed.ok) return setWaiting(NAME, workload, placed.error);
  const home = context.hostOf(workload.hostId);
  const better = home && home.id !== placed.value.hostId && choosesAnew(context, workload) ? placed.value : null;
  if (home && better) return relocate(context, workload, home, better, FRESH(`it is wanted running, and placement prefers ${better.host} to ${home.name} now`));
  if (home && placed.value.ranking.some((one) => one.hostId === home.id)) return startHere(context, workload, home, FRESH('it is wanted running'));
  const stays = home ? staysWithData(context, workload, home, placed.value) : null;
  if (stays) return setWaiting(NAME, workload, stays);
  const target = { hostId: placed.value.hostId, host: placed.value.host };
  return home ? relocate(context, workload, home, target, FRESH(`it is wanted running, and ${home.name} may not have it now`)) : startAt(context, workload, target, FRESH('it is wanted running'));
}

/** Its data can be had from everywhere, and nobody has to stay with it. */
function choosesAnew({ policy, view }: RuleContext, workload: Workload): boolean {
  return policy.rebalanceOnStart && movesLive(workload) && ruleIndex(view.rules).group(workload.id).length === 1;
}

/** A host that was just admitted has its lease in a moment; until then no other one is worth copying all of it there. */
const SETTLES_MS = 30_000;
const SETTLING: ReadonlySet<HostRefusal['code']> = new Set(['not-heard', 'no-lease', 'hypervisor-silent']);

function staysWithData({ nowMs }: RuleContext, workload: Workload, home: Host, { refusals }: Placement): NoPlacement | null {
  const here = movesLive(workload) ? undefined : refusals.find((one) => one.hostId === home.id && SETTLING.has(one.code));
  if (!here || nowMs - home.conditionSinceMs > SETTLES_MS) return null;
  return { code: 'no-legal-host', why: `its data are on ${home.name}, which was just admitted: ${here.why}; it starts there in a moment`, refusals };
}

function restart(context: RuleContext, workload: Workload, host: Host, ended: string): RuleOutput {
  if (runsUnderLease(workload, host) && context.verdictOf(host.id)?.lease?.held === false) return awayFromLeaseless(context, workload, host);
  if (endedWithLease(context, workload, host)) return startHere(context, workload, host, { failures: workload.failures, why: `${ended}, when ${host.name} was cut off (not counted as its failure): start` });
  const decision = afterFailure(workload, context.nowMs, context.policy.restartBackoff);
  if (decision.kind === 'wait') return no(hold('cooldown', workload.name, `${ended}; ${decision.why}; \`reeve workload start ${workload.name}\` does not wait`));
  if (decision.kind === 'give-up') return giveUp(workload, `${ended}; ${decision.why}`);
  const again = { failures: decision.failures, why: `${ended}; ${decision.why}` };
  return decision.kind === 'restart-here' ? startHere(context, workload, host, again) : restartElsewhere(context, workload, host, { again, decision });
}

/** From the end of a cut to the look that shows what ended in it; inventories are read every few seconds. */
const SEEN_WITHIN_MS = 15_000;

/** A host that is in doubt, or was a moment ago, has ended by itself what runs under its lease. Nobody's failure, however often the network fails. */
function endedWithLease({ verdictOf, nowMs }: RuleContext, workload: Workload, host: Host): boolean {
  const verdict = verdictOf(host.id);
  if (!verdict || workload.leasedOn !== host.id || !runsUnderLease(workload, host)) return false;
  return verdict.hearing === 'suspect' || (verdict.heardAgainMs !== null && nowMs - verdict.heardAgainMs < SEEN_WITHIN_MS);
}

/** It ended with its host's lease, which is nobody's failure; there it can't start before the lease is back. */
function awayFromLeaseless(context: RuleContext, workload: Workload, host: Host): RuleOutput {
  const placed = context.ledger.place({ workload, exclude: [] });
  if (!placed.ok) return setWaiting(NAME, workload, placed.error);
  const stays = staysWithData(context, workload, host, placed.value);
  if (stays) return setWaiting(NAME, workload, stays);
  return relocate(context, workload, host, placed.value, { failures: workload.failures, why: `${host.name} has lost its lease: no majority of voters acknowledges it` });
}

function giveUp(workload: Workload, why: string): RuleOutput {
  const told = event('workload.error', `${workload.name}: ${why}; \`reeve workload clear ${workload.name}\``, { severity: 'alert', workload: workload.name });
  return { actions: [act(workload, why, [update(workload, { state: 'error', why }), { change: 'event', event: told }])], holds: [] };
}

/** Where it was, unless a hard rule has come to be against that. */
function startHere(context: RuleContext, workload: Workload, host: Host, again: Again): RuleOutput {
  const against = hardRuleAgainst(context.ledger.view(), workload, host);
  if (!against) return startAt(context, workload, { hostId: host.id, host: host.name }, again);
  const placed = context.ledger.place({ workload, exclude: [{ hostId: host.id, why: against.why }] });
  if (!placed.ok) return setWaiting(NAME, workload, placed.error);
  return relocate(context, workload, host, placed.value, { ...again, why: `${again.why}; on ${host.name} ${against.why}` });
}

/** Elsewhere only if another host may have it at all: where none may, trying it elsewhere can't help. */
function restartElsewhere(context: RuleContext, workload: Workload, host: Host, { again, decision }: { readonly again: Again; readonly decision: RestartDecision }): RuleOutput {
  const placed = context.ledger.place({ workload, exclude: [{ hostId: host.id, why: `it failed on ${host.name}` }], leftByMates: [host.id] });
  if (placed.ok) return relocateGroup(context, workload, host, placed.value, again);
  if (placed.error.code === 'no-legal-host') return giveUp(workload, `${again.why} is not possible, ${placed.error.why}`);
  return setWaiting(NAME, workload, placed.error, decision.kind === 'relocate' && workload.failures.lastAtMs === null ? { failures: { ...workload.failures, lastAtMs: context.nowMs } } : {});
}

interface Target {
  readonly hostId: HostId;
  readonly host: string;
}

function startAt(context: RuleContext, workload: Workload, target: Target, again: Again): RuleOutput {
  const busy = startsBrake(context, workload, target);
  if (busy) return no(busy);
  context.ledger.promise(workload.id, target.hostId, 'start', null);
  const why = `${again.why} on ${target.host}`;
  return begin(workload, { ...again, why }, { kind: 'start', workloadId: workload.id, hostId: workload.hostId, targetHostId: target.hostId, requestedBy: `rule:${NAME}`, reason: why });
}

/** It does not run at its healthy host, which is asked again before the start elsewhere; its definition there goes. */
function relocate(context: RuleContext, workload: Workload, host: Host, target: Target, again: Again): RuleOutput {
  const reason = lockBrake(workload, 'it is not moved') ?? startsBrake(context, workload, target);
  if (reason) return no(reason);
  context.ledger.promise(workload.id, target.hostId, 'relocate', host.id);
  const why = `${again.why}, to ${target.host}`;
  return begin(workload, { ...again, why }, { kind: 'relocate', workloadId: workload.id, hostId: host.id, targetHostId: target.hostId, requestedBy: `rule:${NAME}`, reason: why, params: { isRestart: true, cause: 'restart' } });
}

/** Those that must stay with it move at once, not only when the rule is found broken: so not before there is room for their moves. */
function relocateGroup(context: RuleContext, workload: Workload, host: Host, target: Target, again: Again): RuleOutput {
  const along = matesAlong(context, workload, host).length;
  const crowded = along === 0 ? null : waitsForRoom(context, workload, along + 1, [host, target]);
  if (crowded) return no(crowded);
  const own = relocate(context, workload, host, target, again);
  if (own.actions.length === 0) return own;
  const mates = bringMates(context, { rule: NAME, workload, from: host, target });
  return { actions: [...own.actions, ...mates.actions], holds: [...own.holds, ...mates.holds] };
}

function begin(workload: Workload, { why, failures }: Again, operation: NewOperation): RuleOutput {
  const told = event('workload.restarting', `${workload.name}: ${why}`, { severity: failures === NO_FAILURES ? 'notice' : 'warning', workload: workload.name });
  const changes: Change[] = [update(workload, { state: 'starting', why, failures }), { change: 'operation', operation }, { change: 'event', event: told }];
  return { actions: [act(workload, why, changes)], holds: [] };
}

const update = (workload: Workload, set: WorkloadFields): Change => ({ change: 'workload', id: workload.id, set });
const act = (workload: Workload, why: string, changes: readonly Change[]): Action => ({ rule: NAME, about: workload.name, why, changes });
