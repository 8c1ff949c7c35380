// Room for one more unit, made by moving others: each move is of one that goes where it fits, at once or after another move.
import { RESOURCES } from '../resources.js';
import { NOWHERE } from './cluster-model.js';
import type { Packing } from './packing.js';

const WIDTH = RESOURCES.length;

/** So many moves of others are tried for one unit, in every sequence; more is not looked for. */
export const MOVES_TO_REPAIR = 2;

export type Movable = (unit: number) => boolean;

export interface RepairOptions {
  readonly mayMove: Movable;
  readonly moves: number;
  /** Places asked about, all in all; what lies beyond is not looked for. Several repairs may share one. */
  readonly budget: Budget;
}

export interface Budget {
  left: number;
}

/** Puts the unit somewhere, with at most so many moves of others; false: nothing was changed. */
export function repair(packing: Packing, unit: number, { mayMove, moves, budget }: RepairOptions): boolean {
  return place(packing, unit, { mayMove: (one) => one !== unit && mayMove(one), moves, room: widest(packing), budget }, new Set([unit]));
}

interface Search extends RepairOptions {
  /** The most of each resource that is free on one host: who needs more fits nowhere. Null: places have become free since. */
  readonly room: readonly number[] | null;
}

function place(packing: Packing, unit: number, search: Search, moving: ReadonlySet<number>): boolean {
  const { hosts } = packing.model;
  search.budget.left -= hosts.length;
  if (search.budget.left < 0) return false;
  for (let host = 0; host < hosts.length; host += 1) {
    if (packing.fits(unit, host)) {
      packing.put(unit, host);
      return true;
    }
  }
  if (search.moves === 0) return false;
  for (let host = 0; host < hosts.length; host += 1) {
    if (packing.closed[host] === 0 && packing.model.may.ask(unit, host) && placeBy(packing, { unit, host, search, moving })) return true;
  }
  return false;
}

interface Attempt {
  readonly unit: number;
  readonly host: number;
  readonly search: Search;
  readonly moving: ReadonlySet<number>;
}

/** On this host, after one or two of those have gone that stand there, or that it must be kept apart from and stand in its zone. */
function placeBy(packing: Packing, { unit, host, search, moving }: Attempt): boolean {
  const others = [...new Set([...(packing.standing[host] ?? []), ...keptApart(packing, unit, host)])].filter((one) => !moving.has(one) && search.mayMove(one)).sort((one, other) => one - other);
  for (const [nth, one] of others.entries()) {
    if (search.budget.left < 0) return false;
    if (!couldGo(packing, one, search)) continue;
    const from = packing.take(one);
    if (packing.fits(unit, host)) {
      if (settle(packing, { unit, host, search, moving }, [one])) return true;
    } else if (search.moves > 1) {
      for (const two of others.slice(nth + 1)) {
        const home = packing.take(two);
        search.budget.left -= 1;
        if (packing.fits(unit, host) && settle(packing, { unit, host, search, moving }, [one, two])) return true;
        packing.put(two, home);
      }
    }
    packing.put(one, from);
  }
  return false;
}

function keptApart({ model: { units, spots, members }, at }: Packing, unit: number, host: number): readonly number[] {
  return (units[unit]?.apart ?? []).flatMap((rule) => (members[rule] ?? []).filter((one) => at[one] !== NOWHERE && spots[rule]?.[at[one] ?? NOWHERE] === spots[rule]?.[host]));
}

/** The unit is put, those that went find places; else all is as it was. */
function settle(packing: Packing, { unit, host, search, moving }: Attempt, gone: readonly number[]): boolean {
  packing.put(unit, host);
  const rest = { ...search, moves: search.moves - gone.length, room: null };
  if (placeAll(packing, gone, rest, new Set([...moving, ...gone]))) return true;
  packing.take(unit);
  return false;
}

/** Each where it fits, in every way; what is still to be moved is looked for with the last one. */
function placeAll(packing: Packing, [first, ...others]: readonly number[], search: Search, moving: ReadonlySet<number>): boolean {
  if (first === undefined) return true;
  if (others.length === 0) return place(packing, first, search, moving);
  search.budget.left -= packing.model.hosts.length;
  for (let host = 0; host < packing.model.hosts.length && search.budget.left >= 0; host += 1) {
    if (!packing.fits(first, host)) continue;
    packing.put(first, host);
    if (placeAll(packing, others, search, moving)) return true;
    packing.take(first);
  }
  return false;
}

/** With its last move gone it must fit somewhere as things are. */
function couldGo(packing: Packing, unit: number, { moves, room }: Search): boolean {
  if (moves > 1 || room === null) return true;
  for (let nth = 0; nth < WIDTH; nth += 1) if ((packing.model.needs[unit * WIDTH + nth] ?? 0) > (room[nth] ?? 0)) return false;
  return true;
}

function widest(packing: Packing): readonly number[] {
  return RESOURCES.map((_resource, nth) => {
    let most = Number.NEGATIVE_INFINITY;
    for (let host = 0; host < packing.model.hosts.length; host += 1) if (packing.closed[host] === 0) most = Math.max(most, packing.free[host * WIDTH + nth] ?? 0);
    return most;
  });
}
