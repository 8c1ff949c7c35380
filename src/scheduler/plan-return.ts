// The way back after a drain: what had left goes home, in rounds that each fit.
import type { HostId, WorkloadId } from '../shared/ids.js';
import { clusterFigures } from './cluster-figures.js';
import { clusterModel, NOWHERE, type ClusterModel } from './packing/cluster-model.js';
import { orderMoves } from './packing/order-moves.js';
import { Packing } from './packing/packing.js';
import { placeWorkload } from './place-workload.js';
import type { PlacementView } from './placement.js';
import { standingView, stuckByItself, type DrainOptions } from './plan-drain.js';
import type { Plan, Unplaced } from './plan.js';
import { plannedMoves, toPlan } from './to-plan.js';

export interface Homecoming {
  readonly workloadId: WorkloadId;
  readonly hostId: HostId;
}

/** What is gone, stands there already, or may not be moved is left out, the last with its reason. */
export function planReturn(view: PlacementView, wanted: readonly Homecoming[], options: DrainOptions): Plan {
  const model = clusterModel(view);
  const packing = new Packing(model);
  const before = clusterFigures(packing);
  const targets = Int32Array.from(packing.at);
  const unplaced: Unplaced[] = [];
  for (const { workloadId, hostId } of wanted) {
    const unit = model.unitRow.get(workloadId) ?? NOWHERE;
    const stays = whyStays(model, unit, options) ?? staysInZone(packing, unit, model.hostRow.get(hostId) ?? NOWHERE);
    if (stays) unplaced.push(stays);
    else if (unit !== NOWHERE) targets[unit] = model.hostRow.get(hostId) ?? packing.at[unit] ?? NOWHERE;
  }
  const { moves, stuck } = orderMoves(packing, { targets, perHost: options.movesPerHost });
  unplaced.push(...stuck.map((unit) => whyNot(packing, unit, targets[unit] ?? NOWHERE)));
  return toPlan({ moves: plannedMoves(model, moves, (unit) => `it was on ${model.hosts[targets[unit] ?? NOWHERE]?.name ?? 'another host'} before`), unplaced, before, after: clusterFigures(packing) }, options.timing);
}

function whyStays({ units }: ClusterModel, unit: number, { stuck = stuckByItself }: DrainOptions): Unplaced | null {
  const one = units[unit];
  if (!one) return null;
  const workload = one.workloads.map(({ name }) => name).join(', ');
  if (one.isUnderWay) return { workload, why: 'it is on its way already' };
  const why = one.workloads.map(stuck).find((reason) => reason !== null);
  return why === undefined ? null : { workload, why };
}

/** Each move is made by itself: what must stay in one zone leaves it only when its hosts are drained. */
function staysInZone({ model: { units, zones }, at }: Packing, unit: number, target: number): Unplaced | null {
  const one = units[unit];
  const away = one?.zoneSiblings.find((sibling) => (at[sibling] ?? NOWHERE) !== NOWHERE && zones[at[sibling] ?? NOWHERE] !== zones[target]);
  const mate = away === undefined ? undefined : units[away]?.workloads[0];
  return one && mate ? { workload: one.workloads.map(({ name }) => name).join(', '), why: `it stays in one zone with ${mate.name}, which is in another zone now` } : null;
}

function whyNot(packing: Packing, unit: number, target: number): Unplaced {
  const { units, hosts } = packing.model;
  const [first, ...others] = units[unit]?.workloads ?? [];
  const host = hosts[target];
  if (!first || !host) return { workload: '', why: 'its host is gone' };
  const placed = placeWorkload(standingView(packing), { workload: first, exclude: hosts.filter((one) => one !== host).map(({ id }) => ({ hostId: id, why: 'it goes home' })), leftByMates: hosts.filter((one) => one !== host).map(({ id }) => id) });
  const why = placed.ok ? 'no order of moves was found by which each would fit when it is made' : (placed.error.refusals.find((one) => one.hostId === host.id)?.why ?? placed.error.why);
  return { workload: [first, ...others].map(({ name }) => name).join(', '), why: `${host.name}: ${why}` };
}
