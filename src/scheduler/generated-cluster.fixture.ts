// Clusters of any size, the same for the same seed: for measurements and property tests.
import { aFacts, aHost, aWorkload } from '../../test/fixtures/cluster.js';
import type { Host } from '../hosts/host.js';
import { seededRng, type Rng } from '../shared/rng.js';
import type { Workload } from '../workloads/workload.js';
import type { PlacementPolicy, PlacementView } from './placement.js';
import type { PlacementRule } from './placement-rule.js';

export interface GeneratedSize {
  readonly hosts: number;
  readonly workloads: number;
  /** Of the hosts' memory, 0 to 1. */
  readonly fill: number;
  readonly rules?: boolean;
  readonly seed?: number;
}

export const GENERATED_POLICY: PlacementPolicy = { strategy: 'balanced', memoryOvercommit: 1, cpuOvercommit: 4, reservedMemoryMiB: 512 };
const HOST_MEMORY_MIB = 262_144;
const HOST_CPUS = 64;
/** As people order them: powers of two, the small ones more often. */
const SIZES = [1, 1, 1, 2, 2, 2, 4, 4, 8, 16];

/** Workloads lie where there was room for them, in no good order: what wears in over months. */
export function generatedCluster({ hosts: hostCount, workloads: count, fill, rules = false, seed = 1 }: GeneratedSize): PlacementView {
  const rng = seededRng(seed * 7_919 + hostCount * 31 + count);
  const hosts = Array.from({ length: hostCount }, (_, index) => aHost(`host-${String(index).padStart(4, '0')}`, { facts: aFacts({ memoryMiB: HOST_MEMORY_MIB + GENERATED_POLICY.reservedMemoryMiB, cpus: HOST_CPUS }) }));
  const sizes = Array.from({ length: count }, () => SIZES[rng.int(SIZES.length)] ?? 1);
  const unitMiB = (hostCount * HOST_MEMORY_MIB * fill) / sizes.reduce((sum, size) => sum + size, 0);
  const free = hosts.map(() => HOST_MEMORY_MIB);
  const workloads = sizes
    .map((size, index): Workload => {
      const memoryMiB = Math.floor(size * unitMiB);
      const at = whereRoom(rng, free, memoryMiB);
      free[at] = (free[at] ?? 0) - memoryMiB;
      return sized(`vm-${String(index).padStart(5, '0')}`, hosts[at] ?? null, memoryMiB, 1 + Math.floor(Math.min(size, 8) * rng.next()));
    });
  return { hosts, workloads, heard: new Set(hosts.map(({ id }) => id)), leaseless: new Set<never>(), promised: [], rules: rules ? randomRules(rng, workloads) : [], policy: GENERATED_POLICY };
}

function sized(name: string, host: Host | null, memoryMiB: number, vcpus: number): Workload {
  const workload = aWorkload(name, host);
  return { ...workload, needs: { ...workload.needs, memoryMiB, vcpus } };
}

/** A host by chance among those with room; the emptiest where chance found none. */
function whereRoom(rng: Rng, free: readonly number[], memoryMiB: number): number {
  for (let turn = 0; turn < 8; turn += 1) {
    const at = Math.floor(rng.next() * rng.next() * free.length);
    if ((free[at] ?? 0) >= memoryMiB) return at;
  }
  return free.reduce((best, room, index) => (room > (free[best] ?? 0) ? index : best), 0);
}

/** Of every twenty workloads: three kept apart, as they lie apart already. */
function randomRules(rng: Rng, workloads: readonly Workload[]): readonly PlacementRule[] {
  const rules: PlacementRule[] = [];
  for (let from = 0; from + 20 <= workloads.length; from += 20) {
    const chosen: Workload[] = [];
    for (let turn = 0; turn < 20 && chosen.length < 3; turn += 1) {
      const one = workloads[from + rng.int(20)];
      if (one && !chosen.some((other) => other.hostId === one.hostId)) chosen.push(one);
    }
    if (chosen.length > 1) rules.push({ name: `apart-${from}`, type: 'keep-apart', hard: rng.int(4) > 0, workloads: chosen.map(({ id }) => id) });
  }
  return rules;
}
