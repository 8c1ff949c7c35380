// Pools of hosts that surely have no power, on storage that others see too, are taken over: what runs in them is recovered where they are then.
import { isOff, type Host, type TakenPool } from '../../hosts/host.js';
import type { Change } from '../change.js';
import { event } from '../cluster-event.js';
import type { Action } from '../decision.js';
import type { Rule, RuleContext } from '../decide.js';
import { planTakeOver, poolsToTake, type PoolPlan } from '../lost-pools.js';
import { stragglersOf } from '../pool-moves.js';
import { disarmBrake } from './brakes.js';

const NAME = 'takeOverPools';

export const takeOverPools: Rule = (context) => {
  if (disarmBrake(context)) return { actions: [], holds: [] };
  const mayBeginHere = (host: Host): boolean => isOff(host) || host.takenPools.some((one) => one.isClaimed && !one.isDone);
  // Why one is not taken over is said of each workload that waits for it.
  return { actions: context.view.hosts.flatMap((host) => [...stragglers(context, host), ...(mayBeginHere(host) ? nextOf(context, host) : [])]), holds: [] };
};

function stragglers({ view, nowMs }: RuleContext, host: Host): readonly Action[] {
  const changes = stragglersOf(view, host, nowMs);
  return changes.length === 0 ? [] : [{ rule: NAME, about: host.name, why: `what lay in a pool of ${host.name} that was taken over follows it`, changes }];
}

/** One pool of a host after the other. */
function nextOf(context: RuleContext, owner: Host): readonly Action[] {
  for (const pool of poolsToTake(context, owner)) {
    const begin = planTakeOver(context, owner, pool)?.begin;
    if (begin) return [begun(context, owner, begin)];
  }
  return [];
}

function begun({ nowMs }: RuleContext, owner: Host, { target, request }: NonNullable<PoolPlan['begin']>): Action {
  const { driver, pool } = request;
  const before = owner.takenPools.find((one) => one.driver === driver && one.pool === pool);
  const taken: TakenPool = { ...request, byHostId: target.id, isClaimed: before?.isClaimed ?? false, isDone: false, atMs: nowMs };
  const why = `${owner.name} has no power (${owner.proof?.kind ?? 'its pool has its new name already'}): its pool ${pool} is taken over by ${target.name}`;
  const changes: Change[] = [
    { change: 'host', id: owner.id, set: { takenPools: [...owner.takenPools.filter((one) => one !== before), taken] } },
    { change: 'operation', operation: { kind: 'take-pool', workloadId: null, hostId: owner.id, targetHostId: target.id, requestedBy: `rule:${NAME}`, reason: why, params: { driver, pool }, proof: owner.proof } },
    { change: 'event', event: event('host.pool-taking', why, { severity: 'notice', host: target.name, data: { pool, from: owner.name, to: target.name, proof: owner.proof?.kind ?? null } }) },
  ];
  return { rule: NAME, about: owner.name, why, changes };
}
