// The Hypervisor port: what Reeve asks of and does to the hypervisor of one host. Real adapters: drivers/libvirt, drivers/lxd; simulated: sim/.
// Every call has its own bound in time and throws OperationalError; a `timeout` means that the effect is unknown: observe before acting.
import type { HostFacts } from './host-facts.js';

/** Numbers that make older commands invalid. The guard on the host checks them before any mutating command. */
export interface CommandToken {
  readonly leaderEpoch: number;
  readonly hostEpoch: number;
  /** The workload's uuid and its epoch; absent for commands about the host as a whole. */
  readonly workload?: { readonly uuid: string; readonly epoch: number };
  /** It runs under its host's lease: the guard starts it only while the lease holds and a watchdog stands behind it, and the agent ends it with the lease. */
  readonly lease?: boolean;
}

/** Who runs it at its host. A host may have several of them side by side. */
export type DriverName = 'libvirt' | 'lxd' | 'incus';

export const HYPERVISOR_NAMES: { readonly [D in DriverName]: string } = { libvirt: 'libvirt', lxd: 'LXD', incus: 'Incus' };

export type RunState =
  | 'running'
  | 'paused' // by a person, or by the hypervisor on an I/O error
  | 'migrating-in' // this side of a live migration is the destination: not executing yet
  | 'migrating-out' // paused at the source in the last phase of a migration
  | 'stopping'
  | 'stopped';

/** What a host showed, and which of its hypervisors did not answer: what those run is not known, and whether they run anything. */
export interface InventoryLook {
  readonly workloads: readonly ObservedWorkload[];
  readonly mute: readonly MuteDriver[];
}

export interface MuteDriver {
  readonly driver: DriverName;
  readonly why: string;
}

/** One workload as the hypervisor of one host shows it. */
export interface ObservedWorkload {
  readonly uuid: string;
  readonly name: string;
  readonly kind: 'vm' | 'container';
  readonly driver: DriverName;
  readonly runState: RunState;
  /** The hypervisor's own word for how it came to this state: booted, migrated, shutdown, destroyed, crashed, failed, user, ioerror … */
  readonly reason: string;
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly autostart: boolean;
  /** False: transient, gone once it stops. */
  readonly persistent: boolean;
}

export interface DiskSpec {
  readonly pool: string;
  readonly sizeMiB: number;
  readonly format: 'raw' | 'qcow2';
  /** Copy of this existing volume or file (absolute path on the host), else empty. */
  readonly from?: string;
}

export interface MigrationRequest {
  /** Id of the operation: names the detached unit, so that a second call finds the first. */
  readonly id: string;
  readonly uuid: string;
  /** The destination as the source host reaches it: SSH target for libvirt's connection, and address for the data. */
  readonly destination: { readonly name: string; readonly sshUser: string; readonly sshPort: number; readonly address: string };
  /** MiB/s; null: no limit. */
  readonly bandwidthMiBps: number | null;
  readonly maxDowntimeMs: number;
  readonly autoConverge: boolean;
  /** Disks that are not shared are copied along (`--copy-storage-all`) when true. */
  readonly copyStorage: boolean;
}

export interface MigrationProgress {
  readonly elapsedMs: number;
  readonly totalBytes: number;
  readonly processedBytes: number;
  readonly remainingBytes: number;
  readonly iteration: number;
  readonly dirtyRatePagesPerSecond: number | null;
}

/** What the detached migration command on the source says. */
export type MigrationCommandState =
  | { readonly kind: 'none' } // no such command was ever started there (in this boot)
  | { readonly kind: 'running' }
  | { readonly kind: 'ended'; readonly exitCode: number; readonly output: string };

export interface MigrationStatistics {
  readonly totalMs: number | null;
  readonly downtimeMs: number | null;
  readonly transferredBytes: number | null;
}

export interface CopyRequest {
  /** Names the detached command, so that a second call finds the first. */
  readonly id: string;
  readonly uuid: string;
  /** The destination as the source's daemon knows it. */
  readonly destination: { readonly name: string };
  /** MiB/s; null: no limit. */
  readonly bandwidthMiBps: number | null;
}

/** A copy of a workload that is not the workload: it is neither shown nor started before it is made the workload (`define`). */
export interface Replica {
  readonly uuid: string;
  readonly name: string;
  /** When the copying began that was the last to end well, by the source's clock; null: none did, or one is under way over it, or broke off. What was written after it is not in it. */
  readonly asOfMs: number | null;
}

/**
 * For workloads whose data lie in their host's own storage, as LXD's instances: a definition alone starts them nowhere else, so they are copied.
 * Then `define` makes the replica of that uuid the workload, `no-data` when no whole one is there; and `undefine` makes the stopped workload a replica: its data stay.
 */
export interface InstanceCopies {
  /**
   * Asked of the destination before each copy over a replica that is there; none is fine. What copies files may take one that has the same size, and was written in the
   * same second, for the same: whatever was written about the time of the last copying is made to look different, so that it is compared by its content.
   */
  prepare(token: CommandToken, uuid: string): Promise<void>;
  /** Copies the workload to the destination as a replica, over one that is there already; as a detached command on the source. It may run meanwhile. */
  startCopy(token: CommandToken, request: CopyRequest): Promise<void>;
  copyCommand(id: string): Promise<MigrationCommandState>;
  /** Ends the command; what it has copied stays, as a replica that is not complete. None is fine. */
  abortCopy(token: CommandToken, id: string): Promise<void>;
  replicas(): Promise<readonly Replica[]>;
  /** The stopped workload is no workload from now on, and no replica that could be started or copied over: what it wrote last may be nowhere else. Not there is fine. */
  setAside(token: CommandToken, uuid: string): Promise<void>;
  /** With its data. Refuses what is neither replica nor set aside; not there is fine. */
  deleteReplica(token: CommandToken, uuid: string): Promise<void>;
}

export interface Hypervisor {
  /** Null: all that it runs can be defined wherever its disks can be reached. */
  readonly copies: InstanceCopies | null;

  // --- looking ---
  facts(): Promise<HostFacts>;
  /** Everything that exists there, running or not, known to Reeve or not. Fails when none of the host's hypervisors answers. */
  inventory(): Promise<InventoryLook>;
  /** One workload, or null when it does not exist there. */
  observe(uuid: string): Promise<ObservedWorkload | null>;
  /** The definition that another host can take (libvirt: inactive, migratable domain XML with secrets). */
  definition(uuid: string): Promise<string>;
  /** Null when no migration of that workload is under way there. */
  migrationProgress(uuid: string): Promise<MigrationProgress | null>;
  migrationCommand(id: string): Promise<MigrationCommandState>;
  /** Statistics of the last finished incoming migration; ask on the destination. */
  migrationStatistics(uuid: string): Promise<MigrationStatistics>;
  /** Would this definition start there? Reasons against it, each with a remedy; empty when none is known. */
  compatibility(definition: string): Promise<readonly { readonly code: string; readonly why: string; readonly remedy: string | null }[]>;

  // --- doing: each is refused by the guard when the token is old, each may be called twice ---
  define(token: CommandToken, definition: string): Promise<void>;
  /** Removes the definition of a stopped workload; not-found is fine. Never removes disks. */
  undefine(token: CommandToken, uuid: string): Promise<void>;
  /** Starts it; already running is fine. `locked` when a disk is in use elsewhere. */
  start(token: CommandToken, uuid: string): Promise<void>;
  /** Changes nothing itself: from its answer on, no command for the token's workload with an older epoch is carried out here, however late it comes. */
  overtake(token: CommandToken): Promise<void>;
  /** Notes that the token's workload is under the host's lease (`lease` in the token), or no longer. For one that runs already, or is about to arrive. */
  announce(token: CommandToken): Promise<void>;
  /** Asks the workload to shut down; returns at once. */
  requestShutdown(token: CommandToken, uuid: string): Promise<void>;
  /** Ends it at once; not running is fine. */
  kill(token: CommandToken, uuid: string): Promise<void>;
  resume(token: CommandToken, uuid: string): Promise<void>;
  setAutostart(token: CommandToken, uuid: string, on: boolean): Promise<void>;
  /** Creates a volume and returns its path; an existing volume of that name is returned as it is. */
  createDisk(token: CommandToken, name: string, disk: DiskSpec): Promise<string>;
  deleteDisk(token: CommandToken, path: string): Promise<void>;
  /** Starts a live migration as a detached command under `request.id`; a second call with the same id finds the first. */
  startMigration(token: CommandToken, request: MigrationRequest): Promise<void>;
  /** Asks the running migration to end; the workload goes on at the source. No migration is fine. */
  abortMigration(token: CommandToken, uuid: string): Promise<void>;
}
