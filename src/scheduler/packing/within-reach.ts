// In a cluster so tight that moves stand in each other's way: what can be reached at all by moves that each fit, and the best of that.
import type { BalanceState } from './balance-state.js';
import { NOWHERE } from './cluster-model.js';
import type { OrderedMove } from './order-moves.js';
import type { Packing } from './packing.js';
import type { Budget } from './repair.js';

export interface Way {
  readonly moves: readonly OrderedMove[];
  /** With the price of each move, of those too that only make way. */
  readonly cost: number;
}

interface Place {
  readonly at: Int32Array;
  readonly before: Place | null;
  /** That led here. */
  readonly unit: number;
  readonly from: number;
  readonly to: number;
  /** Workloads moved up to here. */
  readonly moved: number;
}

/** Nearest first, one move a round. `budget`: moves looked at, those that fit once more for each that may move; what lies beyond is not looked for. */
export function bestWithinReach(state: BalanceState, budget: Budget): Way {
  const { packing, evenness, movable, limits: { movePrice, maxMoves } } = state;
  const units = movable.flat().sort((one, other) => one - other);
  const start: Place = { at: Int32Array.from(packing.at), before: null, unit: NOWHERE, from: NOWHERE, to: NOWHERE, moved: 0 };
  const known = new Set([keyOf(start.at, units)]);
  const places = [start];
  // What must stay in one zone leaves it one after the other.
  const apart = new Int32Array(packing.at.length).fill(NOWHERE);
  let best = { place: start, cost: evenness.imbalance() };
  for (const place of places) {
    state.goTo(place.at);
    const cost = evenness.imbalance() + movePrice * place.moved;
    if (cost < best.cost && standsTogether(packing, units)) best = { place, cost };
    for (const unit of budget.left > 0 ? units : []) {
      const moved = place.moved + (packing.model.units[unit]?.workloads.length ?? 1);
      if (moved > maxMoves) continue;
      const from = place.at[unit] ?? NOWHERE;
      for (const to of evenness.rows) {
        budget.left -= 1;
        if (to === from || !packing.hasRoom(unit, to) || !packing.maySit(unit, to, apart) || !state.mayGo(unit, to)) continue;
        budget.left -= units.length;
        const at = Int32Array.from(place.at);
        at[unit] = to;
        const key = keyOf(at, units);
        if (!known.has(key)) places.push({ at, before: place, unit, from, to, moved });
        known.add(key);
      }
    }
  }
  return { moves: wayTo(best.place), cost: best.cost };
}

/** What has moved is where those are that must stand with it. */
const standsTogether = (packing: Packing, units: readonly number[]): boolean => units.every((unit) => packing.at[unit] === packing.model.units[unit]?.home || packing.maySit(unit, packing.at[unit] ?? NOWHERE));

const keyOf = (at: Int32Array, units: readonly number[]): string => units.map((unit) => at[unit]).join(' ');

function wayTo(place: Place): readonly OrderedMove[] {
  const steps: Place[] = [];
  for (let one: Place | null = place; one?.before; one = one.before) steps.unshift(one);
  return steps.map(({ unit, from, to }, nth) => ({ unit, from, to, round: nth + 1, isStopover: place.at[unit] !== to }));
}
