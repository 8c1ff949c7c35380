// ClusterPolicy: the numbers that decisions depend on, with the product's defaults.
import { DEFAULT_QUARANTINE, type QuarantinePolicy } from '../hosts/flapping.js';
import { DEFAULT_BACKOFF, type RestartBackoff } from '../workloads/restart-policy.js';
import type { RoomMode } from '../scheduler/losses-to-try.js';
import type { PlacementPolicy } from '../scheduler/placement.js';

/** What an orderly shutdown or reboot of a host does to its workloads. */
export type GracefulShutdown = 'conditional' | 'failover' | 'migrate' | 'freeze';

export const GRACEFUL_SHUTDOWNS: { readonly [G in GracefulShutdown]: string } = {
  conditional: 'shutdown: they stop with the host and start elsewhere at once; reboot: they come back with it',
  failover: 'they start elsewhere in both cases',
  migrate: 'they are moved away live first; what could not move: as under conditional',
  freeze: 'they come back with the same host',
};

/** What is done with workloads on a host that says that something is wrong with it. */
export type OnTrouble = 'migrate' | 'keep';

export interface TroublePolicy {
  /** For those whose bridges lead nowhere. */
  readonly uplinkLost: OnTrouble;
  /** For all that run on failing hardware. */
  readonly hardwareFailing: OnTrouble;
  /** Trouble that is over within this moves nothing. */
  readonly afterMs: number;
}

/** Which loss must leave nothing down; off: none is looked at before a start or a move. */
export type AdmissionMode = 'off' | RoomMode;

/** Moves for evenness, of a quiet cluster that was uneven in enough looks in a row. */
export interface RebalancePolicy {
  /** Above it something is done: the standard deviation of the share of memory used and that of vCPUs, added up. */
  readonly threshold: number;
  /** Looks in a row. */
  readonly holdRounds: number;
  /** Of the imbalance, the share that the moves together must take off. */
  readonly minImprovement: number;
  readonly method: 'usage' | 'capacity';
  /** advise: people are told; automatic: it is done. */
  readonly act: 'advise' | 'automatic';
}

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
  readonly gracefulShutdown: GracefulShutdown;
  /** Under policy migrate a host that goes down waits so long for its protected workloads to move away. */
  readonly migrateWithinMs: number;
  /** A host that reboots in order is waited for so long (not under policy freeze); then its workloads start elsewhere. */
  readonly rebootReturnMs: number;
  readonly quarantine: QuarantinePolicy;
  readonly onTrouble: TroublePolicy;
  /** A preferred host must have been admitted so long before workloads go back to it. */
  readonly failbackAfterMs: number;
  /** A move by choice that failed is not tried to the same host again before this. */
  readonly moveRetryMs: number;
  /** A guest that did not shut down is asked again after this. */
  readonly stopRetryMs: number;
  readonly restartBackoff: RestartBackoff;
  /** Null: off. */
  readonly rebalance: RebalancePolicy | null;
  /** What was stopped and is wanted running starts on the host that placement likes best now, not where it was. */
  readonly rebalanceOnStart: boolean;
  /** What a person moved is not moved for evenness for so long. */
  readonly handMadeMs: number;
  /** What operators start or move may not use up the room for such a loss. */
  readonly admission: AdmissionMode;
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
  gracefulShutdown: 'conditional',
  migrateWithinMs: 600_000,
  rebootReturnMs: 900_000,
  quarantine: DEFAULT_QUARANTINE,
  onTrouble: { uplinkLost: 'migrate', hardwareFailing: 'migrate', afterMs: 10_000 },
  failbackAfterMs: 60_000,
  moveRetryMs: 600_000,
  stopRetryMs: 60_000,
  restartBackoff: DEFAULT_BACKOFF,
  rebalance: null,
  rebalanceOnStart: false,
  handMadeMs: 86_400_000,
  admission: 'off',
};

/** So long a host that goes down in order puts off its end. */
export function leaveWithinMs({ gracefulShutdown, migrateWithinMs }: Pick<ClusterPolicy, 'gracefulShutdown' | 'migrateWithinMs'>): number {
  return gracefulShutdown === 'migrate' ? migrateWithinMs : 0;
}
