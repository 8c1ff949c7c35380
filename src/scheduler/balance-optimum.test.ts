// Beside every assignment of tiny clusters: a balance takes off what can be taken off.
import { describe, expect, it } from 'vitest';
import { tinyCluster } from '../../test/fixtures/tiny-cluster.js';
import { balanceBeside } from '../../test/fixtures/beside-optimum.js';
import { DEFAULT_BALANCE } from './plan-balance.js';
import { faultsOf } from './plans.fixture.js';

const CLUSTERS = 100;
/** Of what the best takes off the imbalance. */
const WITHIN = 0.02;
const ROUNDING = 1e-5;

function compare(minGain: number): void {
  let worthwhile = 0;
  for (let seed = 1; seed <= CLUSTERS; seed += 1) {
    const view = tinyCluster(seed);
    const { plan, before, reached, best } = balanceBeside(view, minGain);
    expect([seed, faultsOf(view, plan, 2)]).toEqual([seed, []]);
    expect([seed, reached - best <= WITHIN * (before - best) + ROUNDING]).toEqual([seed, true]);
    if (before - best > 0.05) worthwhile += 1;
  }
  expect(worthwhile).toBeGreaterThan(CLUSTERS / 2);
}

describe('balance beside every assignment', () => {
  it('takes off what can be taken off, within 2 %, where moves cost nothing', () => compare(0));
  it('is worth its moves as much as can be, within 2 %, where each has its price', () => compare(DEFAULT_BALANCE.minGain));
});
