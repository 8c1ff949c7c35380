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
  /** Its daemon is in a cluster of daemons that has each instance once: there is no other one in it. */
  readonly isOnlyOne?: true;
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
  /** Only that it goes on is known, and for how long. */
  readonly isUnmeasured?: true;
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
  /** The newest whole copy that is there stays as it is until this one is whole too: it is written into another one. False: into that newest one. */
  readonly keepsNewest: boolean;
  /** MiB/s; null: no limit. */
  readonly bandwidthMiBps: number | null;
}

/** A workload that is made from nothing: a replica at first, that `define` makes the workload once it is whole. */
export interface MakeRequest {
  /** Names the detached command, so that a second call finds the first. */
  readonly id: string;
  readonly uuid: string;
  readonly definition: string;
  readonly source:
    /** Alias or fingerprint, of an image that the host has. */
    | { readonly kind: 'image'; readonly image: string }
    /** Another instance of the same host, running or not. */
    | { readonly kind: 'copy'; readonly uuid: string };
}

/**
 * `replica`: what is made the workload when it is to start there. `spare`: what the next copy is written into meanwhile, or was before it was whole.
 * `set-aside`: what was the workload until it was recovered elsewhere.
 */
export type ReplicaKind = 'replica' | 'spare' | 'set-aside';

/** A copy of a workload that is not the workload: it is neither shown nor started before it is made the workload (`define`). A host has one of each kind at most. */
export interface Replica {
  readonly uuid: string;
  readonly name: string;
  readonly kind: ReplicaKind;
  /** When the copying began that was the last to end well, by the source's clock; null: none did, or one is under way over it, or broke off. What was written after it is not in it. */
  readonly asOfMs: number | null;
}

export interface ReplicasLook {
  readonly replicas: readonly Replica[];
  /** What these have is not known. */
  readonly mute: readonly MuteDriver[];
}

/**
 * For workloads whose data lie in their host's own storage, as LXD's instances: a definition alone starts them nowhere else, so they are copied.
 * Then `define` makes the replica of that uuid the workload, `no-data` when no whole one is there; and `undefine` makes the stopped workload a replica: its data stay.
 */
export interface InstanceCopies {
  /**
   * Asked of the destination before each copy over a replica that is there; none is fine. What copies files may take one that has the same size, and was written in the
   * same second, for the same: whatever was written about the time of the last copying is made to look different, so that it is compared by its content.
   * `keepsNewest`: as in the request that follows; it says over which.
   */
  prepare(token: CommandToken, uuid: string, keepsNewest: boolean): Promise<void>;
  /** Copies the workload to the destination as a replica, over one that is there already; as a detached command on the source. It may run meanwhile. */
  startCopy(token: CommandToken, request: CopyRequest): Promise<void>;
  /** Makes a new instance with the data of an image or of another instance, as a detached command; what an earlier try has left half-made of that very uuid goes first. */
  startMake(token: CommandToken, request: MakeRequest): Promise<void>;
  /** Of a copy, or of a making. */
  copyCommand(id: string): Promise<MigrationCommandState>;
  /** Ends the command; what it has copied stays, as a replica that is not complete. None is fine. */
  abortCopy(token: CommandToken, id: string): Promise<void>;
  /** What there is of one workload: only its own hypervisor need answer. */
  replicas(uuid: string): Promise<readonly Replica[]>;
  /** For people: what every hypervisor of the host has. */
  allReplicas(): Promise<ReplicasLook>;
  /** Does this host reach the daemon of that one now? The daemons themselves find out after two minutes. */
  reaches(destination: string): Promise<boolean>;
  /** Asked of the destination: a whole copy that is newer than the replica takes its place, under this name, and that one becomes the spare. None is fine; no data are touched. */
  settle(token: CommandToken, uuid: string, name: string): Promise<void>;
  /**
   * The stopped workload is no workload from now on, and no replica that could be started or copied over: what it wrote last may be nowhere else. Not there is fine.
   * `isReusable`: its owner lets it be copied over; until that is whole it is none that could be started.
   */
  setAside(token: CommandToken, uuid: string, isReusable: boolean): Promise<void>;
  /** With its data; of the given kind, or of all. Refuses the workload, and what runs; not there is fine. */
  deleteReplica(token: CommandToken, uuid: string, kind?: ReplicaKind): Promise<void>;
}

/** As of when the newest whole copy of it is; null: there is none. What is set aside is none. */
export function newestWholeMs(replicas: readonly Replica[], uuid: string): number | null {
  const times = replicas.flatMap((one) => (one.uuid === uuid && one.kind !== 'set-aside' && one.asOfMs !== null ? [one.asOfMs] : []));
  return times.length === 0 ? null : Math.max(...times);
}

/** Into which of its copies at the destination the next one is written. `null`: there is none of that kind. */
export function writtenNext(replica: Pick<Replica, 'asOfMs'> | null, spare: Pick<Replica, 'asOfMs'> | null, keepsNewest: boolean): 'replica' | 'spare' {
  const whole = replica?.asOfMs ?? null;
  if (whole === null) return 'replica';
  if (keepsNewest) return 'spare';
  return spare !== null && (spare.asOfMs === null || spare.asOfMs > whole) ? 'spare' : 'replica';
}

export interface MemberMoveRequest {
  /** Names the detached command, so that a second call finds the first. */
  readonly id: string;
  readonly uuid: string;
  /** What its owner calls it: under another name, that a move before has left it with, it is not moved. */
  readonly name: string;
  /** By what name the cluster of the daemons knows the destination. */
  readonly toMember: string;
}

/**
 * Between hosts whose daemons form a cluster of their own: that has each instance once, on one of its members, and moves one that does not run to another, with its data. What is there
 * on a member is shown by that member alone. Then `define` makes nothing: it puts right what a move that was cut has left, and says `no-data` where the instance is on another member.
 */
export interface MemberMoves {
  /** Asked of the member that has it, as a detached command there. What an earlier move has left half-made at the destination goes first. */
  startMove(token: CommandToken, request: MemberMoveRequest): Promise<void>;
  moveCommand(id: string): Promise<MigrationCommandState>;
  /** Ends the command, and what sends the data for the daemons. None is fine. */
  abortMove(token: CommandToken, id: string): Promise<void>;
  /** Its daemons are moving it, whoever asked for that: they go on without their client. */
  isMoving(uuid: string): Promise<boolean>;
}

/** A pool on shared block storage that is to change its host, as its old host last showed it. */
export interface PoolRequest {
  readonly driver: Exclude<DriverName, 'libvirt'>;
  readonly pool: string;
  readonly uuid: string;
  /** What its file system is called afterwards. */
  readonly newUuid: string;
  readonly sizeBytes: number;
  /** What is there must not be older. */
  readonly generation: number;
}

/** As a host sees it now. */
export interface PoolLook {
  /** By which name its file system is on a device that this host sees; `none`: on none. */
  readonly name: 'old' | 'new' | 'none';
  readonly isMounted: boolean;
  /** The daemon has the pool, by this source; null: it has none of that name. */
  readonly source: string | null;
}

/**
 * Pools whose file system lies on a block device that several hosts see, and that one host at a time may mount: twice mounted, it is destroyed. A host that boots mounts its
 * own, whatever has become of them; so the file system gets another name when it changes its host, under which the old one does not look for it.
 */
export interface BlockPools {
  look(request: PoolRequest): Promise<PoolLook>;
  /**
   * Gives it its new name. Its old host must be proven off, and stay off until this has been done: nothing here can see whether it has it mounted. Mounts it itself for a
   * moment. Refused after `notAfterMs` by this host's clock: a command that comes late could find the old host back, or another one with the pool. Refused, with the file
   * system as it was, where the daemon here could not take up what lies in it. What has no settings on the disk yet is set aside there. Done already is fine.
   */
  claim(token: CommandToken, request: PoolRequest, notAfterMs: number): Promise<void>;
  /** This host's daemon gets the pool, with all that lies in it, stopped. Only after `claim`; done already is fine. Returns the names of what was ever set aside in it. */
  adopt(token: CommandToken, request: PoolRequest): Promise<readonly string[]>;
  /**
   * Asked of the old host when it is back: its daemon forgets the pool and what it had in it. `lost`: it did. `kept`: the file system has its old name, so the pool is this host's
   * still, and nothing was done. Throws while it has the file system mounted under its new name, and when it sees no such file system; but `isTaken`, known to be another host's, it may have any name.
   */
  forget(token: CommandToken, request: PoolRequest, isTaken: boolean): Promise<'lost' | 'kept'>;
}

export interface Hypervisor {
  /** Null: none of its daemons keeps data in pools of its own. */
  readonly pools: BlockPools | null;
  /** Null: none of its daemons can be in a cluster of its own kind. */
  readonly members: MemberMoves | null;
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
  /**
   * Removes the definition of a stopped workload; not-found is fine. Never removes disks. `asOfMs`: of one that becomes a replica, as of when the copy was by which it was moved;
   * refused where it was started since: what it wrote then is nowhere else.
   */
  undefine(token: CommandToken, uuid: string, asOfMs?: number | undefined): Promise<void>;
  /** Starts it; already running is fine. `locked` when a disk is in use elsewhere. */
  start(token: CommandToken, uuid: string): Promise<void>;
  /** Changes nothing itself: from its answer on, no command for the token's workload with an older epoch is carried out here, however late it comes. */
  overtake(token: CommandToken): Promise<void>;
  /** Notes that the token's workload is under the host's lease (`lease` in the token), or no longer. For one that runs already, or is about to arrive: then by this definition, where it is not known there by any. */
  announce(token: CommandToken, arriving?: string): Promise<void>;
  /** Asks the workload to shut down; returns at once. */
  requestShutdown(token: CommandToken, uuid: string): Promise<void>;
  /** Ends it at once; not running is fine. */
  kill(token: CommandToken, uuid: string): Promise<void>;
  resume(token: CommandToken, uuid: string): Promise<void>;
  setAutostart(token: CommandToken, uuid: string, on: boolean): Promise<void>;
  /** Starts with its host again as its owner had it before the first `setAutostart(…, false)`, where the hypervisor keeps a note of that. Without a note nothing is changed; not there is fine. */
  giveBackAutostart(token: CommandToken, uuid: string): Promise<void>;
  /** Creates a volume and returns its path; an existing volume of that name is returned as it is. */
  createDisk(token: CommandToken, name: string, disk: DiskSpec): Promise<string>;
  deleteDisk(token: CommandToken, path: string): Promise<void>;
  /** Starts a live migration as a detached command under `request.id`; a second call with the same id finds the first. */
  startMigration(token: CommandToken, request: MigrationRequest): Promise<void>;
  /** Asks the running migration to end; the workload goes on at the source. No migration is fine. */
  abortMigration(token: CommandToken, uuid: string): Promise<void>;
}
