// Evens hosts out by moves and exchanges of two, host by host, until none is left that is worth it.
import type { BalanceState, Change } from './balance-state.js';
import { NOWHERE } from './cluster-model.js';
import type { Budget } from './repair.js';

/** What takes off less is noise of the sums. */
export const LEAST_GAIN = 1e-7;

/** Of these hosts with all others, and then of those that change by it. `budget`: changes looked at. */
export function makeExchanges(state: BalanceState, rows: readonly number[], budget: Budget): void {
  const waiting = new Set(rows);
  for (const row of waiting) {
    if (budget.left <= 0) return;
    waiting.delete(row);
    const best = bestAt(state, row, budget);
    if (!best) continue;
    state.make(best);
    waiting.add(best.from).add(best.to);
  }
}

/** Of all changes between this host and another one. */
function bestAt(state: BalanceState, row: number, budget: Budget): Change | null {
  const { packing, evenness, movable, moved, limits: { movePrice, maxMoves } } = state;
  let best: Change | null = null;
  let least = evenness.imbalance() - LEAST_GAIN;
  const consider = (unit: number, other: number, to: number, imbalance: number): void => {
    const from = to === row ? (packing.at[unit] ?? NOWHERE) : row;
    const moves = state.movesOf(unit, from, to) + (other === NOWHERE ? 0 : state.movesOf(other, to, from));
    const cost = imbalance + movePrice * moves;
    if (cost >= least || moved + moves > maxMoves || !state.isLegal({ unit, from, to, other })) return;
    least = cost;
    best = { unit, from, to, other };
  };
  const own = movable[row] ?? [];
  for (const far of evenness.rows) {
    if (far === row) continue;
    const there = movable[far] ?? [];
    budget.left -= own.length + there.length + own.length * there.length;
    for (const unit of there) consider(unit, NOWHERE, row, evenness.after(unit, far, row));
    for (const unit of own) {
      consider(unit, NOWHERE, far, evenness.after(unit, row, far));
      for (const other of there) consider(unit, other, far, evenness.afterExchange(unit, other, row, far));
    }
  }
  return best;
}
