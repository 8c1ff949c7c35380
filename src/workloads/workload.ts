// A workload: a VM or container that Reeve knows. Desired by its owner, placed by the scheduler, observed at its host.
import type { DriverName } from '../hosts/hypervisor.js';
import type { PoolName } from '../hosts/shared-filesystem.js';
import type { HostId, WorkloadId } from '../shared/ids.js';
import type { Labels } from '../shared/labels.js';
import type { HugepageNeed } from './hugepage-needs.js';

export type DesiredState = 'running' | 'stopped' | 'disabled' | 'unmanaged';

export const DESIRED_STATES: { readonly [S in DesiredState]: string } = {
  running: 'it runs, and is started again when it ended by itself',
  stopped: 'it is kept stopped, and still given a healthy home',
  disabled: 'it is stopped and then left alone; an error is cleared by this',
  unmanaged: 'it is watched and never touched',
};

/** What is shown. Kept in the store, derived from what is observed and what is under way. */
export type WorkloadState =
  | 'running'
  | 'stopped'
  | 'starting'
  | 'stopping'
  | 'migrating'
  | 'waiting' // wants to run, no legal host
  | 'awaiting-fence' // its host is lost and not proven off
  | 'paused'
  | 'frozen' // waits for its host, which goes down in order and comes back
  | 'unmanaged' // not ours to touch
  | 'missing' // its host is fine and does not know it
  | 'error'; // waits for a person

export const WORKLOAD_STATES: { readonly [S in WorkloadState]: string } = {
  running: 'its process runs at its host',
  stopped: 'it is not running, as wanted or by hand',
  starting: 'a start or recovery is under way',
  stopping: 'a stop is under way',
  migrating: 'a live migration is under way',
  waiting: 'it should run, and no host may take it now',
  'awaiting-fence': 'its host is lost and not proven off; starting it elsewhere could run it twice',
  paused: 'its process is there and does not execute',
  frozen: 'nothing is done with it for now: its host is rebooting in order, or the cluster is disarmed',
  unmanaged: 'it is watched and never touched',
  missing: 'its host is fine and does not know it (undefined by hand)',
  error: 'automation gave up; it is left alone until a person clears it',
};

export interface WorkloadDisk {
  readonly target: string;
  /** Absolute path on the host. */
  readonly path: string;
  /** The storage pool the path lies in, null when in none that Reeve knows. */
  readonly pool: string | null;
  readonly format: string;
  readonly readonly: boolean;
  /** Of one that is yet to be made. */
  readonly sizeMiB?: number;
}

/** What an instance of LXD or Incus finds by name at a host. */
export interface InstanceNeeds {
  /** Of its root disk. */
  readonly pool: string;
  /** At most so large; absent: nothing says so. */
  readonly rootMiB?: number;
  readonly profiles: readonly string[];
  /** Managed networks. */
  readonly networks: readonly string[];
  /** Of a virtual machine: what in its settings keeps its daemon from moving it while it runs. Absent: not read. */
  readonly notLive?: readonly { readonly why: string; readonly remedy: string }[];
}

/** What a definition needs of a host. Read from the definition by the driver. */
export interface WorkloadNeeds {
  readonly vcpus: number;
  /** The most that it may take: what a balloon has given back for now counts too, as it can be asked for again. */
  readonly memoryMiB: number;
  /** Absent: none of it lies in hugepages. */
  readonly hugepages?: readonly HugepageNeed[];
  readonly disks: readonly WorkloadDisk[];
  readonly bridges: readonly string[];
  /** null: the hypervisor's default; host-passthrough and host-model are kept as such. */
  readonly cpuModel: string | null;
  /** That its CPU must have beyond the model, by libvirt's names; absent: none. */
  readonly cpuFeatures?: readonly string[];
  readonly architecture: string;
  /** none: it shares the host's kernel. */
  readonly accelerator: 'kvm' | 'tcg' | 'none';
  readonly driver: DriverName;
  /** Null: libvirt runs it. */
  readonly instance: InstanceNeeds | null;
  /** Things tied to one host: passed-through devices, local ISO images… each named. */
  readonly pinnedBy: readonly string[];
}

export interface Workload {
  readonly id: WorkloadId;
  /** The hypervisor's uuid: the same on every host. */
  readonly uuid: string;
  readonly name: string;
  readonly kind: 'vm' | 'container';
  readonly desired: DesiredState;
  /** Under high availability: recovered when its host is lost, restarted when it crashes. */
  readonly isProtected: boolean;
  /** What placement rules select it by. */
  readonly labels: Labels;
  /** Higher recovers first. */
  readonly priority: number;
  /** Where it is placed; null: nowhere yet. */
  readonly hostId: HostId | null;
  /** The host under whose lease it runs: it is ended there when that lease ends. Null: under none. */
  readonly leasedOn: HostId | null;
  /** Rises with each placement; the guard refuses commands with an older one. */
  readonly workloadEpoch: number;
  readonly state: WorkloadState;
  /** A sentence: why it is in this state, when that is not plain. */
  readonly why: string | null;
  readonly needs: WorkloadNeeds;
  /** The definition that a host takes (libvirt: domain XML). */
  readonly definition: string;
  /** When a person last moved it; absent: nobody did. */
  readonly movedByHandAtMs?: number;
  /** Tries on the same host before another is tried; other hosts tried before `error`. */
  readonly maxRestarts: number;
  readonly maxRelocations: number;
  /** Recent failures of automation, cleared when it ran well for a while or by a person. */
  readonly failures: WorkloadFailures;
  /** May a drain stop and start it elsewhere when it cannot move live? */
  readonly drainPolicy: 'migrate' | 'relocate' | 'leave';
  /** A container: its owner wants it moved while it runs, by CRIU, where both hosts have that. */
  readonly movesLiveByCriu: boolean;
  /** Started or recovered after these, as far as they are being started or recovered too. */
  readonly startAfter: readonly WorkloadId[];
  /** Goes back live to a preferred host once that has been well for a while. */
  readonly failback: boolean;
  /** An administrative lock (a backup, say): not moved and not stopped meanwhile. */
  readonly lock: WorkloadLock | null;
  /** False: it was given this home without being defined there yet; that it is not there is no loss. */
  readonly isDefinedAtHome: boolean;
  /** Measured; null: not measured. */
  readonly usage: { readonly cpus: number; readonly memoryMiB: number } | null;
  /**
   * Of one whose data lie at its host: a copy is kept on another one, made anew so often. `reusesStale`: also over what a host had of it before it was recovered
   * elsewhere. Null: none is kept.
   */
  readonly replication: WorkloadReplication | null;
  /** Where that copy is, as far as we know; null: nowhere. */
  readonly replica: WorkloadReplica | null;
}

export interface WorkloadReplication {
  readonly everyMs: number;
  readonly reusesStale?: true;
  /** Since when a first copy is wanted, or on its way. */
  readonly sinceMs?: number;
  /** People were told that there is none. */
  readonly isToldNone?: true;
}

export interface WorkloadReplica {
  readonly hostId: HostId;
  /** What was written until then is in it, by the clock of the host that was copied from; null: there is no whole copy. */
  readonly asOfMs: number | null;
  /** When it was last tried to make it anew. */
  readonly triedAtMs: number;
  /** Why that failed; null: it did not. */
  readonly why: string | null;
  /** People were told that it is older than it should be. */
  readonly isToldLate: boolean;
  /** A person has decided that it is recovered from it, though its pool might be had: when its host was lost, with the proof of that time. */
  readonly chosenAtProofMs?: number;
}

/** By its definition alone. What has its data at its host moves with them: stopped, copied and started, or live where `whyNotLive` has nothing against it. */
export const movesLive = ({ needs }: Pick<Workload, 'needs'>): boolean => needs.instance === null;

/** The pool that its data lie in; null: its disks are not an instance's. */
export function poolOf({ needs }: Pick<Workload, 'needs'>): PoolName | null {
  return needs.instance === null || needs.driver === 'libvirt' ? null : { driver: needs.driver, pool: needs.instance.pool };
}

/** A whole copy of it is somewhere. */
export const hasReplica = ({ replica, hostId }: Pick<Workload, 'replica' | 'hostId'>): boolean => replica !== null && replica.asOfMs !== null && replica.hostId !== hostId;

export interface WorkloadLock {
  readonly by: string;
  readonly reason: string;
  readonly sinceMs: number;
}

/** What its owner may leave unsaid. */
export const WORKLOAD_DEFAULTS = { labels: {}, maxRestarts: 1, maxRelocations: 1, drainPolicy: 'migrate', movesLiveByCriu: false, startAfter: [], failback: true, lock: null, isDefinedAtHome: true, usage: null, replication: null, replica: null } as const satisfies Partial<Workload>;

export interface WorkloadFailures {
  readonly restarts: number;
  readonly relocations: number;
  /** Hosts where a start failed lately: not tried again first. */
  readonly failedHostIds: readonly HostId[];
  readonly lastAtMs: number | null;
}

export const NO_FAILURES: WorkloadFailures = { restarts: 0, relocations: 0, failedHostIds: [], lastAtMs: null };
