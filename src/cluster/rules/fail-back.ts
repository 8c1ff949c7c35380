// Failback: a workload goes back live to the host that its rules prefer, once that has been well for a while.
import { preference } from '../../scheduler/score-rules.js';
import { ruleIndex } from '../../scheduler/placement-rule.js';
import { zoneMatesOf } from '../../scheduler/standing.js';
import { standsThere } from '../../scheduler/zones.js';
import type { Host } from '../../hosts/host.js';
import { movesLive, type Workload } from '../../workloads/workload.js';
import { hold, type Action, type Hold } from '../decision.js';
import type { Rule, RuleContext, RuleOutput } from '../decide.js';
import { beginMove, failedTargets } from './begin-move.js';
import { disarmBrake } from './brakes.js';
import { bringMates } from './bring-mates.js';
import { groupOf, groupPreference, staysBehind, waitsForRoom } from './group-moves.js';
import { isOurs, lockBrake } from './workload-brakes.js';

const NAME = 'failBack';
const NOTHING: RuleOutput = { actions: [], holds: [] };

export const failBack: Rule = (context) => {
  const actions: Action[] = [];
  const holds: Hold[] = [];
  for (const workload of context.view.rules.some((rule) => rule.type === 'hosts') ? context.view.workloads : []) {
    if (!workload.failback || workload.state !== 'running' || workload.desired !== 'running' || !workload.isProtected || !isOurs(context, workload)) continue;
    const output = goBack(context, workload);
    actions.push(...output.actions);
    holds.push(...output.holds);
  }
  return { actions, holds };
};

function goBack(context: RuleContext, workload: Workload): RuleOutput {
  const home = context.hostOf(workload.hostId);
  const rules = ruleIndex(context.view.rules).hosts(workload.id);
  if (!home || home.condition !== 'online' || home.intent === 'maintenance' || home.leaving || rules.length === 0 || context.operationOn(workload.id)) return NOTHING;
  const group = groupOf(context, workload);
  if (isPromised(context, group) || group.some((mate) => context.isActedOn(mate.name) || (mate.id !== workload.id && context.operationOn(mate.id))) || staysBehind(context, workload, home).length > 0) return NOTHING;
  const [here, ofGroup] = [preference(rules, home.id), groupPreference(context, group, home.id)];
  const better = context.view.hosts.filter((host) => preference(rules, host.id) > here && groupPreference(context, group, host.id) > ofGroup && host.condition === 'online' && staysInZone(context, workload, home, host));
  const well = better.filter((host) => isWell(context, host));
  if (well.length === 0) return better.length === 0 ? NOTHING : no(hold('cooldown', workload.name, `it goes back to ${names(better)} once that has been well for ${Math.round(context.policy.failbackAfterMs / 1000)} s; \`reeve workload migrate ${workload.name}\` does not wait`));
  const others = context.view.hosts.filter((host) => !well.includes(host)).map((host) => ({ hostId: host.id, why: host.id === home.id ? 'it is there now' : 'it is not preferred' }));
  const tried = failedTargets(context, workload, context.nowMs - context.policy.moveRetryMs);
  const placed = context.ledger.place({ workload, exclude: [...others, ...tried], leftByMates: [home.id] });
  if (!placed.ok) return NOTHING;
  const along = group.filter((one) => one.hostId === home.id && one.state === 'running');
  const mate = along.find((one) => one.id !== workload.id && !movesLive(one));
  if (mate) return no(hold('cannot-move', workload.name, `it stays together with ${mate.name}, which can't move live and is not stopped for a preference: \`reeve workload relocate ${mate.name} --to ${placed.value.host}\``));
  const brake = disarmBrake(context) ?? lockBrake(workload, `it does not go back to ${placed.value.host}`) ?? (along.length > 1 ? waitsForRoom(context, workload, along.length, [home, placed.value]) : null);
  if (brake) return no(brake);
  const own = beginMove(context, { rule: NAME, cause: 'failback', workload, from: home, target: placed.value, kind: 'migrate', why: `${placed.value.host} is preferred and well again` });
  if (own.actions.length === 0) return own;
  const mates = bringMates(context, { rule: NAME, cause: 'failback', workload, from: home, target: placed.value });
  return { actions: [...own.actions, ...mates.actions], holds: [...own.holds, ...mates.holds] };
}

/** Nobody who must stay in one zone with it is left behind in another one: those on one host with it come along. */
function staysInZone({ view, ledger }: RuleContext, workload: Workload, home: Host, target: Host): boolean {
  const index = ruleIndex(view.rules);
  if (index.zoneGroup(workload.id).length === index.group(workload.id).length) return true;
  return zoneMatesOf(ledger.view(), { workload, exclude: [], leftByMates: [home.id] }).anchors.every(({ hostIds }) => standsThere(view.hosts, 'zone', hostIds, target));
}

/** A mate took it along in this round. */
function isPromised({ ledger, operationOn }: RuleContext, group: readonly Workload[]): boolean {
  const promised = new Set(ledger.view().promised.map((promise) => promise.workloadId));
  return group.some((one) => promised.has(one.id) && operationOn(one.id) === null);
}

const no = (one: Hold): RuleOutput => ({ actions: [], holds: [one] });
const names = (hosts: readonly Host[]): string => hosts.map((host) => host.name).join(', ');

/** Admitted long enough ago, heard now, and nothing is wrong with it. */
function isWell({ nowMs, policy, verdictOf }: RuleContext, host: Host): boolean {
  return host.trouble === null && verdictOf(host.id)?.hearing === 'heard' && nowMs - host.conditionSinceMs >= policy.failbackAfterMs;
}
