// The HostSurveyor port: looks at a host that is to be enrolled. Real adapter: drivers/enrolment. Raw facts only; judgeSurvey judges them.
import type { ContainerDriver } from './container-trust.js';

export interface SurveyedPool {
  readonly name: string;
  readonly path: string;
  readonly active: boolean;
  readonly writable: boolean;
  /** Content of `.reeve-pool` in it; null: no such file. */
  readonly markerId: string | null;
}

/** What stands behind QEMU's own image locks. */
export interface SurveyedLocks {
  /** lock_manager of qemu.conf: lockd, sanlock; null: QEMU's own image locks only. */
  readonly manager: string | null;
  /** virtlockd is installed. */
  readonly isInstalled: boolean;
  /** virtlockd answers; asked only where it is the manager. */
  readonly answers: boolean;
  /** file_lockspace_dir of qemu-lockd.conf; null: the images themselves are locked. */
  readonly lockspaceDir: string | null;
}

/** held: a QEMU of this host has a disk open there, so everybody else must be refused. */
export type TrialLock = { readonly kind: 'held' } | { readonly kind: 'not-held' | 'untried'; readonly why: string };
/** How another host fares that opens the disk for writing meanwhile. */
export type TrialMeeting = { readonly kind: 'refused' | 'let-through' } | { readonly kind: 'untried'; readonly why: string };

/** left: it is as it was, and that is meant. failed: it could not be, and what was changed has been put back. */
export type LocksSetUp = { readonly kind: 'done' } | { readonly kind: 'left' | 'failed'; readonly why: string };

/** A daemon for containers, as it tells of itself. */
export interface SurveyedDaemon {
  readonly driver: ContainerDriver;
  /** Null: it answers; else why not, and nothing else is known. */
  readonly error: string | null;
  readonly version: string;
  /** core.https_address; null: it does not listen. */
  readonly httpsAddress: string | null;
  /** Member of a cluster of its own kind. */
  readonly isClustered: boolean;
  /** That cluster starts the workloads of a member elsewhere when it has not heard of it for so long. 0: it does not. */
  readonly healingThresholdS: number;
  readonly criu: boolean;
  readonly pools: readonly { readonly name: string; readonly driver: string }[];
  readonly networks: readonly string[];
  readonly profiles: readonly string[];
}

export interface HostSurvey {
  readonly hostname: string;
  /** What the host's own name resolves to on that host. */
  readonly hostnameAddresses: readonly string[];
  readonly architecture: string;
  /** CPU flag for virtualization; null: none is shown. */
  readonly virtualization: 'vmx' | 'svm' | null;
  readonly kvm: 'usable' | 'absent' | 'refused';
  /** False: nothing of it is there. */
  readonly hasLibvirt: boolean;
  /** Null: the daemon does not answer; `libvirtError` says why. */
  readonly libvirtVersion: string | null;
  readonly libvirtError: string | null;
  readonly qemuVersion: string | null;
  readonly libvirtUuid: string | null;
  readonly locks: SurveyedLocks;
  readonly memoryMiB: number;
  readonly freeMemoryMiB: number;
  readonly pools: readonly SurveyedPool[];
  readonly bridges: readonly string[];
  /** The host's wall clock minus ours, taken at the middle of a round trip. */
  readonly clockOffsetMs: number;
  readonly clockRoundTripMs: number;
  readonly watchdogDevice: boolean;
  readonly machineId: string;
  readonly bootId: string;
  /** Id of the cluster whose agent is installed there; null: none is. */
  readonly agentClusterId: string | null;
  /** LXD and Incus, where they are installed. */
  readonly daemons: readonly SurveyedDaemon[];
  /** Names of domains that start at boot. */
  readonly autostart: readonly string[];
}

export interface PoolMark {
  readonly pool: string;
  readonly path: string;
  readonly markerId: string;
}

export interface LockTrialPlace {
  /** The pool's folder. */
  readonly path: string;
  /** Of the host that holds it: two enrolments at once do not meet each other's. */
  readonly hostId: string;
}

/** Every call is bounded and throws OperationalError. */
export interface HostSurveyor {
  survey(): Promise<HostSurvey>;
  /** Writes a marker into each active, writable pool that has none; an existing one is never replaced. Returns those written. */
  markPools(newMarkerId: () => string): Promise<readonly PoolMark[]>;
  /** Makes virtlockd the lock manager, with its locks in this folder; restarts libvirt. Left alone where VMs run. */
  setUpLocks(lockspaceDir: string): Promise<LocksSetUp>;
  /** Opens a disk of no use in a pool as a QEMU that never runs would, so that it is locked; it ends by itself after a while. */
  holdTrialLock(trial: LockTrialPlace): Promise<TrialLock>;
  /** Opens that disk for writing, from here. */
  meetTrialLock(trial: LockTrialPlace): Promise<TrialMeeting>;
  dropTrialLock(trial: LockTrialPlace): Promise<void>;
  /** Removes markers that still have the given id. */
  unmarkPools(marks: readonly PoolMark[]): Promise<void>;
}

/** The file in a pool's folder that holds its random id. */
export const POOL_MARKER_FILE = '.reeve-pool';
