// One of a host's hypervisors hangs, in some of the storms: of a stream of its own, so that seeds keep their clusters and storms.
import { seededRng } from '../../shared/rng.js';
import type { TimelineEntry } from '../scenario/scenario.js';
import { host, later, pick, tenths, type StormSite } from './random-storm.js';

export function hangingDaemons(seed: number, site: StormSite): readonly TimelineEntry[] {
  const rng = seededRng(seed ^ 0x6d07_e3a5);
  if (rng.next() < 0.75) return [];
  return Array.from({ length: 1 + rng.int(3) }, () => {
    const at = later(rng, site.beginsS, site.lengthS);
    return { at, do: 'host.daemon-hangs', host: host(rng, site), driver: pick(rng, ['libvirt', 'lxd', 'lxd'] as const), seconds: tenths(1 + rng.next() * (rng.next() < 0.5 ? 6 : 40)) } as const;
  });
}
