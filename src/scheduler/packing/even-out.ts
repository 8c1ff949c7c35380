// Evens hosts out by single moves: each the one that takes most off the imbalance, worked out from sums that a move changes at two hosts only.
import { takenBy } from '../usage.js';
import { CPUS, MEMORY, RESOURCES } from '../resources.js';
import { NOWHERE, type ClusterModel } from './cluster-model.js';
import type { Packing } from './packing.js';
import { takesPart } from './takes-part.js';

const WIDTH = RESOURCES.length;
/** Memory and CPUs count alike. */
const COUNTED = [MEMORY, CPUS] as const;

export interface EvenOutOptions {
  readonly method: 'capacity' | 'usage';
  /** So much, divided by the number of hosts, must a move take off the imbalance (two standard deviations, added up). */
  readonly minGain: number;
  readonly maxMoves: number;
  readonly mayMove: (unit: number) => boolean;
  /** Beyond what filters and rules say. */
  readonly mayGo: (unit: number, host: number) => boolean;
}

/** Moves the packing; gives where each unit is to be. */
export function evenOut(packing: Packing, options: EvenOutOptions): Int32Array {
  const field = fieldOf(packing, options);
  if (field.rows.length < 2) return Int32Array.from(packing.at);
  const mayMove = Uint8Array.from(packing.at, (host, unit) => (host !== NOWHERE && options.mayMove(unit) ? 1 : 0));
  const from = (rows: readonly number[]): readonly number[] => rows.flatMap((row) => [...(packing.standing[row] ?? [])].filter((unit) => mayMove[unit] === 1)).sort((one, other) => one - other);
  for (let made = 0; made < options.maxMoves; made += 1) {
    const best = lookWider(field, ({ fullest, emptiest }) => bestMove(packing, { field, units: from(fullest), rows: emptiest }, options));
    if (!best) break;
    packing.take(best.unit);
    packing.put(best.unit, best.to);
    apply(field, best);
  }
  return Int32Array.from(packing.at);
}

interface Field {
  /** Rows of hosts that count. */
  readonly rows: readonly number[];
  readonly takes: Uint8Array;
  /** Hosts × counted: share used now. */
  readonly shares: readonly Float64Array[];
  /** One over what a host gives. */
  readonly perUnit: readonly Float64Array[];
  /** By unit: what it takes. */
  readonly loads: readonly Float64Array[];
  readonly sums: number[];
  readonly squares: number[];
}

function fieldOf(packing: Packing, { method }: Pick<EvenOutOptions, 'method'>): Field {
  const { model } = packing;
  const rows = [...model.hosts.keys()].filter((row) => takesPart(packing, row));
  const takes = Uint8Array.from(model.hosts, (_host, row) => (rows.includes(row) ? 1 : 0));
  const perUnit = COUNTED.map((nth) => Float64Array.from(model.hosts, ({ facts }) => (facts ? 1 / Math.max(1, RESOURCES[nth]?.limit(facts, model.view.policy) ?? 1) : 0)));
  const loads = COUNTED.map((nth) => (method === 'usage' ? measured(model, nth) : Float64Array.from(model.units, (_unit, row) => model.needs[row * WIDTH + nth] ?? 0)));
  // What is promised and what strangers take is off the limits: it counts as used, and does not move.
  const shares = COUNTED.map((nth, which) => Float64Array.from(model.hosts, ({ facts }, row) => {
    if (!facts) return 0;
    const fixed = (RESOURCES[nth]?.limit(facts, model.view.policy) ?? 0) - (model.limits[row * WIDTH + nth] ?? 0);
    return (fixed + [...(packing.standing[row] ?? [])].reduce((sum, unit) => sum + (loads[which]?.[unit] ?? 0), 0)) * (perUnit[which]?.[row] ?? 0);
  }));
  const sums = shares.map((some) => rows.reduce((sum, row) => sum + (some[row] ?? 0), 0));
  const squares = shares.map((some) => rows.reduce((sum, row) => sum + (some[row] ?? 0) ** 2, 0));
  return { rows, takes, shares, perUnit, loads, sums, squares };
}

function measured({ units }: ClusterModel, nth: number): Float64Array {
  return Float64Array.from(units, ({ workloads }) => workloads.reduce((sum, one) => sum + (nth === MEMORY ? takenBy(one).memoryMiB : takenBy(one).cpus), 0));
}

/** The best move goes from one of so many of the fullest hosts to one of so many of the emptiest, as a rule; where that finds none, more are looked at. In clusters above the last number not all are. */
const EXTREMES = [32, 128, 256];

function lookWider(field: Field, look: (some: Extremes) => Best | null): Best | null {
  for (const count of EXTREMES) {
    if (2 * count >= field.rows.length) return look({ fullest: field.rows, emptiest: field.rows });
    const found = look(extremes(field, count));
    if (found) return found;
  }
  return null;
}

interface Extremes {
  readonly fullest: readonly number[];
  readonly emptiest: readonly number[];
}

/** By how far they are from the mean, in standard deviations, of both together and of each. */
function extremes({ rows, shares, sums, squares }: Field, count: number): Extremes {
  const off = shares.map((some, which) => {
    const mean = (sums[which] ?? 0) / rows.length;
    const spread = Math.max(1e-9, deviationOf(sums[which] ?? 0, squares[which] ?? 0, rows.length));
    return (row: number): number => ((some[row] ?? 0) - mean) / spread;
  });
  const pulls = [(row: number): number => off.reduce((sum, one) => sum + one(row), 0), ...off];
  const sorted = pulls.map((pull) => rows.map((row) => [pull(row), row] as const).sort(([one, row], [other, second]) => other - one || row - second).map(([, row]) => row));
  const union = (lists: readonly (readonly number[])[]): readonly number[] => [...new Set(lists.flat())].sort((one, other) => one - other);
  return { fullest: union(sorted.map((list, nth) => list.slice(0, nth === 0 ? count : count / 4))), emptiest: union(sorted.map((list, nth) => list.slice(nth === 0 ? -count : -count / 4))) };
}

interface Looked {
  readonly field: Field;
  readonly units: readonly number[];
  /** Hosts to go to. */
  readonly rows: readonly number[];
}

interface Best {
  readonly unit: number;
  readonly from: number;
  readonly to: number;
}

function bestMove(packing: Packing, { field, units, rows }: Looked, { minGain, mayGo }: EvenOutOptions): Best | null {
  const { shares, perUnit, loads, sums, squares } = field;
  const count = field.rows.length;
  const now = deviationOf(sums[0] ?? 0, squares[0] ?? 0, count) + deviationOf(sums[1] ?? 0, squares[1] ?? 0, count);
  const [memory, cpu] = [shares[0] ?? new Float64Array(), shares[1] ?? new Float64Array()];
  const [perMemory, perCpu] = [perUnit[0] ?? memory, perUnit[1] ?? cpu];
  const [memoryLoads, cpuLoads] = [loads[0] ?? memory, loads[1] ?? cpu];
  let best: Best | null = null;
  let least = now - minGain / count;
  for (const unit of units) {
    const from = packing.at[unit] ?? NOWHERE;
    const [a, b] = [memoryLoads[unit] ?? 0, cpuLoads[unit] ?? 0];
    const [m0, c0] = [memory[from] ?? 0, cpu[from] ?? 0];
    const [m1, c1] = [m0 - a * (perMemory[from] ?? 0), c0 - b * (perCpu[from] ?? 0)];
    const sumM = (sums[0] ?? 0) - m0 + m1;
    const sumC = (sums[1] ?? 0) - c0 + c1;
    const squareM = (squares[0] ?? 0) - m0 * m0 + m1 * m1;
    const squareC = (squares[1] ?? 0) - c0 * c0 + c1 * c1;
    for (const to of rows) {
      if (to === from) continue;
      const addM = a * (perMemory[to] ?? 0);
      const addC = b * (perCpu[to] ?? 0);
      const [m, c] = [memory[to] ?? 0, cpu[to] ?? 0];
      const score = deviationOf(sumM + addM, squareM + addM * (2 * m + addM), count) + deviationOf(sumC + addC, squareC + addC * (2 * c + addC), count);
      if (score < least && packing.hasRoom(unit, to) && mayGo(unit, to) && packing.maySit(unit, to)) {
        least = score;
        best = { unit, from, to };
      }
    }
  }
  return best;
}

const deviationOf = (sum: number, squares: number, count: number): number => Math.sqrt(Math.max(0, squares / count - (sum / count) * (sum / count)));

function apply({ shares, perUnit, loads, sums, squares }: Field, { unit, from, to }: Best): void {
  COUNTED.forEach((_nth, which) => {
    const own = shares[which];
    if (!own) return;
    for (const [row, times] of [[from, -1], [to, 1]] as const) {
      const old = own[row] ?? 0;
      const share = old + times * (loads[which]?.[unit] ?? 0) * (perUnit[which]?.[row] ?? 0);
      own[row] = share;
      sums[which] = (sums[which] ?? 0) + share - old;
      squares[which] = (squares[which] ?? 0) + share * share - old * old;
    }
  });
}

/** Standard deviations of the shares used, of memory and of CPUs, added up: what evenOut takes off. */
export function imbalanceOf(packing: Packing, options: Pick<EvenOutOptions, 'method'>): number {
  const { rows, sums, squares } = fieldOf(packing, options);
  if (rows.length === 0) return 0;
  return sums.reduce((all, sum, which) => all + deviationOf(sum, squares[which] ?? 0, rows.length), 0);
}
