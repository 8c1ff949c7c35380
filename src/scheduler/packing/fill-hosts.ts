// Finds places for all of a batch where room is so tight that each host must be filled nearly to the brim: host by host, by what fills it best, with a bounded search back.
// After the "minimum bin slack" and "bin completion" ways of packing (Gupta and Ho 1999; Fukunaga and Korf 2007).
import { RESOURCES } from '../resources.js';
import type { Packing } from './packing.js';
import type { Budget } from './repair.js';

const WIDTH = RESOURCES.length;
/** Sets looked at for one host, and the best of them that are tried. */
const SETS_LOOKED_AT = 1_500;
const SETS_TRIED = 30;
/** Hosts whose ways are counted before one is filled. */
const HOSTS_COMPARED = 8;

export interface FillOptions {
  /** What the search may cost: units looked at for a host, all in all. A million takes some 100 ms. */
  readonly budget: Budget;
}

/** Puts all of the units, or none: false says that no way was found, not that there is none. */
export function fillHosts(packing: Packing, units: readonly number[], { budget }: FillOptions): boolean {
  const scale = scaleOf(packing);
  const bySize = [...units].sort((one, other) => sizeOf(packing, other, scale) - sizeOf(packing, one, scale) || one - other);
  const open = [...packing.model.hosts.keys()].filter((host) => packing.closed[host] === 0 && bySize.some((unit) => packing.fits(unit, host)));
  const search: Search = { packing, scale, budget };
  return fillNext(search, bySize, open);
}

interface Search {
  readonly packing: Packing;
  /** One over the sum of what is free, by resource: shares of it compare. */
  readonly scale: readonly number[];
  readonly budget: Budget;
}

function scaleOf({ model, free, closed }: Packing): readonly number[] {
  return RESOURCES.map((_resource, nth) => 1 / Math.max(1, [...model.hosts.keys()].reduce((sum, host) => sum + (closed[host] === 0 ? Math.max(0, free[host * WIDTH + nth] ?? 0) : 0), 0)));
}

const sizeOf = ({ model }: Packing, unit: number, scale: readonly number[]): number => scale.reduce((most, one, nth) => Math.max(most, (model.needs[unit * WIDTH + nth] ?? 0) * one), 0);

function fillNext(search: Search, units: readonly number[], open: readonly number[]): boolean {
  if (units.length === 0) return true;
  const { packing } = search;
  const usable = open.filter((host) => units.some((unit) => packing.fits(unit, host)));
  const waste = wasteAllowed(packing, units, usable);
  if (waste === null || search.budget.left <= 0) return false;
  const forced = mostBound(packing, units, usable);
  if (forced === null) return false;
  const choice = choose(search, { units, waste, hosts: usable, forced });
  if (choice === null) return false;
  const { host, sets } = choice;
  for (const set of sets) {
    for (const unit of set) packing.put(unit, host);
    if (fillNext(search, units.filter((unit) => !set.includes(unit)), usable.filter((one) => one !== host))) return true;
    for (const unit of set) packing.take(unit);
    if (search.budget.left <= 0) return false;
  }
  return false;
}

/** What may stay free on all hosts together, by resource; null: there is less room than is needed. */
function wasteAllowed({ model, free }: Packing, units: readonly number[], hosts: readonly number[]): readonly number[] | null {
  const waste = RESOURCES.map((_resource, nth) => hosts.reduce((sum, host) => sum + (free[host * WIDTH + nth] ?? 0), 0) - units.reduce((sum, unit) => sum + (model.needs[unit * WIDTH + nth] ?? 0), 0));
  return waste.every((one) => one >= 0) ? waste : null;
}

/** The unit with the fewest hosts to go to, as far as it has one or two only; null: one has none. */
function mostBound(packing: Packing, units: readonly number[], hosts: readonly number[]): { readonly unit: number; readonly hosts: readonly number[] } | null {
  let least: { readonly unit: number; readonly hosts: readonly number[] } = { unit: units[0] ?? 0, hosts };
  for (const unit of units) {
    const some: number[] = [];
    for (const host of hosts) {
      if (packing.fits(unit, host)) some.push(host);
      if (some.length > 1) break;
    }
    if (some.length === 0) return null;
    if (some.length === 1) return { unit, hosts: some };
    if (some.length < least.hosts.length) least = { unit, hosts: some };
  }
  return least;
}

interface Choosing {
  readonly units: readonly number[];
  readonly waste: readonly number[];
  readonly hosts: readonly number[];
  readonly forced: { readonly unit: number; readonly hosts: readonly number[] };
}

interface Choice {
  readonly host: number;
  readonly sets: readonly (readonly number[])[];
}

/** Of the hosts with the least room the one that can be filled in the fewest ways; null: one can't be. */
function choose(search: Search, { units, waste, hosts, forced }: Choosing): Choice | null {
  const [only] = forced.hosts;
  if (forced.hosts.length === 1 && only !== undefined) return { host: only, sets: bestSets(search, { units, host: only, waste, must: forced.unit }) };
  const { packing, scale } = search;
  const room = new Map(hosts.map((host) => [host, scale.reduce((sum, one, nth) => sum + (packing.free[host * WIDTH + nth] ?? 0) * one, 0)]));
  let best: Choice | null = null;
  for (const host of hosts.toSorted((one, other) => (room.get(one) ?? 0) - (room.get(other) ?? 0) || one - other).slice(0, HOSTS_COMPARED)) {
    const sets = bestSets(search, { units, host, waste, must: null });
    if (search.budget.left <= 0) return null;
    // With nothing put on it: more would stay free than may.
    if (sets.length === 0) return null;
    if (best === null || sets.length < best.sets.length) best = { host, sets };
    if (sets.length === 1) break;
  }
  return best;
}

interface Filling {
  readonly units: readonly number[];
  readonly host: number;
  readonly waste: readonly number[];
  /** It goes nowhere else. */
  readonly must: number | null;
}

interface Found {
  readonly set: readonly number[];
  readonly waste: number;
}

/** Sets of units that fill it so that no other one fits, the least waste first. */
function bestSets(search: Search, filling: Filling): readonly (readonly number[])[] {
  const found: Found[] = [];
  const { packing } = search;
  const { host, must } = filling;
  const chosen: number[] = [];
  if (must !== null) {
    packing.put(must, host);
    chosen.push(must);
  }
  const counter = { left: SETS_LOOKED_AT };
  extend(search, filling, { chosen, from: 0, found, counter });
  if (must !== null) packing.take(must);
  return found.toSorted((one, other) => one.waste - other.waste).slice(0, SETS_TRIED).map(({ set }) => set);
}

interface Extending {
  readonly chosen: number[];
  readonly from: number;
  readonly found: Found[];
  readonly counter: { left: number };
}

function extend(search: Search, filling: Filling, { chosen, from, found, counter }: Extending): void {
  const { packing } = search;
  const { units, host, must } = filling;
  let isFull = true;
  let last = '';
  for (let nth = from; nth < units.length && counter.left > 0 && search.budget.left > 0; nth += 1) {
    search.budget.left -= 1;
    const unit = units[nth] ?? 0;
    if (unit === must || !packing.fits(unit, host)) continue;
    isFull = false;
    // Of several of one kind any one will do, where nothing else tells them apart.
    const kind = kindOf(packing, unit);
    if (kind === last) continue;
    last = kind;
    packing.put(unit, host);
    chosen.push(unit);
    extend(search, filling, { chosen, from: nth + 1, found, counter });
    chosen.pop();
    packing.take(unit);
  }
  if (!isFull) return;
  counter.left -= 1;
  const waste = wasteOf(search, filling);
  if (waste !== null && chosen.length > 0) found.push({ set: [...chosen], waste });
}

function kindOf({ model }: Packing, unit: number): string {
  const one = model.units[unit];
  if (!one || one.apart.length > 0 || one.siblings.length > 0 || one.zoneSiblings.length > 0) return `${unit}`;
  return `of ${Array.from({ length: WIDTH }, (_, nth) => model.needs[unit * WIDTH + nth]).join()} ${model.may.kind(unit)}`;
}

/** Of what is allowed, the greatest share; null: more than that. */
function wasteOf({ packing, scale }: Search, { host, waste }: Filling): number | null {
  let most = 0;
  for (let nth = 0; nth < WIDTH; nth += 1) {
    const free = packing.free[host * WIDTH + nth] ?? 0;
    if (free > (waste[nth] ?? 0)) return null;
    most += free * (scale[nth] ?? 0);
  }
  return most;
}
