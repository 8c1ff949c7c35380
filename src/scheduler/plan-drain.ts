// What drains of one or several hosts would do: a target for each workload, in rounds that each fit, with others moved to make room where that is needed.
import type { HostId } from '../shared/ids.js';
import { whyNotLive } from '../workloads/live-move.js';
import type { Workload } from '../workloads/workload.js';
import { clusterFigures } from './cluster-figures.js';
import { orderForDrain } from './drain-order.js';
import { makesWay } from './makes-way.js';
import { clusterModel, NOWHERE, type ClusterModel } from './packing/cluster-model.js';
import { orderMoves } from './packing/order-moves.js';
import { Packing } from './packing/packing.js';
import { placeBatch } from './packing/place-batch.js';
import { MOVES_TO_REPAIR, repair } from './packing/repair.js';
import { placeWorkload } from './place-workload.js';
import type { PlacementView } from './placement.js';
import type { Plan, Unplaced } from './plan.js';
import { plannedMoves, toPlan, type PlanTiming } from './to-plan.js';

/** Of all repairs of a plan together. */
const REPAIR_EFFORT = 2_000_000;

export interface DrainOptions {
  /** Moves under way at once from or to one host. */
  readonly movesPerHost: number;
  readonly timing?: PlanTiming;
  /** Why a workload does not leave at all; null: it may. */
  readonly stuck?: (workload: Workload) => string | null;
}

export interface HostsDrainPlan extends Plan {
  /** Names of hosts that can be drained together: one group after the other, each back in service before the next. */
  readonly groups: readonly (readonly string[])[];
}

/** What is stopped stays: it is in nobody's way. */
const LEAVES: ReadonlySet<Workload['state']> = new Set(['running', 'paused', 'starting', 'migrating']);

export function planDrain(view: PlacementView, hostIds: readonly HostId[], options: DrainOptions): HostsDrainPlan {
  const model = clusterModel(view);
  const rows = hostIds.flatMap((id) => model.hostRow.get(id) ?? []);
  const packing = new Packing(model);
  const before = clusterFigures(packing);
  for (const row of rows) packing.closed[row] = 1;
  const leaving = leavingOf(packing, rows);
  const stays = new Map(leaving.flatMap((unit) => whyStays(model, unit, options)));
  const goes = leaving.filter((unit) => !stays.has(unit));
  const targets = targetsOf(packing, hostIds, goes);
  const { moves, stuck } = orderMoves(packing, { targets, perHost: options.movesPerHost });
  const drained = namesOf(view, hostIds);
  const why = (unit: number): string => (leaving.includes(unit) ? `${drained} ${rows.length > 1 ? 'are' : 'is'} drained` : `makes room for what leaves ${drained}`);
  const unplaced = [...stays.values(), ...goes.flatMap((unit) => whyUnplaced(packing, { unit, hostIds, noOrder: stuck.includes(unit), hasTarget: targets[unit] !== model.units[unit]?.home }))];
  return { ...toPlan({ moves: plannedMoves(model, moves, why), unplaced, before, after: clusterFigures(packing) }, options.timing), groups: groupsOf(model, rows, options) };
}

const namesOf = ({ hosts }: PlacementView, ids: readonly HostId[]): string => ids.map((id) => hosts.find((host) => host.id === id)?.name ?? id).join(', ');

/** In the order in which a drain takes them. */
function leavingOf({ standing, model }: Packing, rows: readonly number[]): readonly number[] {
  const here = rows.flatMap((row) => [...(standing[row] ?? [])]).filter((unit) => model.units[unit]?.workloads.some(({ state }) => LEAVES.has(state)));
  const rank = new Map(orderForDrain(here.flatMap((unit) => model.units[unit]?.workloads ?? [])).map(({ id }, nth) => [id, nth]));
  const rankOf = (unit: number): number => Math.min(...(model.units[unit]?.workloads ?? []).map(({ id }) => rank.get(id) ?? Infinity));
  return here.toSorted((one, other) => rankOf(one) - rankOf(other));
}

function whyStays({ units }: ClusterModel, unit: number, { stuck = stuckByItself }: DrainOptions): readonly (readonly [number, Unplaced])[] {
  const { workloads, isUnderWay } = units[unit] ?? { workloads: [], isUnderWay: false };
  const [first] = workloads;
  if (!first) return [];
  for (const one of workloads) {
    const why = isUnderWay ? 'it is on its way already' : stuck(one);
    if (why !== null) return [[unit, { workload: workloads.map(({ name }) => name).join(', '), why: one === first ? why : `${one.name}, which stays together with it: ${why}` }]];
  }
  return [];
}

/** By what it says itself. */
export function stuckByItself(workload: Workload): string | null {
  if (workload.lock !== null) return `it is locked by ${workload.lock.by} (${workload.lock.reason})`;
  if (workload.drainPolicy === 'leave') return 'its drain policy says leave';
  if (workload.state === 'paused') return 'it is paused and can\'t move live';
  return whyNotLive(workload, null, null) !== null && workload.drainPolicy !== 'relocate' ? 'it can\'t move live, and its drain policy does not allow a stop' : null;
}

/** One after the other as a drain places them; for those that find no place so, others are moved, or all are placed together: by which fewer stay. */
function targetsOf(packing: Packing, hostIds: readonly HostId[], goes: readonly number[]): Int32Array {
  const { model } = packing;
  const movable = (unit: number): boolean => makesWay(model, unit);
  const { targets, left } = placeInTurn(packing, hostIds, goes);
  if (left.length === 0) return targets;
  const inTurn = emptied(packing, goes);
  for (const unit of goes) if (!left.includes(unit)) inTurn.put(unit, targets[unit] ?? NOWHERE);
  const budget = { left: REPAIR_EFFORT };
  const stay = left.filter((unit) => !repair(inTurn, unit, { mayMove: (one) => goes.includes(one) || movable(one), moves: MOVES_TO_REPAIR, budget }));
  if (stay.length === 0) return standing(inTurn);
  const together = emptied(packing, goes);
  return placeBatch(together, { units: goes, movable }).unplaced.length < stay.length ? standing(together) : standing(inTurn);
}

function emptied({ model, closed }: Packing, goes: readonly number[]): Packing {
  const trial = new Packing(model);
  trial.closed.set(closed);
  for (const unit of goes) trial.take(unit);
  return trial;
}

/** What has no place stays at home. */
const standing = ({ at, model }: Packing): Int32Array => Int32Array.from(at, (host, unit) => (host === NOWHERE ? (model.units[unit]?.home ?? NOWHERE) : host));

function placeInTurn({ model, at }: Packing, hostIds: readonly HostId[], goes: readonly number[]): { readonly targets: Int32Array; readonly left: readonly number[] } {
  const targets = Int32Array.from(at);
  const left: number[] = [];
  const promised = [...model.view.promised];
  const exclude = hostIds.map((hostId) => ({ hostId, why: 'it is drained' }));
  for (const unit of goes) {
    const workloads = model.units[unit]?.workloads ?? [];
    const [first] = workloads;
    const placed = first ? placeWorkload({ ...model.view, promised }, { workload: first, exclude, leftByMates: hostIds }) : null;
    if (placed?.ok) {
      targets[unit] = model.hostRow.get(placed.value.hostId) ?? NOWHERE;
      for (const { id } of workloads) promised.push({ workloadId: id, hostId: placed.value.hostId });
    } else left.push(unit);
  }
  return { targets, left };
}

interface Left {
  readonly unit: number;
  readonly hostIds: readonly HostId[];
  readonly noOrder: boolean;
  readonly hasTarget: boolean;
}

/** Why it stays, when all that could go has gone. */
function whyUnplaced(packing: Packing, { unit, hostIds, noOrder, hasTarget }: Left): readonly Unplaced[] {
  const { model } = packing;
  const { workloads, home } = model.units[unit] ?? { workloads: [], home: NOWHERE };
  const [first] = workloads;
  if (!first || packing.at[unit] !== home) return [];
  const workload = workloads.map(({ name }) => name).join(', ');
  if (noOrder && hasTarget) return [{ workload, why: 'there is a place for it, and no order of moves by which each would fit when it is made' }];
  const placed = placeWorkload(standingView(packing), { workload: first, exclude: hostIds.map((hostId) => ({ hostId, why: 'it is drained' })), leftByMates: hostIds });
  return [{ workload, why: placed.ok ? 'no place was found for it beside the others' : placed.error.why }];
}

/** The view with each workload where the packing has it. */
export function standingView({ model, at }: Packing): PlacementView {
  const workloads = model.view.workloads.map((workload) => {
    const host = model.hosts[at[model.unitRow.get(workload.id) ?? NOWHERE] ?? NOWHERE];
    return host && host.id !== workload.hostId ? { ...workload, hostId: host.id } : workload;
  });
  return { ...model.view, workloads };
}

/** As few as are found: the fullest first, each into the first group that bears it. */
function groupsOf(model: ClusterModel, rows: readonly number[], options: DrainOptions): readonly (readonly string[])[] {
  if (rows.length < 2) return rows.map((row) => [model.hosts[row]?.name ?? '']);
  const packing = new Packing(model);
  const bears = (group: readonly number[]): boolean => canLeave(packing, group, options);
  if (bears(rows)) return [rows.map((row) => model.hosts[row]?.name ?? '')];
  const groups: number[][] = [];
  const load = (row: number): number => [...(packing.standing[row] ?? [])].length;
  for (const row of [...rows].sort((one, other) => load(other) - load(one) || one - other)) {
    const group = groups.find((some) => bears([...some, row]));
    if (group) group.push(row);
    else groups.push([row]);
  }
  return groups.map((group) => group.map((row) => model.hosts[row]?.name ?? ''));
}

/** All that may leave these hosts finds a place beside the rest. Leaves the packing as it was. */
function canLeave(packing: Packing, rows: readonly number[], options: DrainOptions): boolean {
  const goes = leavingOf(packing, rows).filter((unit) => whyStays(packing.model, unit, options).length === 0);
  const homes = goes.map((unit) => packing.take(unit));
  for (const row of rows) packing.closed[row] = 1;
  // Asked for many groups: what is found at once is enough.
  const { unplaced } = placeBatch(packing, { units: goes, effort: 0 });
  for (const unit of goes) packing.take(unit);
  for (const row of rows) packing.closed[row] = 0;
  goes.forEach((unit, nth) => packing.put(unit, homes[nth] ?? NOWHERE));
  return unplaced.length === 0;
}
