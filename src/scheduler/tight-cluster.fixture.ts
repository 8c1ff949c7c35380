// A cluster that loses a host whose workloads surely fit elsewhere: they are laid out first, then taken away.
import { aFacts, aHost, aWorkload } from '../../test/fixtures/cluster.js';
import { seededRng, type Rng } from '../shared/rng.js';
import type { Workload } from '../workloads/workload.js';
import { GENERATED_POLICY } from './generated-cluster.fixture.js';
import type { PlacementView } from './placement.js';

export interface TightSize {
  /** Hosts that are left. */
  readonly survivors: number;
  readonly lost: number;
  /** Of each host's memory and CPUs, that nothing takes even then. 0: the lost ones fill all hosts exactly. */
  readonly slack: number;
  readonly seed: number;
}

interface Sizes {
  readonly memoryMiB: number;
  readonly vcpus: number;
}

const MEMORY_MIB = 131_072;
const GIB = [1, 2, 2, 4, 4, 8, 16];

/** The first host is the one to lose: it has all that was taken away. */
export function tightCluster({ survivors, lost, slack, seed }: TightSize): PlacementView {
  const rng = seededRng(seed * 104_729 + survivors);
  const filled = Array.from({ length: survivors }, () => fill(rng, Math.floor(MEMORY_MIB * (1 - slack))));
  const taken = new Set<string>();
  while (taken.size < lost) {
    const host = rng.int(survivors);
    taken.add(`${host} ${rng.int(filled[host]?.length ?? 1)}`);
  }
  const away = aHost('host-000', { facts: aFacts({ memoryMiB: 10 * MEMORY_MIB, cpus: 1_000 }) });
  const hosts = filled.map((sizes, nth) => aHost(`host-${String(nth + 1).padStart(3, '0')}`, { facts: aFacts({ memoryMiB: MEMORY_MIB + GENERATED_POLICY.reservedMemoryMiB, cpus: Math.floor(sizes.reduce((sum, { vcpus }) => sum + vcpus, 0) / (1 - slack)) }) }));
  const workloads = filled.flatMap((sizes, host) => sizes.map((size, nth): Workload => {
    const workload = aWorkload(`vm-${String(host).padStart(3, '0')}-${String(nth).padStart(3, '0')}`, taken.has(`${host} ${nth}`) ? away : (hosts[host] ?? null));
    return { ...workload, needs: { ...workload.needs, ...size } };
  }));
  const all = [away, ...hosts];
  return { hosts: all, workloads, heard: new Set(all.map(({ id }) => id)), leaseless: new Set<never>(), promised: [], rules: [], policy: { ...GENERATED_POLICY, cpuOvercommit: 1 } };
}

/** To the last MiB. */
function fill(rng: Rng, memoryMiB: number): readonly Sizes[] {
  const sizes: Sizes[] = [];
  for (let left = memoryMiB; left > 0; ) {
    const size = Math.min(left, 1_024 * (GIB[rng.int(GIB.length)] ?? 1));
    sizes.push({ memoryMiB: size, vcpus: 1 + rng.int(8) });
    left -= size;
  }
  return sizes;
}
