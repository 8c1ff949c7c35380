// What a host reports about itself: sizes, versions, pools, bridges.

export interface StoragePool {
  readonly name: string;
  /** Where its volumes lie, e.g. /srv/shared. */
  readonly path: string;
  /** Id of the marker file in the pool. Two hosts that read the same id share the pool. */
  readonly markerId: string | null;
  readonly freeMiB: number;
  readonly totalMiB: number;
}

/** A daemon for containers (and VMs of its own) on the host. */
export interface ContainerDaemon {
  readonly driver: 'lxd' | 'incus';
  readonly version: string;
  /** Where other hosts' daemons reach it, "10.0.0.1:8443"; null: it does not listen. */
  readonly address: string | null;
  /** Member of a cluster of its own kind. */
  readonly isClustered: boolean;
  /** CRIU is there: a container can be tried to be moved live. */
  readonly criu: boolean;
  readonly pools: readonly { readonly name: string; readonly driver: string }[];
  readonly networks: readonly string[];
  readonly profiles: readonly string[];
}

export interface HostFacts {
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly freeMemoryMiB: number;
  /** What libvirt calls the host's CPU model, e.g. EPYC-Rome; and the models the host's QEMU can run. */
  readonly cpuModel: string;
  readonly usableCpuModels: readonly string[];
  readonly architecture: string;
  /** Accelerator for guests: kvm where it works, else tcg. */
  readonly accelerator: 'kvm' | 'tcg';
  readonly libvirtVersion: string;
  readonly qemuVersion: string;
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
