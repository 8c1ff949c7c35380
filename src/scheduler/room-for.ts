// Which moves of others would give a workload a place that has none now.
import type { Host } from '../hosts/host.js';
import type { Workload } from '../workloads/workload.js';
import { unitMayMove } from './movable.js';
import { clusterModel, NOWHERE, type ClusterModel } from './packing/cluster-model.js';
import { orderMoves } from './packing/order-moves.js';
import { Packing } from './packing/packing.js';
import { MOVES_TO_REPAIR, repair } from './packing/repair.js';
import type { PlacementRequest, PlacementView } from './placement.js';

export interface RoomRequest {
  readonly workload: Workload;
  readonly exclude: PlacementRequest['exclude'];
  /** Of those that could be moved: not these. */
  readonly leavesAlone: (workload: Workload) => boolean;
}

export interface RoomMove {
  readonly workload: Workload;
  readonly from: Host;
  readonly to: Host;
}

export interface Room {
  /** Those that can begin at once; empty: there is a place already. */
  readonly moves: readonly RoomMove[];
  /** Where the place will be. */
  readonly at: Host;
}

/** Null: at most MOVES_TO_REPAIR moves, in any order, make none. */
export function roomFor(view: PlacementView, { workload, exclude, leavesAlone }: RoomRequest): Room | null {
  const stands = view.workloads.some(({ id, hostId }) => id === workload.id && hostId !== null);
  const model = clusterModel(view, stands ? [] : [workload]);
  const unit = model.unitRow.get(workload.id) ?? NOWHERE;
  const one = model.units[unit];
  if (!one || one.isUnderWay) return null;
  const packing = closedTo(new Packing(model), exclude);
  packing.take(unit);
  const mayMove = (other: number): boolean => isFree(model, other, leavesAlone);
  if (!repair(packing, unit, { mayMove, moves: MOVES_TO_REPAIR })) return null;
  const at = model.hosts[packing.take(unit)];
  if (!at) return null;
  // The moves of the others come first, beside what still stands where it was.
  const start = closedTo(new Packing(model), exclude);
  const targets = Int32Array.from(packing.at, (host, row) => (row === unit || host === NOWHERE ? (start.at[row] ?? NOWHERE) : host));
  const { moves } = orderMoves(start, { targets, perHost: MOVES_TO_REPAIR });
  return { moves: moves.filter(({ round }) => round === 1).flatMap(({ unit: moved, from, to }) => movesOf(model, moved, from, to)), at };
}

function closedTo(packing: Packing, exclude: PlacementRequest['exclude']): Packing {
  for (const { hostId } of exclude) {
    const row = packing.model.hostRow.get(hostId);
    if (row !== undefined) packing.closed[row] = 1;
  }
  return packing;
}

function isFree({ units, hosts }: ClusterModel, unit: number, leavesAlone: RoomRequest['leavesAlone']): boolean {
  const one = units[unit];
  return one !== undefined && unitMayMove(one, hosts[one.home]) && !one.workloads.some(leavesAlone);
}

function movesOf({ units, hosts }: ClusterModel, unit: number, fromRow: number, toRow: number): readonly RoomMove[] {
  const [from, to] = [hosts[fromRow], hosts[toRow]];
  return from && to ? (units[unit]?.workloads ?? []).map((workload) => ({ workload, from, to })) : [];
}
