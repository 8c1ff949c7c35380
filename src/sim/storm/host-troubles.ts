// Hosts that say that something is wrong with them, in some of the storms: of a stream of its own, so that seeds keep their clusters and storms.
import { seededRng } from '../../shared/rng.js';
import type { TimelineEntry } from '../scenario/scenario.js';
import { host, later, type StormSite } from './random-storm.js';

const KINDS = [['host.uplink-lost', 'host.uplink-back'], ['host.degrade', 'host.recover-health']] as const;

export function hostTroubles(seed: number, site: StormSite): readonly TimelineEntry[] {
  const rng = seededRng(seed ^ 0x4ea1_7b05);
  if (rng.next() < 0.7) return [];
  return Array.from({ length: 1 + rng.int(3) }, () => {
    const [begins, ends] = KINDS[rng.int(2)] as (typeof KINDS)[number];
    const struck = host(rng, site);
    const at = later(rng, site.beginsS, site.lengthS);
    return [{ at, do: begins, host: struck }, { at: later(rng, at, 60), do: ends, host: struck }] as const;
  }).flat();
}

/** What is still wrong when all is healed. */
export function wellAgain(struck: readonly TimelineEntry[], at: number): readonly TimelineEntry[] {
  const hosts = (begins: string): readonly string[] => [...new Set(struck.flatMap((entry) => (entry.do === begins && 'host' in entry && entry.host !== undefined ? [entry.host] : [])))].sort();
  return KINDS.flatMap(([begins, ends]) => hosts(begins).map((one) => ({ at, do: ends, host: one }) as const));
}
