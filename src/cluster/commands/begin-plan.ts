// A plan that a person begins: refused while another one is carried out; nothing is begun where there is nothing to move.
import type { Plan } from '../../scheduler/plan.js';
import { UserError } from '../../shared/errors.js';
import { carryOut, type PlanCause } from '../carry-out.js';
import type { Change } from '../change.js';
import { event } from '../cluster-event.js';
import type { ClusterView } from '../cluster-view.js';
import { activeDisarm } from '../disarm.js';
import type { Asked } from './host-commands.js';

export interface BegunPlan extends Asked {
  readonly cause: PlanCause;
  /** "host-1, host-2" of a way back; '' of a balance. */
  readonly about: string;
}

export function beginPlan(view: ClusterView, plan: Pick<Plan, 'moves' | 'rounds'>, { cause, about, by, nowMs }: BegunPlan): readonly Change[] {
  assertNoPlan(view);
  const disarm = activeDisarm(view, nowMs);
  if (disarm) throw new UserError('refused', `the cluster is disarmed (${disarm.mode}) by ${disarm.by}: ${disarm.reason}; nothing is moved meanwhile`, 'reeve arm');
  if (plan.moves.length === 0) return [];
  const what = cause === 'balance' ? 'balances the cluster' : `brings back to ${about} what was drained`;
  return [
    { change: 'operation', operation: carryOut(plan, cause, by, `${by} ${what}`) },
    { change: 'event', event: event('cluster.plan-begun', `${by} ${what}: ${counted(plan.moves.length, 'move')} in ${counted(plan.rounds, 'round')}`, { severity: 'notice', data: { cause, moves: plan.moves.length, rounds: plan.rounds } }) },
  ];
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** Two plans at once would count on the same room. */
function assertNoPlan(view: ClusterView): void {
  const active = view.operations.find(({ kind }) => kind === 'carry-out');
  if (active) throw new UserError('conflict', `a plan is being carried out already (operation ${active.id})`, `reeve operation cancel ${active.id}`);
}
