// A packing while it is evened out: what it is worth, what has moved, and the way back.
import { NOWHERE } from './cluster-model.js';
import { Evenness, type BalanceMethod, type SavedEvenness } from './evenness.js';
import type { Packing } from './packing.js';

export interface BalanceLimits {
  readonly method: BalanceMethod;
  /** What a move must take off the imbalance to be worth it. */
  readonly movePrice: number;
  readonly maxMoves: number;
  readonly mayMove: (unit: number) => boolean;
  /** Beyond what filters and rules say. */
  readonly mayGo: (unit: number, host: number) => boolean;
}

/** A move, or an exchange. */
export interface Change {
  readonly unit: number;
  readonly from: number;
  readonly to: number;
  /** Goes where the unit was; NOWHERE: nothing does. */
  readonly other: number;
}

export interface Mark {
  readonly evenness: SavedEvenness;
  readonly moved: number;
  readonly steps: number;
}

export class BalanceState {
  readonly packing: Packing;
  readonly evenness: Evenness;
  readonly limits: BalanceLimits;
  /** By host: units that may move, by row. */
  readonly movable: readonly number[][];
  readonly #mayMove: Uint8Array;
  readonly #steps: { readonly unit: number; readonly from: number }[] = [];
  #moved = 0;

  constructor(packing: Packing, limits: BalanceLimits) {
    this.packing = packing;
    this.evenness = new Evenness(packing, limits.method);
    this.limits = limits;
    this.#mayMove = Uint8Array.from(packing.at, (host, unit) => (host !== NOWHERE && limits.mayMove(unit) ? 1 : 0));
    const counts = new Set(this.evenness.rows);
    this.movable = packing.standing.map((units, row) => (counts.has(row) ? [...units].filter((unit) => this.#mayMove[unit] === 1).sort((one, other) => one - other) : []));
  }

  /** Workloads that are elsewhere than they were at first. */
  get moved(): number {
    return this.#moved;
  }

  /** Imbalance, and the price of what has moved: to be made least. */
  cost(): number {
    return this.evenness.imbalance() + this.limits.movePrice * this.#moved;
  }

  /** Moves that it adds; what goes back where it was at first takes one off. */
  movesOf(unit: number, from: number, to: number): number {
    const { home, workloads } = this.packing.model.units[unit] ?? { home: NOWHERE, workloads: [] };
    return to === home ? -workloads.length : from === home ? workloads.length : 0;
  }

  mayGo(unit: number, host: number): boolean {
    return host === this.packing.model.units[unit]?.home || this.limits.mayGo(unit, host);
  }

  isLegal({ unit, from, to, other }: Change): boolean {
    const { packing } = this;
    if (!this.mayGo(unit, to)) return false;
    if (other === NOWHERE) return packing.fits(unit, to);
    if (!this.mayGo(other, from)) return false;
    packing.take(unit);
    packing.take(other);
    const mayCome = packing.fits(unit, to);
    if (mayCome) packing.put(unit, to);
    const fits = mayCome && packing.fits(other, from);
    packing.take(unit);
    packing.put(unit, from);
    packing.put(other, to);
    return fits;
  }

  make({ unit, from, to, other }: Change): void {
    this.packing.take(unit);
    if (other !== NOWHERE) {
      this.packing.take(other);
      this.packing.put(other, from);
      this.note(other, to, from);
    }
    this.packing.put(unit, to);
    this.note(unit, from, to);
  }

  /** Of one that the packing has on its new host already. */
  note(unit: number, from: number, to: number): void {
    this.evenness.move(unit, from, to);
    this.#moved += this.movesOf(unit, from, to);
    this.#steps.push({ unit, from });
    this.#list(unit, from, to);
  }

  /** As others have put them. */
  goTo(at: Int32Array): void {
    const moving = [...at.keys()].filter((unit) => at[unit] !== this.packing.at[unit]);
    const from = moving.map((unit) => this.packing.take(unit));
    moving.forEach((unit, nth) => {
      this.packing.put(unit, at[unit] ?? NOWHERE);
      this.note(unit, from[nth] ?? NOWHERE, at[unit] ?? NOWHERE);
    });
  }

  mark(): Mark {
    return { evenness: this.evenness.save(), moved: this.#moved, steps: this.#steps.length };
  }

  /** All is as it was then. */
  backTo({ evenness, moved, steps }: Mark): void {
    for (const { unit, from } of this.#steps.splice(steps).reverse()) {
      this.#list(unit, this.packing.take(unit), from);
      this.packing.put(unit, from);
    }
    this.evenness.restore(evenness);
    this.#moved = moved;
  }

  #list(unit: number, from: number, to: number): void {
    const [left, entered] = [this.movable[from], this.movable[to]];
    left?.splice(left.indexOf(unit), 1);
    const before = entered?.findIndex((one) => one > unit) ?? -1;
    entered?.splice(before === -1 ? entered.length : before, 0, unit);
  }
}
