// ClusterPolicy: the numbers that decisions depend on, with the product's defaults.
import type { PlacementPolicy } from '../scheduler/placement.js';

export interface ClusterPolicy {
  readonly placement: PlacementPolicy;
  /** Above this share of silent hosts nothing is fenced: it is more likely our own network. */
  readonly maxSilentShare: number;
  /** Fence operations under way at once in a cluster. */
  readonly fencesInFlight: number;
  /** Starts and recoveries under way at once on one target host. */
  readonly startsPerHost: number;
  /** Live migrations under way at once from or to one host. */
  readonly migrationsPerHost: number;
  /** An answer to the SSH look counts for this long. */
  readonly probeValidMs: number;
  /** After the first failed fence; doubles up to the maximum, for ever. */
  readonly fenceRetryMs: number;
  readonly fenceRetryMaxMs: number;
  /** A workload that ran this long has its failures forgotten. */
  readonly failuresForgottenMs: number;
  /** Inventories older than this are not interpreted. */
  readonly inventoryMaxAgeMs: number;
  /** Between two tries to re-admit a host that came back. */
  readonly readmitRetryMs: number;
}

export const DEFAULT_POLICY: ClusterPolicy = {
  placement: { strategy: 'balanced', memoryOvercommit: 1, cpuOvercommit: 4, reservedMemoryMiB: 512 },
  maxSilentShare: 0.5,
  fencesInFlight: 2,
  startsPerHost: 6,
  migrationsPerHost: 2,
  probeValidMs: 5_000,
  fenceRetryMs: 5_000,
  fenceRetryMaxMs: 300_000,
  failuresForgottenMs: 600_000,
  inventoryMaxAgeMs: 15_000,
  readmitRetryMs: 10_000,
};
