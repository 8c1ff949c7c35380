// Plans in some of the storms: people begin balances and ways back, and clusters are balanced by themselves. Of streams of their own, so that seeds keep their clusters and storms.
import { seededRng } from '../../shared/rng.js';
import type { ScenarioPolicy, TimelineEntry } from '../scenario/scenario.js';
import { host, later, pick, tenths, type StormSite } from './random-storm.js';

export function plansMeanwhile(seed: number, site: StormSite): readonly TimelineEntry[] {
  const rng = seededRng(seed ^ 0x2b1a_9c07);
  if (rng.next() < 0.7) return [];
  return Array.from({ length: 1 + rng.int(3) }, (): readonly TimelineEntry[] => {
    const at = later(rng, site.beginsS, site.lengthS);
    if (rng.next() < 0.6) return [{ at, do: 'cluster.balance' }];
    const drained = host(rng, site);
    const undrainedAt = later(rng, at + 1, 30);
    return [{ at, do: 'host.drain', host: drained }, { at: undrainedAt, do: 'host.undrain', host: drained }, { at: tenths(undrainedAt + rng.next() * 10), do: 'host.return', host: drained }];
  }).flat();
}

export function randomRebalance(seed: number): ScenarioPolicy {
  const rng = seededRng(seed ^ 0x61d3_f00d);
  if (rng.next() < 0.75) return {};
  return {
    rebalance: { threshold: pick(rng, [0.02, 0.1, 0.3]), holdRounds: 1 + rng.int(2), minImprovement: pick(rng, [0.01, 0.1]), method: pick(rng, ['usage', 'capacity'] as const), ...(rng.next() < 0.2 ? { act: 'advise' as const } : {}) },
    ...(rng.next() < 0.5 ? { rebalanceOnStart: true } : {}),
  };
}
