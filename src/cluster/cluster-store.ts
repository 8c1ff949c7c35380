// The ClusterStore port: Postgres in truth (store/), memory in the simulator. Every method is one transaction.
import type { OperationId } from '../shared/ids.js';
import type { Result } from '../shared/result.js';
import type { ProgressUpdate } from '../shared/workflow.js';
import type { Change } from './change.js';
import type { ClusterEvent, NewClusterEvent } from './cluster-event.js';
import type { ClusterView, HostInventory } from './cluster-view.js';
import type { Operation, OperationState, OperationStep } from './operation.js';

export interface CommitAt {
  /** Version of the view the decision was made on; null: don't compare (an operator's request that stands on its own). */
  readonly viewVersion: number | null;
  readonly leaderEpoch: number;
}

export type CommitRefusal =
  | { readonly code: 'stale-view'; readonly why: string } // something changed: look again
  | { readonly code: 'stale-leader'; readonly why: string } // another leader took over: stop acting
  | { readonly code: 'operation-active'; readonly why: string } // one active operation per workload, one fence/drain/enrol per host
  | { readonly code: 'name-taken'; readonly why: string };

export interface Committed {
  readonly operationIds: readonly OperationId[];
  readonly version: number;
}

export interface OperationFilter {
  readonly ids?: readonly OperationId[];
  readonly states?: readonly OperationState[];
  readonly workloadId?: string;
  readonly hostId?: string;
  readonly kind?: Operation['kind'];
  readonly limit: number;
  /** Only operations created before this one (for paging, newest first). */
  readonly before?: OperationId;
}

export interface Lease {
  readonly epoch: number;
  readonly held: boolean;
  /** Who holds it. */
  readonly holder: string;
}

/** An inventory that claims to be newer by more than this was timed by a clock that is ahead, and is replaced. */
export const INVENTORY_LATE_MS = 120_000;

export interface ClusterStore {
  readView(): Promise<ClusterView>;
  /** Compare-and-swap: all changes or none. New operations also get an outbox entry in the same transaction. */
  commit(changes: readonly Change[], at: CommitAt): Promise<Result<Committed, CommitRefusal>>;
  /**
   * Decides on the newest view while nobody else can change it: never stale, however busy the cluster is. For what a person asked;
   * `decide` is pure and quick, and what it throws is passed on, with nothing written.
   */
  decideAndCommit(decide: (view: ClusterView) => readonly Change[]): Promise<Result<Committed, CommitRefusal>>;

  // --- operations, for workers ---
  operation(id: OperationId): Promise<Operation | null>;
  listOperations(filter: OperationFilter): Promise<readonly Operation[]>;
  /** Takes a pending operation, or a running one whose worker's lease ran out (by the database's clock). Null: not to be had. */
  claimOperation(id: OperationId, worker: string, leaseMs: number): Promise<Operation | null>;
  /** Prolongs the worker's lease. False: it was lost; stop working on it. */
  renewOperation(id: OperationId, worker: string, leaseMs: number): Promise<boolean>;
  /** False (here and below): the lease was lost, nothing was written. */
  recordStep(id: OperationId, worker: string, step: OperationStep, memo: Readonly<Record<string, unknown>> | null): Promise<boolean>;
  recordProgress(id: OperationId, worker: string, progress: ProgressUpdate): Promise<boolean>;
  /** Ends it together with what follows from it, in one transaction. */
  finishOperation(
    id: OperationId,
    worker: string,
    end: { readonly state: Exclude<OperationState, 'pending' | 'running'>; readonly code: string | null; readonly why: string | null },
    changes: readonly Change[],
  ): Promise<boolean>;

  // --- outbox, for the dispatcher ---
  /** Ids that were committed and not yet handed to the queue. */
  undispatched(limit: number): Promise<readonly OperationId[]>;
  markDispatched(ids: readonly OperationId[]): Promise<void>;
  /** Active operations that no worker holds, older than `olderThanMs`: the queue may have lost them. */
  stranded(olderThanMs: number, limit: number): Promise<readonly OperationId[]>;

  // --- observation ---
  /** An answer that comes late does not replace a newer one; see INVENTORY_LATE_MS. */
  saveInventory(inventory: HostInventory): Promise<void>;

  // --- events ---
  appendEvents(events: readonly NewClusterEvent[]): Promise<void>;
  /** Events after `afterSeq`, oldest first; or the newest `limit` when afterSeq is null. */
  events(afterSeq: number | null, limit: number, filter?: { readonly types?: readonly string[]; readonly host?: string; readonly workload?: string }): Promise<readonly ClusterEvent[]>;
  /** Calls back soon after anything was committed or appended (LISTEN/NOTIFY); may also call for nothing. Returns the unsubscribe. */
  onChange(listener: () => void): () => void;

  // --- leadership: a lease row on the database's clock ---
  /** Takes or renews the lease; a new holder gets a higher epoch. */
  acquireLease(holder: string, ttlMs: number): Promise<Lease>;
  releaseLease(holder: string): Promise<void>;
}
