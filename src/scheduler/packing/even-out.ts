// The fewest moves that even hosts out: one by one as long as each is worth it, then exchanges, then ways that begin with a step back. Only what can be made in some order counts.
import { seededRng } from '../../shared/rng.js';
import { BalanceState, type BalanceLimits } from './balance-state.js';
import type { ClusterModel } from './cluster-model.js';
import { Evenness, type BalanceMethod } from './evenness.js';
import { LEAST_GAIN, makeExchanges } from './exchanges.js';
import { kick } from './kick.js';
import { orderMoves } from './order-moves.js';
import { Packing } from './packing.js';
import { makeSingleMoves } from './single-moves.js';
import { bestWithinReach, type Way } from './within-reach.js';

/** Of the searches beyond single moves, in changes looked at: a tenth of a second at most. */
const EFFORT = 2_000_000;
/** Steps back tried for each that may move, and at once. */
const KICKS_EACH = 40;
const KICKS_AT_ONCE = 4;
/** Moves looked at in a cluster too tight for what was found; only where that is worth so many arrangements. */
const REACH_EFFORT = 400_000;
const LEAST_ARRANGEMENTS = 100;
/** Of two plans that are worth the same the one with fewer moves. */
const LEAST_PRICE = 1e-6;

export interface EvenOutOptions extends Omit<BalanceLimits, 'movePrice'> {
  /** So much, divided by the number of hosts, must a move take off the imbalance. */
  readonly minGain: number;
  /** Moves under way at once from or to one host. */
  readonly perHost: number;
}

export function evenOut(model: ClusterModel, { minGain, perHost, ...options }: EvenOutOptions): Way['moves'] {
  const packing = new Packing(model);
  const count = new Evenness(packing, options.method).rows.length;
  if (count < 2) return [];
  const limits = { ...options, movePrice: Math.max(LEAST_PRICE, minGain / count) };
  const state = new BalanceState(packing, limits);
  const kept = new Kept(state, perHost);
  kept.keepOrUndo(() => makeSingleMoves(state));
  const budget = { left: EFFORT };
  const rows = state.evenness.rows.toSorted((one, other) => state.evenness.distance(other) - state.evenness.distance(one) || one - other);
  kept.keepOrUndo(() => makeExchanges(state, rows, budget));
  const rng = seededRng(1);
  const units = state.movable.flat().sort((one, other) => one - other);
  for (let nth = 0; nth < KICKS_EACH * units.length && budget.left > 0; nth += 1) {
    kept.keepOrUndo(() => {
      const changed = Array.from({ length: 1 + rng.int(KICKS_AT_ONCE) }, () => kick(state, units, rng)).flat();
      budget.left -= state.evenness.rows.length;
      makeExchanges(state, changed, budget);
    });
  }
  if (!kept.wasBlocked || units.length ** 2 * count * LEAST_ARRANGEMENTS > REACH_EFFORT) return kept.best.moves;
  const way = bestWithinReach(new BalanceState(new Packing(model), limits), { left: REACH_EFFORT });
  return way.cost < kept.best.cost - LEAST_GAIN ? way.moves : kept.best.moves;
}

/** As a plan's figures say it, before they are rounded. */
export const imbalanceOf = (packing: Packing, method: BalanceMethod): number => new Evenness(packing, method).imbalance();

/** The best so far that can be carried out; the state stands there. */
class Kept {
  best: Way;
  /** Something better was found, and no order for its moves, or one with stopovers. */
  wasBlocked = false;
  readonly #state: BalanceState;
  readonly #perHost: number;
  readonly #blocked = new Set<string>();

  constructor(state: BalanceState, perHost: number) {
    this.#state = state;
    this.#perHost = perHost;
    this.best = { moves: [], cost: state.cost() };
  }

  keepOrUndo(change: () => void): void {
    const mark = this.#state.mark();
    change();
    if (this.#state.cost() < this.best.cost - LEAST_GAIN && this.#keep()) return;
    this.#state.backTo(mark);
  }

  #keep(): boolean {
    const { packing: { at, model }, limits } = this.#state;
    const key = at.join();
    if (this.#blocked.has(key)) return false;
    const packing = new Packing(model);
    const { moves, stuck } = orderMoves(packing, { targets: at, perHost: this.#perHost });
    const cost = new Evenness(packing, limits.method).imbalance() + limits.movePrice * moves.reduce((sum, { unit }) => sum + (model.units[unit]?.workloads.length ?? 1), 0);
    if (stuck.length > 0) this.#blocked.add(key);
    this.wasBlocked ||= stuck.length > 0 || cost > this.#state.cost() + LEAST_GAIN;
    if (cost >= this.best.cost - LEAST_GAIN) return false;
    this.best = { moves, cost };
    if (stuck.length > 0) this.#state.goTo(packing.at);
    return true;
  }
}
