// A plan that is carried out: what its operation says of it, and how each of its moves stands. Written down by its rule alone, so that whoever leads next goes on from there.
import type { Plan } from '../scheduler/plan.js';
import type { HostId, OperationId, WorkloadId } from '../shared/ids.js';
import type { Change, NewOperation } from './change.js';
import type { Operation } from './operation.js';

export type PlanCause = 'balance' | 'return';

export interface PlanMove {
  readonly workloadId: WorkloadId;
  readonly workload: string;
  readonly from: HostId;
  readonly to: HostId;
  readonly round: number;
}

/** begun: its operation is under way, or has ended and that was not looked at yet. The others are for good. */
export type Standing = 'begun' | 'moved' | 'failed' | 'skipped';

export interface Settled {
  readonly as: Standing;
  readonly why: string | null;
}

export interface CarriedPlan {
  readonly id: OperationId;
  readonly cause: PlanCause;
  readonly moves: readonly PlanMove[];
  /** By workload id. */
  readonly settled: Readonly<Record<string, Settled>>;
}

/** What starts is not moved: only moves are carried out. */
export function carryOut({ moves }: Pick<Plan, 'moves'>, cause: PlanCause, requestedBy: string, reason: string): NewOperation {
  const planned = moves.flatMap(({ workloadId, workload, fromId, toId, round }): readonly PlanMove[] => (fromId === null ? [] : [{ workloadId, workload, from: fromId, to: toId, round }]));
  return { kind: 'carry-out', workloadId: null, hostId: null, targetHostId: null, requestedBy, reason, params: { cause, moves: planned } };
}

export function carriedPlan({ id, params, memo }: Operation): CarriedPlan {
  return { id, cause: params['cause'] === 'return' ? 'return' : 'balance', moves: (params['moves'] ?? []) as readonly PlanMove[], settled: (memo['settled'] ?? {}) as CarriedPlan['settled'] };
}

export const noteOf = (id: OperationId, settled: CarriedPlan['settled']): Change => ({ change: 'note-operation', id, memo: { settled } });

/** By its place in the plan, one workload may have two moves, the first of them out of the way: each stands for itself. */
export const keyOf = ({ workloadId, round }: PlanMove): string => `${workloadId} ${round}`;

export const standingOf = ({ settled }: CarriedPlan, move: PlanMove): Settled | null => settled[keyOf(move)] ?? null;

export const isOver = (plan: CarriedPlan, move: PlanMove): boolean => (standingOf(plan, move)?.as ?? 'begun') !== 'begun';

/** "5 moved, 1 skipped: vm-7 (it is on host-2 now)". */
export function summaryOf(plan: CarriedPlan): string {
  const count = (as: Standing): number => plan.moves.filter((move) => standingOf(plan, move)?.as === as).length;
  const bad = plan.moves.flatMap((move) => {
    const stands = standingOf(plan, move);
    return stands?.as === 'failed' || stands?.as === 'skipped' ? [`${move.workload} (${stands.why ?? stands.as})`] : [];
  });
  const counts = (['moved', 'failed', 'skipped'] as const).flatMap((as) => (count(as) > 0 ? [`${count(as)} ${as}`] : []));
  return `${counts.length === 0 ? 'nothing was moved' : counts.join(', ')}${bad.length === 0 ? '' : `: ${bad.join('; ')}`}`;
}
