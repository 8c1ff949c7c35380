// Which moves of others would give a workload a place that has none now.
import type { Host } from '../hosts/host.js';
import type { Workload } from '../workloads/workload.js';
import { makesWay } from './makes-way.js';
import { clusterModel, NOWHERE, type ClusterModel } from './packing/cluster-model.js';
import { orderMoves } from './packing/order-moves.js';
import { Packing } from './packing/packing.js';
import { MOVES_TO_REPAIR, repair } from './packing/repair.js';
import type { PlacementRequest, PlacementView } from './placement.js';

/** It is asked for in a round of the loop: some milliseconds. */
const EFFORT = 200_000;

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
  /** Those that can begin at once; at least one. */
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
  const mayMove = (other: number): boolean => makesWay(model, other) && !(model.units[other]?.workloads.some(leavesAlone) ?? true);
  // One move, if one is enough: two may stand in each other's way, and then no order of them is found.
  for (let most = 1; most <= MOVES_TO_REPAIR; most += 1) {
    const room = roomBy(model, unit, { mayMove, exclude, moves: most });
    if (room) return room;
  }
  return null;
}

interface Trying {
  readonly mayMove: (unit: number) => boolean;
  readonly exclude: PlacementRequest['exclude'];
  readonly moves: number;
}

function roomBy(model: ClusterModel, unit: number, { mayMove, exclude, moves: most }: Trying): Room | null {
  const packing = closedTo(new Packing(model), exclude);
  packing.take(unit);
  if (!repair(packing, unit, { mayMove, moves: most, budget: { left: EFFORT } })) return null;
  const at = model.hosts[packing.take(unit)];
  if (!at) return null;
  // The moves of the others come first, beside what still stands where it was.
  const start = closedTo(new Packing(model), exclude);
  const targets = Int32Array.from(packing.at, (host, row) => (row === unit || host === NOWHERE ? (start.at[row] ?? NOWHERE) : host));
  const { moves, stuck } = orderMoves(start, { targets, perHost: MOVES_TO_REPAIR });
  if (stuck.length > 0 || moves.length === 0) return null;
  return { moves: moves.filter(({ round }) => round === 1).flatMap(({ unit: moved, from, to }) => movesOf(model, moved, from, to)), at };
}

function closedTo(packing: Packing, exclude: PlacementRequest['exclude']): Packing {
  for (const { hostId } of exclude) {
    const row = packing.model.hostRow.get(hostId);
    if (row !== undefined) packing.closed[row] = 1;
  }
  // Nobody is moved to where something is wrong.
  packing.model.hosts.forEach(({ trouble }, row) => {
    if (trouble !== null) packing.closed[row] = 1;
  });
  return packing;
}

function movesOf({ units, hosts }: ClusterModel, unit: number, fromRow: number, toRow: number): readonly RoomMove[] {
  const [from, to] = [hosts[fromRow], hosts[toRow]];
  return from && to ? (units[unit]?.workloads ?? []).map((workload) => ({ workload, from, to })) : [];
}
