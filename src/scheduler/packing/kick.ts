// A move by chance that need not gain anything: what is in its way goes elsewhere. From there a search may find what single steps don't.
import type { Rng } from '../../shared/rng.js';
import type { BalanceState } from './balance-state.js';
import { NOWHERE } from './cluster-model.js';

const MOST_IN_THE_WAY = 2;

/** Gives the hosts that changed; none: it can't be done. */
export function kick(state: BalanceState, units: readonly number[], rng: Rng): readonly number[] {
  const { packing, evenness: { rows } } = state;
  const unit = units[rng.int(units.length)] ?? 0;
  const to = rows[rng.int(rows.length)] ?? 0;
  const from = packing.at[unit] ?? NOWHERE;
  if (to === from || !state.mayGo(unit, to)) return [];
  const gone = [unit, ...goWithIt(state, unit, to)];
  const homes = gone.map((one) => packing.take(one));
  const inTheWay = [...(state.movable[to] ?? [])].filter((one) => !gone.includes(one));
  const first = inTheWay.length === 0 ? 0 : rng.int(inTheWay.length);
  for (let nth = 0; nth < Math.min(MOST_IN_THE_WAY, inTheWay.length) && !packing.fits(unit, to); nth += 1) {
    const one = inTheWay[(first + nth) % inTheWay.length] ?? 0;
    gone.push(one);
    homes.push(packing.take(one));
  }
  if (!packing.fits(unit, to) || !putAll(state, gone, homes, to)) {
    gone.forEach((one, nth) => {
      packing.take(one);
      packing.put(one, homes[nth] ?? NOWHERE);
    });
    return [];
  }
  gone.forEach((one, nth) => state.note(one, homes[nth] ?? NOWHERE, packing.at[one] ?? NOWHERE));
  return [...new Set([...homes, ...gone.map((one) => packing.at[one] ?? NOWHERE)])];
}

/** Those that must stand in its zone, where it leaves that. */
function goWithIt({ packing, movable }: BalanceState, unit: number, to: number): readonly number[] {
  const { units, zones } = packing.model;
  return (units[unit]?.zoneSiblings ?? []).filter((one) => {
    const at = packing.at[one] ?? NOWHERE;
    return at !== NOWHERE && zones[at] !== zones[to] && movable[at]?.includes(one) === true;
  });
}

/** The first goes there, the others where they leave it the most even. */
function putAll(state: BalanceState, [first, ...others]: readonly number[], homes: readonly number[], to: number): boolean {
  const { packing, evenness } = state;
  packing.put(first ?? NOWHERE, to);
  return others.every((one, nth) => {
    const from = homes[nth + 1] ?? NOWHERE;
    let best = NOWHERE;
    let least = Number.POSITIVE_INFINITY;
    for (const row of evenness.rows) {
      const score = evenness.after(one, from, row);
      if (row === from || score >= least || !state.mayGo(one, row) || !packing.fits(one, row)) continue;
      least = score;
      best = row;
    }
    if (best !== NOWHERE) packing.put(one, best);
    return best !== NOWHERE;
  });
}
