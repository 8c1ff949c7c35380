// Changes: the only ways the store is written by the domain, applied together in one transaction.
import type { Host } from '../hosts/host.js';
import type { PlacementRule } from '../scheduler/placement-rule.js';
import type { HostId, WorkloadId } from '../shared/ids.js';
import type { Workload } from '../workloads/workload.js';
import type { Disarm, RoomTold } from './cluster-view.js';
import type { NewClusterEvent } from './cluster-event.js';
import type { Operation } from './operation.js';
import type { VoterSet } from './quorum-lease.js';

export type HostFields = Partial<Omit<Host, 'id'>>;
export type WorkloadFields = Partial<Omit<Workload, 'id'>>;

/** What a new operation is committed with; the store gives the id, the epochs and the times. */
export type NewOperation = Pick<Operation, 'kind' | 'workloadId' | 'hostId' | 'targetHostId' | 'requestedBy' | 'reason'> &
  Partial<Pick<Operation, 'params' | 'proof'>>;

export type Change =
  | { readonly change: 'host'; readonly id: HostId; readonly set: HostFields }
  | { readonly change: 'add-host'; readonly host: Host }
  | { readonly change: 'remove-host'; readonly id: HostId }
  | { readonly change: 'workload'; readonly id: WorkloadId; readonly set: WorkloadFields }
  | { readonly change: 'add-workload'; readonly workload: Workload }
  | { readonly change: 'remove-workload'; readonly id: WorkloadId }
  | { readonly change: 'operation'; readonly operation: NewOperation }
  | { readonly change: 'cancel-operation'; readonly id: Operation['id'] }
  /** Sets these in the memo of an operation that has not ended; for those whose worker writes none. */
  | { readonly change: 'note-operation'; readonly id: Operation['id']; readonly memo: Operation['memo'] }
  | { readonly change: 'add-rule'; readonly rule: PlacementRule }
  | { readonly change: 'remove-rule'; readonly name: string }
  | { readonly change: 'disarm'; readonly disarm: Disarm | null }
  | { readonly change: 'voters'; readonly voters: readonly VoterSet[] }
  | { readonly change: 'room'; readonly room: RoomTold | null }
  | { readonly change: 'event'; readonly event: NewClusterEvent };
