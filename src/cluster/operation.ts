// An operation: a committed unit of work, kept in the store with its steps; the queue carries only its id.
import type { HostId, OperationId, WorkloadId } from '../shared/ids.js';
import type { HostProof } from '../hosts/host.js';
import type { ProgressUpdate } from '../shared/workflow.js';

export type OperationKind =
  | 'enrol' // check a host, install its agent, admit it
  | 'readmit' // a host is back after a fence: clean it up, admit its new boot
  | 'remove' // take a host out: agent, keys, membership
  | 'fence'
  | 'create' // disk, definition and first start of a new workload
  | 'start'
  | 'stop'
  | 'delete'
  | 'migrate' // live
  | 'relocate' // stop, move, start
  | 'recover' // start elsewhere with proof
  | 'lease' // note at its host that it runs under the host's lease, or no longer
  | 'replicate' // make the copy of a workload on another host anew; about the workload in params, and holds up nothing else that is done with it
  | 'take-pool' // a pool of a lost host, on storage that others see too, becomes its target's; which one, its params say
  | 'renew-trust' // what a host's daemons for containers are known by to the others is made to fit, and renewed before it ends
  | 'carry-out' // a goal: the moves of a plan, begun round by round, as far as each is still as the plan saw it
  | 'drain'; // a goal: reconciled every round until nothing runs on the host

export type OperationState = 'pending' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'unknown';

export const OPERATION_STATES: { readonly [S in OperationState]: string } = {
  pending: 'committed, not yet taken by a worker',
  running: 'a worker has it; its lease says which',
  succeeded: 'ended as wanted, confirmed by looking',
  failed: 'ended, nothing of it left behind; why says the cause',
  cancelled: 'ended by request, undone',
  unknown: 'ended without certainty; why says what was found; waits for a person',
};

export const ACTIVE_STATES: readonly OperationState[] = ['pending', 'running'];

/** At most one active operation of each of these kinds per host. */
export const ONE_PER_HOST: readonly OperationKind[] = ['fence', 'drain', 'enrol', 'readmit', 'remove', 'take-pool'];

/** What ClusterView.recentOperations holds: as long as back-off and drains remember, and no more than a view can carry. */
export const RECENT_OPERATIONS = { withinMs: 30 * 60_000, limit: 500 };

export interface OperationStep {
  readonly name: string;
  readonly state: 'running' | 'done' | 'failed' | 'undone';
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  readonly note: string | null;
}

export interface Operation {
  readonly id: OperationId;
  readonly kind: OperationKind;
  readonly state: OperationState;
  readonly workloadId: WorkloadId | null;
  /** The host it is about (fence, drain, enrol, readmit), or where the workload is at the start. */
  readonly hostId: HostId | null;
  /** Where the workload goes (migrate, relocate, recover, create). */
  readonly targetHostId: HostId | null;
  /** What asked for it: a rule's name, or the operator's. */
  readonly requestedBy: string;
  /** A sentence: why it was started. */
  readonly reason: string;
  /** Kind-specific input; JSON values. */
  readonly params: Readonly<Record<string, unknown>>;
  /** Recovery only: why the old host cannot run the workload. */
  readonly proof: HostProof | null;
  /** At commit: every command of this operation carries it. */
  readonly leaderEpoch: number;
  /** Of the try under way: a worker that resumes it gets one above all that the try before may have sent. */
  readonly workloadEpoch: number | null;
  readonly steps: readonly OperationStep[];
  readonly memo: Readonly<Record<string, unknown>>;
  readonly progress: ProgressUpdate | null;
  readonly cancelRequested: boolean;
  /** How it ended: a reason code and a sentence. */
  readonly outcomeCode: string | null;
  readonly why: string | null;
  /** How often a worker took it. More than one: it was resumed. */
  readonly attempts: number;
  readonly createdAtMs: number;
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
}
