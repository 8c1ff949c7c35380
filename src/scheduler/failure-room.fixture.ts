// Small random clusters for tests of the room for failure: tight, with rules, priorities and zones.
import { aFacts, aHost, aWorkload } from '../../test/fixtures/cluster.js';
import type { Host } from '../hosts/host.js';
import { seededRng, type Rng } from '../shared/rng.js';
import type { Workload } from '../workloads/workload.js';
import type { PlacementView } from './placement.js';
import type { PlacementRule } from './placement-rule.js';
import { usageAt } from './usage.js';

const RESERVED = 512;

/** Of three to five hosts, each with up to four workloads that fit there. */
export function smallCluster(seed: number, { rules = true }: { readonly rules?: boolean } = {}): PlacementView {
  const rng = seededRng(seed);
  const hosts = Array.from({ length: 3 + rng.int(3) }, (_, nth) => sizedHost(`host-${nth + 1}`, 4_096 * (1 + rng.int(3)), rng));
  const workloads = hosts.flatMap((host, nth) => filling(rng, host, nth));
  return viewOf(hosts, workloads, rules ? randomRules(rng, workloads) : []);
}

export function viewOf(hosts: readonly Host[], workloads: readonly Workload[], rules: readonly PlacementRule[] = []): PlacementView {
  return { hosts, workloads, heard: new Set(hosts.map(({ id }) => id)), leaseless: new Set<never>(), promised: [], rules, policy: { strategy: 'balanced', memoryOvercommit: 1, cpuOvercommit: 4, reservedMemoryMiB: RESERVED } };
}

/** So much for workloads. */
export function roomyHost(name: string, memoryMiB: number, set: Partial<Host> = {}): Host {
  return aHost(name, { facts: aFacts({ memoryMiB: memoryMiB + RESERVED, cpus: 8, bootId: `boot-${name}`, hostname: name }), ...set });
}

export function sized(name: string, host: Host | null, memoryMiB: number, set: Partial<Workload> = {}): Workload {
  const one = aWorkload(name, host, set);
  return { ...one, needs: { ...one.needs, memoryMiB } };
}

function sizedHost(name: string, memoryMiB: number, rng: Rng): Host {
  const zone = `zone-${1 + rng.int(3)}`;
  return roomyHost(name, memoryMiB, { cordoned: rng.next() < 0.1, zone });
}

function filling(rng: Rng, host: Host, nth: number): readonly Workload[] {
  let left = (host.facts?.memoryMiB ?? RESERVED) - RESERVED;
  return Array.from({ length: rng.int(5) }, (_, index) => {
    const one = sized(`vm-${nth + 1}${index + 1}`, host, 512 * (1 + rng.int(6)), { priority: rng.int(3), isProtected: rng.next() < 0.9 });
    if (one.needs.memoryMiB > left) return null;
    left -= one.needs.memoryMiB;
    return one;
  }).filter((one) => one !== null);
}

/** Kept as things stand. */
function randomRules(rng: Rng, workloads: readonly Workload[]): readonly PlacementRule[] {
  const rules: PlacementRule[] = [];
  const homes = [...new Set(workloads.map(({ hostId }) => hostId))];
  if (rng.next() < 0.5) rules.push({ name: 'apart', type: 'keep-apart', hard: rng.next() < 0.8, workloads: homes.slice(0, 2 + rng.int(3)).flatMap((home) => workloads.filter(({ hostId }) => hostId === home).slice(0, 1)).map(({ id }) => id) });
  const [home] = homes;
  const mates = workloads.filter(({ hostId }) => hostId === home).slice(-2);
  if (rng.next() < 0.4 && mates.length === 2) rules.push({ name: 'together', type: 'keep-together', hard: true, workloads: mates.map(({ id }) => id) });
  return rules;
}

export const usedMiB = (view: PlacementView, host: Host): number => usageAt(view, host.id).memoryMiB;
