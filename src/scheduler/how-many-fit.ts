// How many more of one size fit: each goes where most memory is free, and no loss may leave more down than it would have without them.
import { workloadId } from '../shared/ids.js';
import type { Workload } from '../workloads/workload.js';
import { roomLostBy, type RoomLost } from './keeps-room.js';
import type { RoomMode } from './losses-to-try.js';
import { clusterModel, NOWHERE } from './packing/cluster-model.js';
import { Packing } from './packing/packing.js';
import { takesPart } from './packing/takes-part.js';
import { placeWorkload } from './place-workload.js';
import type { PlacementView } from './placement.js';
import { MEMORY, RESOURCES } from './resources.js';
import { roomView } from './room-view.js';

export interface FitRequest {
  /** What one takes; it stands nowhere, and no rule knows it. */
  readonly like: Workload;
  /** Which losses must leave room; off: none is tried. */
  readonly mode: RoomMode | 'off';
  /** It is enough to know that so many fit. */
  readonly most: number;
}

export interface Fit {
  readonly count: number;
  /** So many have a place when no loss is thought of. */
  readonly places: number;
  /** The loss that one more would leave something down with; null: none, or no loss is thought of. */
  readonly roomLost: RoomLost | null;
  /** Why one more has no place; null: it has one, or enough fit. */
  readonly noPlace: string | null;
}

export function howManyFit(of: PlacementView, { like, mode, most }: FitRequest): Fit {
  const view = roomView(of);
  const filled = fill(view, like, most);
  const withFirst = (count: number): PlacementView => ({ ...view, workloads: [...view.workloads, ...filled.slice(0, count)] });
  const lostBy = (count: number): RoomLost | null => (mode === 'off' || count === 0 ? null : roomLostBy(view, withFirst(count), mode, filled[count - 1]?.hostId ?? null));
  // One more is never better than one less: halved until the last that keeps the room and the first that does not stand beside each other.
  let [fits, fails] = [0, filled.length + 1];
  let roomLost: RoomLost | null = null;
  for (let next = filled.length; fails - fits > 1; next = Math.floor((fits + fails) / 2)) {
    const lost = lostBy(next);
    if (lost === null) fits = next;
    else [fails, roomLost] = [next, lost];
  }
  return { count: fits, places: filled.length, roomLost, noPlace: roomLost === null && fits < most ? whyNoPlace(withFirst(fits), like) : null };
}

/** The n-th, wherever it goes. */
const nth = (like: Workload, number: number): Workload => ({ ...like, id: workloadId(`new-${number}`), uuid: `new-${number}`, name: `new-${number}`, hostId: null, desired: 'running', isProtected: true, state: 'running' });

/** Where one after the other goes, until none takes another. */
function fill(view: PlacementView, like: Workload, most: number): readonly Workload[] {
  const one = nth(like, 1);
  const packing = new Packing(clusterModel(view, [one]));
  const { hosts, needs, unitRow } = packing.model;
  const unit = unitRow.get(one.id) ?? NOWHERE;
  const rows = [...hosts.keys()].filter((row) => takesPart(packing, row) && packing.maySit(unit, row));
  const needed = RESOURCES.map((_resource, index) => index).filter((index) => (needs[unit * RESOURCES.length + index] ?? 0) > 0);
  const left = Float64Array.from(packing.free);
  const has = (row: number, index: number): number => left[row * RESOURCES.length + index] ?? 0;
  const takes = (row: number): boolean => needed.every((index) => has(row, index) >= (needs[unit * RESOURCES.length + index] ?? 0));
  const placed: Workload[] = [];
  while (placed.length < most) {
    let best = NOWHERE;
    for (const row of rows) if ((best === NOWHERE || has(row, MEMORY) > has(best, MEMORY)) && takes(row)) best = row;
    const host = hosts[best];
    if (!host) break;
    for (const index of needed) left[best * RESOURCES.length + index] = has(best, index) - (needs[unit * RESOURCES.length + index] ?? 0);
    placed.push({ ...nth(like, placed.length + 1), hostId: host.id });
  }
  return placed;
}

function whyNoPlace(view: PlacementView, like: Workload): string | null {
  const placed = placeWorkload(view, { workload: nth(like, view.workloads.length + 1), exclude: [] });
  return placed.ok ? null : placed.error.why;
}
