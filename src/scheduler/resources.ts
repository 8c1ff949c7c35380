// What runs out on a host, as sums: what a workload takes of it, and how much of it a host gives. The filters of one placement and all plans count by these.
import { reservedHugepagesMiB } from '../hosts/hugepages.js';
import type { HostFacts } from '../hosts/host-facts.js';
import { ordinaryMemoryMiB } from '../workloads/hugepage-needs.js';
import type { Workload } from '../workloads/workload.js';
import type { PlacementPolicy, Room } from './placement.js';

export interface Resource {
  readonly code: 'memory' | 'cpus' | 'hugepages';
  readonly need: (workload: Pick<Workload, 'needs'>) => number;
  readonly limit: (facts: HostFacts, policy: PlacementPolicy) => number;
  /** Of what is taken by guests that Reeve does not know. */
  readonly ofRoom: (room: Room) => number;
}

export const memory: Resource = {
  code: 'memory',
  need: ({ needs }) => ordinaryMemoryMiB(needs),
  limit: (facts, policy) => Math.floor((facts.memoryMiB - reservedHugepagesMiB(facts) - policy.reservedMemoryMiB) * policy.memoryOvercommit),
  ofRoom: ({ memoryMiB }) => memoryMiB,
};

export const cpus: Resource = {
  code: 'cpus',
  need: ({ needs }) => needs.vcpus,
  limit: ({ cpus: count }, policy) => Math.floor(count * policy.cpuOvercommit),
  ofRoom: ({ vcpus }) => vcpus,
};

/** More than any host has: of one looked at by an older release nobody knows, and its hypervisor says no. */
const UNKNOWN_PAGES = 1e9;

/** By size. Of the default size, which is the host's, and of other sizes the filter of one placement asks the host. */
const hugepagesOf = (sizeKiB: number): Resource => ({
  code: 'hugepages',
  need: ({ needs }) => (needs.hugepages ?? []).reduce((sum, one) => sum + (one.sizeKiB === sizeKiB ? Math.ceil((one.memoryMiB * 1_024) / sizeKiB) : 0), 0),
  limit: ({ hugepages }) => (hugepages === undefined ? UNKNOWN_PAGES : (hugepages.find((one) => one.sizeKiB === sizeKiB)?.total ?? 0)),
  ofRoom: () => 0,
});

/** Memory first: it is what runs out first. */
export const RESOURCES: readonly Resource[] = [memory, cpus, hugepagesOf(2_048), hugepagesOf(1_048_576)];
export const MEMORY = 0;
export const CPUS = 1;
