// ClusterView: an immutable, versioned snapshot of all that the control plane knows, read in one transaction.
import type { Host } from '../hosts/host.js';
import type { DriverName, ObservedWorkload } from '../hosts/hypervisor.js';
import type { RoomMode } from '../scheduler/losses-to-try.js';
import type { PlacementRule } from '../scheduler/placement-rule.js';
import type { HostId } from '../shared/ids.js';
import type { Workload } from '../workloads/workload.js';
import type { Operation } from './operation.js';
import type { VoterSet } from './quorum-lease.js';

/** freeze: nothing is started, stopped or moved. ignore: workloads are as if unmanaged. Nothing is fenced in either. */
export type DisarmMode = 'freeze' | 'ignore';

/** Automatic action is switched off until `untilMs` (null: until armed by hand). */
export interface Disarm {
  readonly mode: DisarmMode;
  readonly by: string;
  readonly reason: string;
  readonly sinceMs: number;
  readonly untilMs: number | null;
}

/** People were told that there is no room for a failure, and not yet that there is again. */
export interface RoomTold {
  readonly mode: RoomMode;
  readonly sinceMs: number;
  /** A sentence: which loss leaves what down, as it is now. */
  readonly what: string;
}

/** What one host's hypervisors showed at a time. */
export interface HostInventory {
  readonly hostId: HostId;
  readonly atMs: number;
  readonly bootId: string;
  readonly workloads: readonly ObservedWorkload[];
  /** Those that did not answer, each since when: what they run is not known. */
  readonly mute?: readonly { readonly driver: DriverName; readonly sinceMs: number; readonly why: string }[];
  /** Seen by its re-admission, while no command of ours could change anything there: processes only. With the proof that the host had then. */
  readonly unadmitted?: { readonly proofAtMs: number | null };
}

export interface ClusterView {
  /** Rises with each change of hosts, workloads, operations' states or settings. commit() compares it. */
  readonly version: number;
  readonly leaderEpoch: number;
  readonly hosts: readonly Host[];
  readonly workloads: readonly Workload[];
  /** Operations that are pending or running. */
  readonly operations: readonly Operation[];
  /** Operations that ended within the last 30 minutes, newest first, at most 500: what back-off and drains remember. */
  readonly recentOperations: readonly Operation[];
  /** The latest inventory of each host; may be old: look at atMs and bootId. */
  readonly inventories: readonly HostInventory[];
  /** By name. */
  readonly rules: readonly PlacementRule[];
  readonly disarm: Disarm | null;
  /** Sets of voters that a host may still judge its lease by, oldest first; the last one is to be used. */
  readonly voters: readonly VoterSet[];
  /** Absent and null: nobody was told that the room for failure is lost. */
  readonly room?: RoomTold | null;
}
