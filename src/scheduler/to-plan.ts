// From moves of units in rows to a plan that people and rules read.
import type { ClusterFigures, Plan, PlannedMove, Unplaced } from './plan.js';
import type { Host } from '../hosts/host.js';
import { whyNotLive } from '../workloads/live-move.js';
import type { Workload } from '../workloads/workload.js';
import type { ClusterModel } from './packing/cluster-model.js';
import type { OrderedMove } from './packing/order-moves.js';

export interface PlanTiming {
  /** What a move copies in a second. */
  readonly copyMiBps: number;
  /** What each round takes besides. */
  readonly roundS: number;
}

/** A migration over a link of 10 Gbit/s copies somewhat more; what is set by `migration.bandwidthMiBps` is taken where it is set. */
export const DEFAULT_TIMING: PlanTiming = { copyMiBps: 1_000, roundS: 3 };

export interface PlanParts {
  readonly moves: readonly PlannedMove[];
  readonly unplaced: readonly Unplaced[];
  readonly before: ClusterFigures;
  readonly after: ClusterFigures;
}

export function toPlan({ moves, unplaced, before, after }: PlanParts, { copyMiBps, roundS }: PlanTiming = DEFAULT_TIMING): Plan {
  const rounds = moves.reduce((most, { round }) => Math.max(most, round), 0);
  const longest = new Array<number>(rounds).fill(0);
  for (const { round, memoryMiB, how } of moves) if (how !== 'start') longest[round - 1] = Math.max(longest[round - 1] ?? 0, memoryMiB / copyMiBps);
  const moved = moves.some(({ how }) => how !== 'start');
  return { moves, unplaced, before, after, rounds, estimatedS: moved ? Math.ceil(longest.reduce((sum, one) => sum + one + roundS, 0)) : null };
}

/** A unit's members each, in one round. `why`: of what is not a stopover. */
export function plannedMoves(model: ClusterModel, moves: readonly OrderedMove[], why: (unit: number) => string): readonly PlannedMove[] {
  return moves.flatMap(({ unit, from, to, round, isStopover }) => {
    const [source, target] = [model.hosts[from], model.hosts[to]];
    if (!target) return [];
    return (model.units[unit]?.workloads ?? []).map((workload) => planned(workload, source ?? null, target, { round, why: isStopover ? `stops over, to be out of the way: ${why(unit)}` : why(unit) }));
  });
}

export function planned(workload: Workload, from: Host | null, to: Host, { round, why, how }: { readonly round: number; readonly why: string; readonly how?: PlannedMove['how'] }): PlannedMove {
  return {
    workloadId: workload.id, workload: workload.name, from: from?.name ?? null, fromId: from?.id ?? null, to: to.name, toId: to.id, round, how: how ?? (whyNotLive(workload, from, to) === null ? 'live' : 'cold'), why, memoryMiB: workload.needs.memoryMiB,
  };
}
