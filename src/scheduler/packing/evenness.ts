// How even hosts are, worked out from sums that a move changes at two hosts only.
import { CPUS, MEMORY, RESOURCES } from '../resources.js';
import { takenBy } from '../usage.js';
import type { ClusterModel } from './cluster-model.js';
import type { Packing } from './packing.js';
import { takesPart } from './takes-part.js';

const WIDTH = RESOURCES.length;

/** What counts: declared sizes, or what was measured. */
export type BalanceMethod = 'capacity' | 'usage';

/** The imbalance: standard deviations over hosts of the shares used, of memory and of CPUs, added up. Both count alike. */
export class Evenness {
  /** Hosts that count. */
  readonly rows: readonly number[];
  readonly memory: Spread;
  readonly cpus: Spread;

  constructor(packing: Packing, method: BalanceMethod) {
    this.rows = [...packing.model.hosts.keys()].filter((row) => takesPart(packing, row));
    this.memory = new Spread(packing, { nth: MEMORY, method, rows: this.rows });
    this.cpus = new Spread(packing, { nth: CPUS, method, rows: this.rows });
  }

  /** How far it is from the mean. */
  distance(row: number): number {
    return [this.memory, this.cpus].reduce((sum, spread) => sum + Math.abs((spread.shares[row] ?? 0) - spread.mean()), 0);
  }

  imbalance(): number {
    return this.rows.length === 0 ? 0 : this.memory.deviation() + this.cpus.deviation();
  }

  after(unit: number, from: number, to: number): number {
    return this.memory.after(this.memory.loads[unit] ?? 0, from, to) + this.cpus.after(this.cpus.loads[unit] ?? 0, from, to);
  }

  /** `other` comes back for it. */
  afterExchange(unit: number, other: number, from: number, to: number): number {
    const { memory, cpus } = this;
    return memory.after((memory.loads[unit] ?? 0) - (memory.loads[other] ?? 0), from, to) + cpus.after((cpus.loads[unit] ?? 0) - (cpus.loads[other] ?? 0), from, to);
  }

  move(unit: number, from: number, to: number): void {
    this.memory.move(unit, from, to);
    this.cpus.move(unit, from, to);
  }

  save(): SavedEvenness {
    return { memory: this.memory.save(), cpus: this.cpus.save() };
  }

  restore({ memory, cpus }: SavedEvenness): void {
    this.memory.restore(memory);
    this.cpus.restore(cpus);
  }
}

/** As it was, to the last bit: sums that are counted back by the same steps would drift. */
export interface SavedEvenness {
  readonly memory: SavedSpread;
  readonly cpus: SavedSpread;
}

interface SavedSpread {
  readonly shares: Float64Array;
  readonly sum: number;
  readonly squares: number;
}

interface SpreadOf {
  readonly nth: number;
  readonly method: BalanceMethod;
  readonly rows: readonly number[];
}

/** Of one resource. */
class Spread {
  /** By host: share used now. */
  readonly shares: Float64Array;
  /** By unit: what it takes. */
  readonly loads: Float64Array;
  readonly #hosts: number;
  /** By host: one over what it gives. */
  readonly #perUnit: Float64Array;
  #sum = 0;
  #squares = 0;

  constructor({ model, standing }: Packing, { nth, method, rows }: SpreadOf) {
    const { hosts, units, needs, limits, view } = model;
    const whole = hosts.map(({ facts }) => (facts ? (RESOURCES[nth]?.limit(facts, view.policy) ?? 0) : 0));
    this.#hosts = rows.length;
    this.#perUnit = Float64Array.from(hosts, ({ facts }, row) => (facts ? 1 / Math.max(1, whole[row] ?? 0) : 0));
    this.loads = method === 'usage' ? measured(model, nth) : Float64Array.from(units, (_unit, row) => needs[row * WIDTH + nth] ?? 0);
    this.shares = Float64Array.from(hosts, ({ facts }, row) => {
      if (!facts) return 0;
      // What is promised and what strangers take is off the limits: it counts as used, and does not move.
      const fixed = (whole[row] ?? 0) - (limits[row * WIDTH + nth] ?? 0);
      return (fixed + [...(standing[row] ?? [])].reduce((sum, unit) => sum + (this.loads[unit] ?? 0), 0)) * (this.#perUnit[row] ?? 0);
    });
    for (const row of rows) this.#count(0, this.shares[row] ?? 0);
  }

  mean(): number {
    return this.#sum / this.#hosts;
  }

  deviation(): number {
    return deviationOf(this.#sum, this.#squares, this.#hosts);
  }

  /** The deviation with so much more at `to` and less at `from`. */
  after(load: number, from: number, to: number): number {
    const off = load * (this.#perUnit[from] ?? 0);
    const on = load * (this.#perUnit[to] ?? 0);
    return deviationOf(this.#sum - off + on, this.#squares - off * (2 * (this.shares[from] ?? 0) - off) + on * (2 * (this.shares[to] ?? 0) + on), this.#hosts);
  }

  move(unit: number, from: number, to: number): void {
    this.#add(from, -(this.loads[unit] ?? 0));
    this.#add(to, this.loads[unit] ?? 0);
  }

  save(): SavedSpread {
    return { shares: this.shares.slice(), sum: this.#sum, squares: this.#squares };
  }

  restore({ shares, sum, squares }: SavedSpread): void {
    this.shares.set(shares);
    this.#sum = sum;
    this.#squares = squares;
  }

  #add(row: number, load: number): void {
    const old = this.shares[row] ?? 0;
    const share = old + load * (this.#perUnit[row] ?? 0);
    this.shares[row] = share;
    this.#count(old, share);
  }

  #count(old: number, share: number): void {
    this.#sum += share - old;
    this.#squares += share * share - old * old;
  }
}

function measured({ units }: ClusterModel, nth: number): Float64Array {
  return Float64Array.from(units, ({ workloads }) => workloads.reduce((sum, one) => sum + (nth === MEMORY ? takenBy(one).memoryMiB : takenBy(one).cpus), 0));
}

const deviationOf = (sum: number, squares: number, count: number): number => Math.sqrt(Math.max(0, squares / count - (sum / count) * (sum / count)));
