// A plan: moves in rounds, what can't be placed and why, and how even and how full the cluster is before and after. Looked at before anything is done.
import type { HostId, WorkloadId } from '../shared/ids.js';

export interface PlannedMove {
  readonly workloadId: WorkloadId;
  readonly workload: string;
  /** Name of the host where it is; null: it is started, not moved. */
  readonly from: string | null;
  readonly fromId: HostId | null;
  readonly to: string;
  readonly toId: HostId;
  /** From 1: moves of a round can be under way at once; a round begins when the one before has ended. */
  readonly round: number;
  /** live: it runs on meanwhile; cold: stopped, moved and started; start: its host is lost. */
  readonly how: 'live' | 'cold' | 'start';
  /** What it is good for, in a few words: "host-1 is drained", "makes room for vm-7". */
  readonly why: string;
  /** Declared; what a live move copies at least once. */
  readonly memoryMiB: number;
}

export interface Unplaced {
  readonly workload: string;
  readonly why: string;
}

/** Shares are 0 to 1 of what the policy lets be used. */
export interface HostFigures {
  readonly host: string;
  readonly memoryMiB: number;
  readonly ofMemoryMiB: number;
  readonly vcpus: number;
  readonly ofVcpus: number;
  readonly workloads: number;
}

export interface ClusterFigures {
  /** Standard deviation of the share of memory used, over hosts that take workloads, and that of vCPUs; added up. 0: all alike. */
  readonly imbalance: number;
  readonly memoryImbalance: number;
  readonly cpuImbalance: number;
  /** The greatest share of memory used on one host. */
  readonly fullest: number;
  readonly hosts: readonly HostFigures[];
}

export interface Plan {
  readonly moves: readonly PlannedMove[];
  readonly unplaced: readonly Unplaced[];
  readonly before: ClusterFigures;
  readonly after: ClusterFigures;
  readonly rounds: number;
  /** With what a live move copies in a second; null: there is nothing to move. */
  readonly estimatedS: number | null;
}
