// Where not all of a batch has a place: which of them get one. By trying all, as far as a bounded search goes; what matters more is worth more than all that matters less.
import { NOWHERE } from './cluster-model.js';
import type { Packing } from './packing.js';

/** Steps of the search: some tens of milliseconds. Enough for a dozen workloads on a handful of hosts; else what was found so far stands. */
const STEPS = 200_000;
/** Beyond, numbers would not tell the ranks apart. */
const MOST_RANKS = 8;

/** Puts units of the batch elsewhere, or takes them off, where that places more; gives who is without a place. */
export function worthiestPlacing(packing: Packing, batch: readonly number[], most: number): readonly number[] {
  const worth = worthsOf(packing, batch);
  const isOff = (unit: number): boolean => packing.at[unit] === NOWHERE;
  const off = batch.filter(isOff);
  if (off.length === 0 || worth === null) return off;
  const start = batch.map((unit) => packing.at[unit] ?? NOWHERE);
  const units = batch.toSorted((one, other) => (worth.get(other) ?? 0) - (worth.get(one) ?? 0) || one - other);
  const total = (some: readonly number[]): number => some.reduce((sum, unit) => sum + (worth.get(unit) ?? 0), 0);
  const search: Search = { packing, units, worth, steps: Math.min(STEPS, most), most: total(batch) - total(off), best: null, rest: units.map((_unit, nth) => total(units.slice(nth))) };
  for (const unit of batch) packing.take(unit);
  look(search, 0, 0);
  const found = search.best ?? new Map(batch.map((unit, nth) => [unit, start[nth] ?? NOWHERE]));
  for (const [unit, host] of found) if (host !== NOWHERE) packing.put(unit, host);
  return batch.filter(isOff);
}

interface Search {
  readonly packing: Packing;
  readonly units: readonly number[];
  readonly worth: ReadonlyMap<number, number>;
  /** Of all from the nth on. */
  readonly rest: readonly number[];
  steps: number;
  /** To be surpassed. */
  most: number;
  best: ReadonlyMap<number, number> | null;
}

function look(search: Search, nth: number, placed: number): void {
  const { packing, units, worth, rest } = search;
  if (placed > search.most) {
    search.most = placed;
    search.best = new Map(units.map((unit) => [unit, packing.at[unit] ?? NOWHERE]));
  }
  const unit = units[nth];
  if (unit === undefined || placed + (rest[nth] ?? 0) <= search.most || search.steps <= 0) return;
  for (let host = 0; host < packing.model.hosts.length; host += 1) {
    search.steps -= 1;
    if (!packing.fits(unit, host)) continue;
    packing.put(unit, host);
    look(search, nth + 1, placed + (worth.get(unit) ?? 0));
    packing.take(unit);
  }
  look(search, nth + 1, placed);
}

/** Null: more ranks than numbers can tell apart. */
function worthsOf({ model }: Packing, batch: readonly number[]): ReadonlyMap<number, number> | null {
  const priorityOf = (unit: number): number => model.units[unit]?.priority ?? 0;
  const ranks = [...new Set(batch.map(priorityOf))].toSorted((one, other) => one - other);
  if (ranks.length > MOST_RANKS || (batch.length + 1) ** ranks.length > Number.MAX_SAFE_INTEGER) return null;
  return new Map(batch.map((unit) => [unit, (batch.length + 1) ** ranks.indexOf(priorityOf(unit))]));
}
