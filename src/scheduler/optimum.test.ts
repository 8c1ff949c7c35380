// Beside an exact solver: what plans leave without a place, no plan could place.
import highs, { type LegacyHighs } from 'highs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { tightCluster } from '../../test/fixtures/tight-cluster.js';
import { clusterModel, type ClusterModel } from './packing/cluster-model.js';
import { Packing } from './packing/packing.js';
import { placeBatch } from './packing/place-batch.js';
import { RESOURCES } from './resources.js';
import type { PlacementView } from './placement.js';
import { drawnCluster, viewOf } from './plans.fixture.js';

let solver: LegacyHighs;
beforeAll(async () => {
  // A CommonJS module whose types say that its loader is a named default.
  solver = await (highs as unknown as () => Promise<LegacyHighs>)();
});

/** Priorities are far apart: one of a higher is worth more than all of the lower ones. */
const RANK = 40;

/** The solver was once seen not to come back from one of thousands of random clusters: these two hundred it solves. */
const SEED = 20_261;
const SOLVER_S = 10;

interface Lost {
  readonly model: ClusterModel;
  readonly packing: Packing;
  readonly units: readonly number[];
}

function lose(view: PlacementView): Lost {
  const model = clusterModel(view);
  const packing = new Packing(model);
  const units = [...(packing.standing[0] ?? [])].sort((one, other) => one - other);
  for (const unit of units) packing.take(unit);
  packing.closed[0] = 1;
  return { model, packing, units };
}

const worthOf = ({ units }: ClusterModel, unit: number): number => RANK ** (units[unit]?.priority ?? 0);

/** The most that can be placed, by worth, as a whole-number program: each unit on one host at most, hosts within their room, kept apart what must be. */
function optimum({ model, packing, units }: Lost): number {
  const pairs = units.flatMap((unit) => [...model.hosts.keys()].filter((host) => packing.maySit(unit, host)).map((host) => ({ unit, host, name: `x_${unit}_${host}` })));
  if (pairs.length === 0) return 0;
  const sum = (some: readonly string[]): string => some.join(' + ');
  const rows = [
    ...units.map((unit) => sum(pairs.filter((one) => one.unit === unit).map(({ name }) => name))).filter((row) => row !== '').map((row) => `${row} <= 1`),
    ...[...model.hosts.keys()].flatMap((host) => RESOURCES.map((_resource, nth) => {
      const there = pairs.filter((one) => one.host === host && (model.needs[one.unit * RESOURCES.length + nth] ?? 0) > 0);
      return there.length === 0 ? '' : `${sum(there.map(({ unit, name }) => `${model.needs[unit * RESOURCES.length + nth] ?? 0} ${name}`))} <= ${Math.max(0, packing.free[host * RESOURCES.length + nth] ?? 0)}`;
    })).filter((row) => row !== ''),
    ...model.spots.flatMap((spots, rule) => [...new Set(spots)].map((spot) => {
      const there = pairs.filter(({ unit, host }) => spots[host] === spot && (model.units[unit]?.apart.includes(rule) ?? false));
      return there.length < 2 ? '' : `${sum(there.map(({ name }) => name))} <= 1`;
    })).filter((row) => row !== ''),
  ];
  const lp = `Maximize\n obj: ${sum(pairs.map(({ unit, name }) => `${worthOf(model, unit)} ${name}`))}\nSubject To\n${rows.map((row, nth) => ` r${nth}: ${row}`).join('\n')}\nBinary\n ${pairs.map(({ name }) => name).join('\n ')}\nEnd`;
  const solved = solver.solve(lp, { time_limit: SOLVER_S });
  expect(solved.Status).toBe('Optimal');
  return Math.round(solved.ObjectiveValue);
}

const total = (model: ClusterModel, units: readonly number[]): number => units.reduce((sum, unit) => sum + worthOf(model, unit), 0);

describe('beside an exact solver', () => {
  it('small clusters: by priority as much is placed as can be', () => {
    let unplacedOnes = 0;
    fc.assert(fc.property(drawnCluster.map(viewOf), (view) => {
      const lost = lose(view);
      // Of a group that is split, or of one zone, the program above knows nothing.
      fc.pre(lost.units.length > 0 && lost.model.units.every(({ siblings, zoneSiblings }) => siblings.length + zoneSiblings.length === 0));
      const most = optimum(lost);
      const { unplaced } = placeBatch(lost.packing, { units: lost.units });
      const placed = total(lost.model, lost.units.filter((unit) => !unplaced.includes(unit)));
      expect(placed).toBe(most);
      if (unplaced.length > 0) unplacedOnes += 1;
    }), { numRuns: 200, seed: SEED });
    expect(unplacedOnes).toBeGreaterThan(10);
  });

  it('losses that just fit: nothing is left where 5 % of each host is free, and next to nothing where none is', () => {
    const leftIn = (slack: number): number => Array.from({ length: 20 }, (_, seed) => {
      const { packing, units } = lose(tightCluster({ survivors: 10, lost: 20, slack, seed: seed + 1 }));
      return placeBatch(packing, { units }).unplaced.length;
    }).filter((left) => left > 0).length;
    expect(leftIn(0.05)).toBe(0);
    expect(leftIn(0)).toBeLessThanOrEqual(1);
  });
});
