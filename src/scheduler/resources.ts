// What runs out on a host, as sums: what a workload takes of it, and how much of it a host gives. The filters of one placement and all plans count by these.
import type { HostFacts } from '../hosts/host-facts.js';
import type { Workload } from '../workloads/workload.js';
import type { PlacementPolicy, Room } from './placement.js';

export interface Resource {
  readonly code: 'memory' | 'cpus';
  readonly need: (workload: Pick<Workload, 'needs'>) => number;
  readonly limit: (facts: HostFacts, policy: PlacementPolicy) => number;
  /** Of what is taken by guests that Reeve does not know. */
  readonly ofRoom: (room: Room) => number;
}

export const memory: Resource = {
  code: 'memory',
  need: ({ needs }) => needs.memoryMiB,
  limit: ({ memoryMiB }, policy) => Math.floor((memoryMiB - policy.reservedMemoryMiB) * policy.memoryOvercommit),
  ofRoom: ({ memoryMiB }) => memoryMiB,
};

export const cpus: Resource = {
  code: 'cpus',
  need: ({ needs }) => needs.vcpus,
  limit: ({ cpus: count }, policy) => Math.floor(count * policy.cpuOvercommit),
  ofRoom: ({ vcpus }) => vcpus,
};

/** Memory first: it is what runs out first. */
export const RESOURCES: readonly Resource[] = [memory, cpus];
export const MEMORY = 0;
export const CPUS = 1;
