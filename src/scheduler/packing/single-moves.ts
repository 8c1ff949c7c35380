// Evens hosts out by single moves: each the one that takes most off the imbalance, as long as that is worth it.
import type { BalanceState, Change } from './balance-state.js';
import { NOWHERE } from './cluster-model.js';
import type { Evenness } from './evenness.js';

export function makeSingleMoves(state: BalanceState): void {
  for (let best = bestMove(state); best !== null; best = bestMove(state)) state.make(best);
}

/** It goes from one of so many of the fullest hosts to one of so many of the emptiest, as a rule; where that finds none, more are looked at. In clusters above the last number not all are. */
const EXTREMES = [32, 128, 256];

function bestMove(state: BalanceState): Change | null {
  const { evenness } = state;
  for (const count of EXTREMES) {
    if (2 * count >= evenness.rows.length) return bestOf(state, { fullest: evenness.rows, emptiest: evenness.rows });
    const found = bestOf(state, extremes(evenness, count));
    if (found) return found;
  }
  return null;
}

interface Extremes {
  readonly fullest: readonly number[];
  readonly emptiest: readonly number[];
}

/** By how far they are from the mean, in standard deviations, of both together and of each. */
function extremes({ rows, memory, cpus }: Evenness, count: number): Extremes {
  const off = [memory, cpus].map((spread) => {
    const [mean, deviation] = [spread.mean(), Math.max(1e-9, spread.deviation())];
    return (row: number): number => ((spread.shares[row] ?? 0) - mean) / deviation;
  });
  const pulls = [(row: number): number => off.reduce((sum, one) => sum + one(row), 0), ...off];
  const sorted = pulls.map((pull) => rows.map((row) => [pull(row), row] as const).sort(([one, row], [other, second]) => other - one || row - second).map(([, row]) => row));
  const union = (lists: readonly (readonly number[])[]): readonly number[] => [...new Set(lists.flat())].sort((one, other) => one - other);
  return { fullest: union(sorted.map((list, nth) => list.slice(0, nth === 0 ? count : count / 4))), emptiest: union(sorted.map((list, nth) => list.slice(nth === 0 ? -count : -count / 4))) };
}

function bestOf(state: BalanceState, { fullest, emptiest }: Extremes): Change | null {
  const { evenness, packing, movable, moved, limits: { movePrice, maxMoves } } = state;
  const now = evenness.imbalance();
  let best: Change | null = null;
  let least = now;
  for (const unit of fullest.flatMap((row) => movable[row] ?? []).sort((one, other) => one - other)) {
    const from = packing.at[unit] ?? NOWHERE;
    const weight = packing.model.units[unit]?.workloads.length ?? 1;
    // Each step must be worth it, also of one that has moved before: that it goes on is what ends the search.
    const most = Math.min(least, now - movePrice * weight);
    for (const to of emptiest) {
      if (to === from) continue;
      const score = evenness.after(unit, from, to);
      if (score >= most || score >= least || moved + state.movesOf(unit, from, to) > maxMoves) continue;
      if (!packing.hasRoom(unit, to) || !state.mayGo(unit, to) || !packing.maySit(unit, to)) continue;
      least = score;
      best = { unit, from, to, other: NOWHERE };
    }
  }
  return best;
}
