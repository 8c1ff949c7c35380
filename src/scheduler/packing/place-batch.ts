// Finds places for many units at once. In the order in which they would be placed one by one; and where that leaves some without a place, in others, and by repair.
import { MEMORY, RESOURCES } from '../resources.js';
import { NOWHERE, type ClusterModel } from './cluster-model.js';
import type { Packing } from './packing.js';
import { fillHosts } from './fill-hosts.js';
import { worthiestPlacing } from './worthiest-placing.js';
import { MOVES_TO_REPAIR, repair, type Budget, type Movable } from './repair.js';

const WIDTH = RESOURCES.length;

/** Of all searches together, in places asked about: some tenths of a second at most. */
const EFFORT = 3_000_000;
/** Of one unit's repair: a hopeless one takes nothing from the others. */
const REPAIR_EFFORT = 200_000;

export interface Batch {
  readonly units: readonly number[];
  /** Units that stand on hosts and may be moved to make room; default: none. */
  readonly movable?: Movable;
  /** Of the searches where one after the other is not enough, in places asked about; 0: none. Default: what one recovery is worth. */
  readonly effort?: number;
}

export interface Placed {
  /** Units of the batch without a place, what matters most first. */
  readonly unplaced: readonly number[];
}

/** How full the chosen host should be: the fullest that takes it, or by its likeness to what is needed. */
type Choice = (packing: Packing, unit: number) => number;

/**
 * Puts the units of the batch where they fit. One is left without a place only where no sequence of at most MOVES_TO_REPAIR moves
 * of others would make it one (of a group that stands on several hosts already, that is not looked for); a lower priority is left
 * before a higher one.
 */
export function placeBatch(packing: Packing, { units, movable = () => false, effort = EFFORT }: Batch): Placed {
  const tried = new Set<string>();
  let best: Try | null = null;
  for (const order of ORDERS) {
    const sorted = [...units].sort(order(packing.model));
    if (tried.has(sorted.join())) continue;
    tried.add(sorted.join());
    for (const choose of CHOICES) {
      const left = sorted.filter((unit) => !putBest(packing, unit, choose));
      if (left.length === 0) return { unplaced: [] };
      if (best === null || isBetter(packing.model, left, best.left)) best = { left, at: sorted.map((unit) => [unit, packing.at[unit] ?? NOWHERE] as const) };
      for (const unit of sorted) packing.take(unit);
    }
  }
  if (best === null) return { unplaced: [] };
  const budget = { left: Math.floor(effort / 2) };
  if (effort > 0 && fillHosts(packing, units, { budget })) return { unplaced: [] };
  return mend(packing, { units, movable, budget: { left: Math.max(0, budget.left) + Math.floor(effort / 2) } }, best);
}

interface Try {
  readonly left: readonly number[];
  readonly at: readonly (readonly [number, number])[];
}

interface Mending {
  readonly units: readonly number[];
  readonly movable: Movable;
  readonly budget: Budget;
}

/** From the best try: room for those that are left is made by moving others; then by leaving those that matter less. */
function mend(packing: Packing, { units, movable, budget }: Mending, best: Try): Placed {
  for (const [unit, host] of best.at) if (host !== NOWHERE) packing.put(unit, host);
  const own = new Set(units);
  let unplaced = best.left;
  // What one repair moves may open the way for one that was given up before: again, until a whole turn changes nothing. Each turn but the last places one or leaves one that matters less.
  for (let turn = 0; turn <= 2 * units.length && budget.left > 0; turn += 1) {
    const next = turnOf(packing, { own, movable, budget }, unplaced);
    const isSame = next.length === unplaced.length && next.every((unit) => unplaced.includes(unit));
    unplaced = next;
    if (isSame) break;
  }
  return { unplaced: worthiestPlacing(packing, units, budget.left).toSorted(byRank(packing.model)) };
}

interface Turn {
  readonly own: ReadonlySet<number>;
  readonly movable: Movable;
  readonly budget: Budget;
}

function turnOf(packing: Packing, { own, movable, budget }: Turn, left: readonly number[]): readonly number[] {
  const mended = (unit: number, mayMove: Movable): boolean => {
    const share = { left: Math.min(budget.left, REPAIR_EFFORT) };
    const before = share.left;
    const done = before > 0 && repair(packing, unit, { mayMove, moves: MOVES_TO_REPAIR, budget: share });
    budget.left -= before - Math.max(0, share.left);
    return done;
  };
  const still = left.filter((unit) => !mended(unit, (one) => own.has(one))).filter((unit) => !mended(unit, (one) => own.has(one) || movable(one)));
  return still.toSorted(byRank(packing.model)).flatMap((unit) => {
    budget.left -= packing.model.hosts.length;
    return budget.left > 0 ? leaveLower(packing, unit, own) : [unit];
  });
}

/** What matters most first. */
const byRank = (model: ClusterModel) => byPriority(model, () => 0);

/** It takes the place of batch members that matter less; gives who is without a place in the end. */
function leaveLower(packing: Packing, unit: number, own: ReadonlySet<number>): readonly number[] {
  const { units, hosts } = packing.model;
  const priority = units[unit]?.priority ?? 0;
  for (let host = 0; host < hosts.length; host += 1) {
    const lower = [...(packing.standing[host] ?? [])].filter((one) => own.has(one) && (units[one]?.priority ?? 0) < priority).sort((one, other) => (units[one]?.priority ?? 0) - (units[other]?.priority ?? 0) || one - other);
    const given: number[] = [];
    for (const one of lower) {
      if (packing.fits(unit, host)) break;
      packing.take(one);
      given.push(one);
    }
    if (given.length > 0 && packing.fits(unit, host)) {
      packing.put(unit, host);
      return given.filter((one) => !putBest(packing, one, tightest));
    }
    for (const one of given) packing.put(one, host);
  }
  return [unit];
}

export function putBest(packing: Packing, unit: number, choose: Choice): boolean {
  const host = choose(packing, unit);
  if (host === NOWHERE) return false;
  packing.put(unit, host);
  return true;
}

function bestBy(packing: Packing, unit: number, worth: (host: number) => number): number {
  let best = NOWHERE;
  let most = Number.NEGATIVE_INFINITY;
  for (let host = 0; host < packing.model.hosts.length; host += 1) {
    if (!packing.hasRoom(unit, host)) continue;
    const value = worth(host);
    if (value > most && packing.maySit(unit, host)) {
      best = host;
      most = value;
    }
  }
  return best;
}

/** The one with the least memory left after it. */
export const tightest: Choice = (packing, unit) => bestBy(packing, unit, (host) => -(packing.free[host * WIDTH + MEMORY] ?? 0));

/** Least left of all resources, each as a share of what is needed. */
const tightestOfAll: Choice = (packing, unit) => bestBy(packing, unit, (host) => {
  let left = 0;
  for (let nth = 0; nth < WIDTH; nth += 1) left += ((packing.free[host * WIDTH + nth] ?? 0) - (packing.model.needs[unit * WIDTH + nth] ?? 0)) / Math.max(1, packing.model.limits[host * WIDTH + nth] ?? 1);
  return -left;
});

/** Where what is left has the same mixture as what is needed: both run out together. */
const alike: Choice = (packing, unit) => bestBy(packing, unit, (host) => {
  let dot = 0;
  let size = 0;
  for (let nth = 0; nth < WIDTH; nth += 1) {
    const limit = Math.max(1, packing.model.limits[host * WIDTH + nth] ?? 1);
    const free = (packing.free[host * WIDTH + nth] ?? 0) / limit;
    dot += free * ((packing.model.needs[unit * WIDTH + nth] ?? 0) / limit);
    size += free * free;
  }
  return dot / Math.max(1e-12, Math.sqrt(size)) - size * 1e-3;
});

const CHOICES: readonly Choice[] = [tightest, tightestOfAll, alike];

type Order = (model: ClusterModel) => (one: number, other: number) => number;

const needOf = (model: ClusterModel, unit: number, nth: number): number => model.needs[unit * WIDTH + nth] ?? 0;
const byPriority = (model: ClusterModel, size: (unit: number) => number) => (one: number, other: number): number =>
  (model.units[other]?.priority ?? 0) - (model.units[one]?.priority ?? 0) || size(other) - size(one) || one - other;

/** The hardest to place first: by memory, by its greatest share of a host, by all shares together. */
const ORDERS: readonly Order[] = [
  (model) => byPriority(model, (unit) => needOf(model, unit, MEMORY)),
  (model) => {
    const usual = usualLimits(model);
    return byPriority(model, (unit) => Math.max(...usual.map((limit, nth) => needOf(model, unit, nth) / limit)));
  },
  (model) => {
    const usual = usualLimits(model);
    return byPriority(model, (unit) => usual.reduce((sum, limit, nth) => sum + needOf(model, unit, nth) / limit, 0));
  },
];

/** Of each resource, what the host in the middle has. */
function usualLimits(model: ClusterModel): readonly number[] {
  return RESOURCES.map((_resource, nth) => {
    const limits = model.hosts.map((_host, host) => model.limits[host * WIDTH + nth] ?? 0).filter((limit) => limit > 0).toSorted((one, other) => one - other);
    return Math.max(1, limits[Math.floor(limits.length / 2)] ?? 1);
  });
}

/** Fewer of the highest priority are left, then of the next. */
function isBetter(model: ClusterModel, left: readonly number[], than: readonly number[]): boolean {
  const ranks = [...new Set([...left, ...than].map((unit) => model.units[unit]?.priority ?? 0))].toSorted((one, other) => other - one);
  for (const rank of ranks) {
    const count = (units: readonly number[]): number => units.filter((unit) => model.units[unit]?.priority === rank).length;
    if (count(left) !== count(than)) return count(left) < count(than);
  }
  return false;
}
