// What people may ask to be planned: the loss of hosts, a drain, evenness, the way back; each as it is told to them, with names.
import { DEFAULT_BALANCE, planBalance } from '../../scheduler/plan-balance.js';
import { planDrain } from '../../scheduler/plan-drain.js';
import { planLoss } from '../../scheduler/plan-loss.js';
import { planReturn, type Homecoming } from '../../scheduler/plan-return.js';
import type { PlacementView } from '../../scheduler/placement.js';
import type { ClusterFigures, Plan, PlannedMove, Unplaced } from '../../scheduler/plan.js';
import type { HostId } from '../../shared/ids.js';
import { UserError } from '../../shared/errors.js';
import { movedLately } from '../balance-watch.js';
import type { ClusterPolicy } from '../cluster-policy.js';
import { findHost } from './find.js';

export const PLAN_KINDS = ['loss', 'drain', 'balance', 'return'] as const;
export type PlanKind = (typeof PLAN_KINDS)[number];

export interface PlanRequest {
  readonly kind: PlanKind;
  /** Names or ids; none for balance. */
  readonly hosts: readonly string[];
}

export interface PlanDocument {
  readonly kind: PlanKind;
  readonly hosts: readonly string[];
  readonly moves: readonly Omit<PlannedMove, 'workloadId' | 'fromId' | 'toId'>[];
  readonly unplaced: readonly Unplaced[];
  readonly before: ClusterFigures;
  readonly after: ClusterFigures;
  readonly rounds: number;
  readonly estimatedS: number | null;
  /** Of a drain: which of the hosts can be drained together, in this order. */
  readonly groups?: readonly (readonly string[])[];
}

/** Plain data: it may be planned in another thread. */
export interface Planning {
  readonly view: PlacementView;
  readonly policy: Pick<ClusterPolicy, 'startsPerHost' | 'migrationsPerHost' | 'rebalance' | 'handMadeMs'>;
  /** What goes back to where a drain took it from. */
  readonly wanted: readonly Homecoming[];
  /** A balance leaves alone what a person moved lately; null: whoever moved what, and when, does not count. */
  readonly nowMs: number | null;
}

export function planned(planning: Planning, { kind, hosts }: PlanRequest): PlanDocument {
  if (kind !== 'balance' && hosts.length === 0) throw new UserError('invalid', `host: of which host? A plan of kind ${kind} is about one at least`, `reeve plan ${kind} HOST`);
  const named = hosts.map((name) => findHost(planning.view, name));
  const unique = named.filter((host, index) => named.indexOf(host) === index);
  const plan = planOf(planning, kind, unique.map(({ id }) => id));
  return {
    kind, hosts: unique.map(({ name }) => name), moves: plan.moves.map(({ workloadId: _workload, fromId: _from, toId: _to, ...told }) => told), unplaced: plan.unplaced,
    before: plan.before, after: plan.after, rounds: plan.rounds, estimatedS: plan.estimatedS, ...('groups' in plan ? { groups: plan.groups } : {}),
  };
}

export function planOf({ view, policy, wanted, nowMs }: Planning, kind: PlanKind, hostIds: readonly HostId[]): Plan & { readonly groups?: readonly (readonly string[])[] } {
  const movesPerHost = policy.migrationsPerHost;
  if (kind === 'loss') return planLoss(view, hostIds, { startsPerHost: policy.startsPerHost });
  if (kind === 'drain') return planDrain(view, hostIds, { movesPerHost });
  if (kind === 'return') return planReturn(view, wanted, { movesPerHost });
  return planBalance(view, { ...DEFAULT_BALANCE, movesPerHost, method: policy.rebalance?.method ?? DEFAULT_BALANCE.method, ...(nowMs === null ? {} : { leaveAlone: movedLately(policy, nowMs) }) });
}
