// What a host reports about itself: sizes, versions, pools, bridges.
import type { HugepagePool } from './hugepages.js';

export interface StoragePool {
  readonly name: string;
  /** Where its volumes lie, e.g. /srv/shared. */
  readonly path: string;
  /** Id of the marker file in the pool. Two hosts that read the same id share the pool. */
  readonly markerId: string | null;
  readonly freeMiB: number;
  readonly totalMiB: number;
}

/** A btrfs file system alone on one block device, as its superblock on the device says: read by every host that sees the device, whoever has it mounted. */
export interface BlockFilesystem {
  readonly uuid: string;
  /** Of the device. */
  readonly sizeBytes: number;
  /** WWN and serial number of the device, as far as it has them. */
  readonly serial: string | null;
  /** Rises with what is written: on a clone of the device it stays behind. */
  readonly generation: number;
}

/** Where a daemon for containers keeps their data. */
export interface ContainerPool {
  readonly name: string;
  readonly driver: string;
  /** The UUID of its file system or the path of its device or folder, as the daemon names it; null: it does not say. */
  readonly source: string | null;
  /** The daemon knows it and can't reach it, as one that another host has taken over. */
  readonly isUnavailable?: true;
  /** Of a pool of this host alone, as far as its daemon tells. */
  readonly freeMiB?: number;
  readonly totalMiB?: number;
}

export interface Certificate {
  /** SHA-256, as the daemons tell it. */
  readonly fingerprint: string;
  readonly expiresAtMs: number;
}

/** What a daemon and those of other hosts know each other by. */
export interface DaemonTrust {
  /** Of root's client on the host, which speaks to the others; null: it has none yet. */
  readonly client: Certificate | null;
  /** Of the daemon itself; null: it does not listen and has none. */
  readonly server: Certificate | null;
  /** Our remotes there: to which host's daemon, and which certificate is expected of it. */
  readonly remotes: readonly { readonly host: string; readonly fingerprint: string }[];
  /** Fingerprints of all whom the daemon lets in. */
  readonly letsIn: readonly string[];
}

/** A daemon for containers (and VMs of its own) on the host. */
export interface ContainerDaemon {
  readonly driver: 'lxd' | 'incus';
  readonly version: string;
  /** Where other hosts' daemons reach it, "10.0.0.1:8443"; null: it does not listen. */
  readonly address: string | null;
  /** Member of a cluster of its own kind. */
  readonly isClustered: boolean;
  /** Which cluster, by the fingerprint of the certificate that its members share, and by what name it knows this member. */
  readonly cluster?: { readonly id: string; readonly member: string };
  /** Its cluster starts the instances of a member elsewhere once that is silent for so long; 0 or absent: it does not. */
  readonly healingThresholdS?: number;
  /** CRIU is there: a container can be tried to be moved live. */
  readonly criu: boolean;
  readonly pools: readonly ContainerPool[];
  /** On block devices that its host sees. */
  readonly filesystems: readonly BlockFilesystem[];
  readonly networks: readonly string[];
  readonly profiles: readonly string[];
  /** Absent: it was looked at by an older release. */
  readonly trust?: DaemonTrust;
}

/** Without it no VM of libvirt can be there. What is not known counts as having it: it may run VMs. */
export const hasLibvirt = (facts: Pick<HostFacts, 'libvirtVersion'> | null): boolean => facts?.libvirtVersion !== null;

export interface HostFacts {
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly freeMemoryMiB: number;
  /** By size; absent: it was looked at by an older release. */
  readonly hugepages?: readonly HugepagePool[];
  /** What the kernel saves now by sharing equal pages (KSM). Never counted on: it ends when guests write. */
  readonly ksmSavedMiB?: number;
  /** What libvirt calls the host's CPU model, e.g. EPYC-Rome; and the models the host's QEMU can run. */
  readonly cpuModel: string;
  readonly usableCpuModels: readonly string[];
  /** What a guest's CPU can have there, by libvirt's names, sorted; absent: not known. */
  readonly cpuFlags?: readonly string[];
  readonly architecture: string;
  /** Accelerator for guests: kvm where it works, else tcg. */
  readonly accelerator: 'kvm' | 'tcg';
  /** Null: there is no libvirt on it; it is a host for containers alone. `unknown`: it does not answer. */
  readonly libvirtVersion: string | null;
  /** That libvirt runs VMs with. */
  readonly qemuVersion: string | null;
  readonly kernelVersion: string;
  readonly bootId: string;
  readonly machineId: string;
  readonly hostname: string;
  readonly bridges: readonly string[];
  readonly pools: readonly StoragePool[];
  readonly containerDaemons: readonly ContainerDaemon[];
  readonly watchdogDevice: boolean;
  readonly refreshedAtMs: number;
}
