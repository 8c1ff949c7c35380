// Watchdogs that are dead without anybody knowing: on hosts where the agent alone can still do what it stands behind.
import { seededRng } from '../../shared/rng.js';
import type { TimelineEntry } from '../scenario/scenario.js';
import { later, type StormSite } from './random-storm.js';

/** Where the agent stands still, or a process outlives its killing, only the watchdog is left: that hole is known and documented. */
const NEEDS_IT: ReadonlySet<TimelineEntry['do']> = new Set(['host.hang', 'agent.crash', 'agent.restart', 'host.storage-lost']);

/** Of a stream of its own, so that seeds keep the rest of their storms. */
export function deadWatchdogs(seed: number, site: StormSite, storm: readonly TimelineEntry[]): readonly TimelineEntry[] {
  const rng = seededRng(seed ^ 0x2e8f_d06d);
  const needing = new Set(storm.flatMap((entry) => (NEEDS_IT.has(entry.do) && 'host' in entry ? [entry.host] : [])));
  return site.hosts.flatMap(({ name, fencing = [] }) => {
    const [chance, at] = [rng.next(), later(rng, site.beginsS, site.lengthS)];
    return chance < 0.15 && fencing.includes('watchdog') && !needing.has(name) ? [{ at, do: 'host.fence-breaks' as const, host: name, device: 'watchdog' }] : [];
  });
}
