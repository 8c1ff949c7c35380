// The ClusterStore in Postgres: compare-and-swap commits, leases on the database's clock, a notification with each change.
import type { DataSource, EntityManager } from 'typeorm';
import type { Change } from '../cluster/change.js';
import type { ClusterEvent, NewClusterEvent } from '../cluster/cluster-event.js';
import { INVENTORY_LATE_MS, type ClusterStore, type CommitAt, type Committed, type CommitRefusal, type Lease, type OperationFilter } from '../cluster/cluster-store.js';
import type { ClusterView, Disarm, HostInventory, RoomTold } from '../cluster/cluster-view.js';
import { JOB_CLASS } from '../cluster/job-queue.js';
import { RECENT_OPERATIONS, type Operation, type OperationState, type OperationStep } from '../cluster/operation.js';
import type { VoterSet } from '../cluster/quorum-lease.js';
import { resolveRules } from '../scheduler/resolve-rules.js';
import { Defect } from '../shared/errors.js';
import type { OperationId } from '../shared/ids.js';
import { operationId } from '../shared/ids.js';
import { fail, ok, type Result } from '../shared/result.js';
import type { ProgressUpdate } from '../shared/workflow.js';
import { storableJson } from '../shared/storable.js';
import { addEvents, applyChanges, ROOM_KEY } from './apply-changes.js';
import type { ChangeListener } from './change-listener.js';
import { asOperational, refusalOf } from './database-errors.js';
import { eventOf, operationOf } from './rows.js';
import type { EventRow, HostRow, InventoryRow, OperationRow, RuleRow, WorkloadRow } from './tables.js';
import { nextTry } from '../workloads/placement-epoch.js';

const RECENT = `ended_at > now() - interval '${RECENT_OPERATIONS.withinMs} milliseconds' ORDER BY ended_at DESC, seq DESC LIMIT ${RECENT_OPERATIONS.limit}`;

/** Looked at first by the sweeper: a lost fence must not wait behind many others. */
const URGENT_KINDS = Object.entries(JOB_CLASS).filter(([, jobClass]) => jobClass === 'urgent').map(([kind]) => kind);

/** Expiry is judged by the clock as it is once the row is ours: now() stands still while a transaction waits for a lock. */
const FROM_NOW = (millis: string): string => `clock_timestamp() + ${millis} * interval '1 millisecond'`;

export class PostgresClusterStore implements ClusterStore {
  constructor(
    private readonly source: DataSource,
    private readonly changes: ChangeListener,
    /** Where commits are announced: this cluster's own. */
    private readonly channel: string,
  ) {}

  readView(): Promise<ClusterView> {
    return this.#within(viewIn, 'REPEATABLE READ');
  }

  async commit(changes: readonly Change[], at: CommitAt): Promise<Result<Committed, CommitRefusal>> {
    return this.#committing(async (tx, version) => {
      const stale = await staleness(tx, version, at);
      return stale ? fail(stale) : applied(tx, changes, { version, leaderEpoch: at.leaderEpoch });
    });
  }

  /** Whoever changes what decisions depend on waits for the cluster's row, which is held here. */
  async decideAndCommit(decide: (view: ClusterView) => readonly Change[]): Promise<Result<Committed, CommitRefusal>> {
    return this.#committing(async (tx, version) => {
      await tx.query('SELECT epoch FROM leader WHERE id = 1 FOR SHARE');
      const view = await viewIn(tx);
      const changes = decide(view);
      return changes.length === 0 ? ok({ operationIds: [], version }) : applied(tx, changes, view);
    });
  }

  async #committing(work: (tx: EntityManager, version: number) => Promise<Result<Committed, CommitRefusal>>): Promise<Result<Committed, CommitRefusal>> {
    try {
      return await this.#write(work);
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal) return fail(refusal);
      throw error;
    }
  }

  async operation(id: OperationId): Promise<Operation | null> {
    const [row] = await this.#query<OperationRow>('SELECT * FROM operation WHERE id = $1', [id]);
    return row ? operationOf(row) : null;
  }

  async listOperations(filter: OperationFilter): Promise<readonly Operation[]> {
    const where: string[] = ['true'];
    const values: unknown[] = [];
    const add = (sql: string, value: unknown): void => {
      values.push(value);
      where.push(sql.replaceAll('?', `$${values.length}`));
    };
    if (filter.ids) add('id = ANY(?)', filter.ids);
    if (filter.states) add('state = ANY(?)', filter.states);
    if (filter.workloadId) add('workload_id = ?', filter.workloadId);
    if (filter.hostId) add(`(host_id = ? OR document->>'targetHostId' = ?)`, filter.hostId);
    if (filter.kind) add('kind = ?', filter.kind);
    if (filter.before) add('seq < (SELECT seq FROM operation WHERE id = ?)', filter.before);
    values.push(filter.limit);
    const rows = await this.#query<OperationRow>(`SELECT * FROM operation WHERE ${where.join(' AND ')} ORDER BY seq DESC LIMIT $${values.length}`, values);
    return rows.map(operationOf);
  }

  async claimOperation(id: OperationId, worker: string, leaseMs: number): Promise<Operation | null> {
    const sql = `UPDATE operation SET state = 'running', worker = $2, worker_until = ${FROM_NOW('$3')}, attempts = attempts + 1, started_at = coalesce(started_at, clock_timestamp())
      WHERE id = $1 AND (state = 'pending' OR (state = 'running' AND (worker_until IS NULL OR worker_until <= clock_timestamp()))) RETURNING *`;
    return this.#write(async (tx) => {
      const row = await updated<OperationRow>(tx, sql, [id, worker, leaseMs]);
      if (!row) return null;
      const claimed = row.attempts > 1 ? await withNextEpoch(tx, row) : row;
      await raiseVersion(tx);
      return operationOf(claimed);
    });
  }

  async renewOperation(id: OperationId, worker: string, leaseMs: number): Promise<boolean> {
    return this.#owned(`worker_until = ${FROM_NOW('$3')}`, [id, worker, leaseMs]);
  }

  recordStep(id: OperationId, worker: string, step: OperationStep, memo: Readonly<Record<string, unknown>> | null): Promise<boolean> {
    return this.#within(async (tx) => {
      const [row] = await tx.query<OperationRow[]>(`SELECT * FROM operation WHERE id = $1 AND state = 'running' AND worker = $2 FOR UPDATE`, [id, worker]);
      if (!row) return false;
      const known = row.steps.some((one) => one.name === step.name);
      const steps = known ? row.steps.map((one) => (one.name === step.name ? step : one)) : [...row.steps, step];
      await tx.query('UPDATE operation SET steps = $2, memo = coalesce($3, memo) WHERE id = $1', [id, storableJson(steps), memo === null ? null : storableJson(memo)]);
      await tx.query('SELECT pg_notify($1, $2)', [this.channel, 'step']);
      return true;
    });
  }

  recordProgress(id: OperationId, worker: string, progress: ProgressUpdate): Promise<boolean> {
    return this.#owned('progress = $3', [id, worker, storableJson(progress)]);
  }

  async finishOperation(
    id: OperationId,
    worker: string,
    end: { readonly state: Exclude<OperationState, 'pending' | 'running'>; readonly code: string | null; readonly why: string | null },
    changes: readonly Change[],
  ): Promise<boolean> {
    const sql = `UPDATE operation SET state = $3, ended_at = clock_timestamp(), worker_until = NULL, document = document || $4
      WHERE id = $1 AND state = 'running' AND worker = $2 RETURNING document`;
    const impossible = (why: string): Defect => new Defect(`what follows from operation ${id} can't be: ${why}`);
    try {
      return await this.#write(async (tx) => {
        const row = await updated<{ document: { leaderEpoch: number } }>(tx, sql, [id, worker, end.state, storableJson({ outcomeCode: end.code, why: end.why })]);
        if (!row) return false;
        const applied = await applyChanges(tx, changes, row.document.leaderEpoch);
        if (!applied.ok) throw impossible(applied.error.why);
        await raiseVersion(tx);
        return true;
      });
    } catch (error) {
      const refusal = refusalOf(error);
      throw refusal ? impossible(refusal.why) : error;
    }
  }

  async undispatched(limit: number): Promise<readonly OperationId[]> {
    const rows = await this.#query<{ operation_id: string }>('SELECT operation_id FROM outbox JOIN operation ON id = operation_id ORDER BY seq LIMIT $1', [limit]);
    return rows.map((row) => operationId(row.operation_id));
  }

  async markDispatched(ids: readonly OperationId[]): Promise<void> {
    await this.#query('DELETE FROM outbox WHERE operation_id = ANY($1)', [ids]);
  }

  async stranded(olderThanMs: number, limit: number): Promise<readonly OperationId[]> {
    const sql = `SELECT id FROM operation WHERE (state = 'pending' OR (state = 'running' AND (worker_until IS NULL OR worker_until <= now())))
      AND created_at < now() - $1 * interval '1 millisecond' ORDER BY kind = ANY($3) DESC, seq LIMIT $2`;
    return (await this.#query<{ id: string }>(sql, [olderThanMs, limit, URGENT_KINDS])).map((row) => operationId(row.id));
  }

  async saveInventory(inventory: HostInventory): Promise<void> {
    const sql = `INSERT INTO inventory (host_id, document) SELECT $1, $2 WHERE EXISTS (SELECT 1 FROM host WHERE id = $1) ON CONFLICT (host_id) DO UPDATE SET document = excluded.document
      WHERE (inventory.document->>'atMs')::numeric - (excluded.document->>'atMs')::numeric NOT BETWEEN 1 AND $3`;
    await this.#query(sql, [inventory.hostId, storableJson(inventory), INVENTORY_LATE_MS]);
  }

  async appendEvents(events: readonly NewClusterEvent[]): Promise<void> {
    if (events.length === 0) return;
    await this.#write((tx) => addEvents(tx, events));
  }

  async events(afterSeq: number | null, limit: number, filter: { readonly types?: readonly string[]; readonly host?: string; readonly workload?: string } = {}): Promise<readonly ClusterEvent[]> {
    const values: unknown[] = [limit];
    const where: string[] = ['true'];
    const add = (sql: string, value: unknown): void => {
      values.push(value);
      where.push(sql.replace('?', `$${values.length}`));
    };
    if (afterSeq !== null) add('seq > ?', afterSeq);
    if (filter.types) add('type = ANY(?)', filter.types);
    if (filter.host) add('host = ?', filter.host);
    if (filter.workload) add('workload = ?', filter.workload);
    const rows = await this.#query<EventRow>(`SELECT * FROM event WHERE ${where.join(' AND ')} ORDER BY seq ${afterSeq === null ? 'DESC' : 'ASC'} LIMIT $1`, values);
    const found = rows.map(eventOf);
    return afterSeq === null ? found.reverse() : found;
  }

  onChange(listener: () => void): () => void {
    return this.changes.add(this.channel, listener);
  }

  async acquireLease(holder: string, ttlMs: number): Promise<Lease> {
    const sql = `UPDATE leader SET epoch = CASE WHEN holder = $1 AND until > clock_timestamp() THEN epoch ELSE epoch + 1 END, holder = $1, until = ${FROM_NOW('$2')}
      WHERE id = 1 AND (holder IS NULL OR holder = $1 OR until IS NULL OR until <= clock_timestamp()) RETURNING epoch, holder`;
    return this.#within(async (tx) => {
      const mine = await updated<{ epoch: string; holder: string }>(tx, sql, [holder, ttlMs]);
      if (mine) return { epoch: Number(mine.epoch), held: true, holder };
      const [theirs] = await tx.query<{ epoch: string; holder: string | null }[]>('SELECT epoch, holder FROM leader WHERE id = 1');
      return { epoch: Number(theirs?.epoch ?? 0), held: false, holder: theirs?.holder ?? '' };
    });
  }

  async releaseLease(holder: string): Promise<void> {
    await this.#query('UPDATE leader SET until = clock_timestamp() WHERE id = 1 AND holder = $1', [holder]);
  }

  /** One statement on an operation that the worker still owns. */
  async #owned(set: string, values: readonly unknown[]): Promise<boolean> {
    return this.#within(async (tx) => (await updated(tx, `UPDATE operation SET ${set} WHERE id = $1 AND state = 'running' AND worker = $2 RETURNING id`, values)) !== null);
  }

  /** A transaction that holds the cluster's row: commits follow each other, and events are numbered in that order. */
  #write<T>(work: (tx: EntityManager, version: number) => Promise<T>): Promise<T> {
    return this.#within(async (tx) => {
      const [row] = await tx.query<{ version: string }[]>('SELECT version FROM cluster WHERE id = 1 FOR UPDATE');
      const result = await work(tx, Number(row?.version ?? 0));
      await tx.query('SELECT pg_notify($1, $2)', [this.channel, 'commit']);
      return result;
    });
  }

  async #within<T>(work: (tx: EntityManager) => Promise<T>, isolation: 'READ COMMITTED' | 'REPEATABLE READ' = 'READ COMMITTED'): Promise<T> {
    try {
      return await this.source.transaction(isolation, work);
    } catch (error) {
      throw asOperational(error);
    }
  }

  async #query<Row>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    try {
      return await this.source.query<Row[]>(sql, [...values]);
    } catch (error) {
      throw asOperational(error);
    }
  }
}

async function viewIn(tx: EntityManager): Promise<ClusterView> {
  const [cluster] = await tx.query<{ version: string; disarm: Disarm | null; voters: VoterSet[]; epoch: string; room: RoomTold | null }[]>('SELECT c.version, c.disarm, c.voters, l.epoch, (SELECT value FROM setting WHERE key = $1) AS room FROM cluster c, leader l WHERE c.id = 1 AND l.id = 1', [ROOM_KEY]);
  // By code point, whatever the database's collation: the order is part of what decisions depend on.
  const hosts = await tx.query<HostRow[]>('SELECT document FROM host ORDER BY name COLLATE "C"');
  const workloads = await tx.query<WorkloadRow[]>('SELECT document FROM workload ORDER BY name COLLATE "C"');
  const active = await tx.query<OperationRow[]>(`SELECT * FROM operation WHERE state IN ('pending', 'running') ORDER BY seq`);
  const recent = await tx.query<OperationRow[]>(`SELECT * FROM operation WHERE ${RECENT}`);
  const inventories = await tx.query<InventoryRow[]>('SELECT document FROM inventory ORDER BY host_id COLLATE "C"');
  const rules = await tx.query<RuleRow[]>('SELECT document FROM placement_rule ORDER BY name COLLATE "C"');
  const labelled = { hosts: hosts.map((row) => row.document), workloads: workloads.map((row) => row.document) };
  return {
    version: Number(cluster?.version ?? 0),
    leaderEpoch: Number(cluster?.epoch ?? 0),
    ...labelled,
    operations: active.map(operationOf),
    recentOperations: recent.map(operationOf),
    inventories: inventories.map((row) => row.document),
    rules: resolveRules(rules.map((row) => row.document), labelled),
    disarm: cluster?.disarm ?? null,
    voters: cluster?.voters ?? [],
    room: cluster?.room ?? null,
  };
}

/**
 * The leader's row stays locked until the end: nobody takes over in the middle of a commit. A lease that ran out without a successor
 * does not refuse: the epoch is still the highest, and operators' requests need no leader at that moment.
 */
async function staleness(tx: EntityManager, version: number, at: CommitAt): Promise<CommitRefusal | null> {
  const [leader] = await tx.query<{ epoch: string }[]>('SELECT epoch FROM leader WHERE id = 1 FOR SHARE');
  const epoch = Number(leader?.epoch ?? 0);
  if (epoch !== at.leaderEpoch) return { code: 'stale-leader', why: `leader epoch ${at.leaderEpoch} is over, ${epoch} leads` };
  if (at.viewVersion !== null && at.viewVersion !== version) return { code: 'stale-view', why: `decided on version ${at.viewVersion}, the store is at ${version}` };
  return null;
}

async function applied(tx: EntityManager, changes: readonly Change[], { version, leaderEpoch }: { readonly version: number; readonly leaderEpoch: number }): Promise<Result<Committed, CommitRefusal>> {
  const done = await applyChanges(tx, changes, leaderEpoch);
  if (!done.ok) return done;
  return ok({ operationIds: done.value.operationIds, version: done.value.raisesVersion ? await raiseVersion(tx) : version });
}

async function raiseVersion(tx: EntityManager): Promise<number> {
  const row = await updated<{ version: string }>(tx, 'UPDATE cluster SET version = version + 1 WHERE id = 1 RETURNING version', []);
  return Number(row?.version ?? 0);
}

/** TypeORM answers an UPDATE … RETURNING with [rows, count]. */
async function updated<Row>(tx: EntityManager, sql: string, values: readonly unknown[]): Promise<Row | null> {
  const [rows] = await tx.query<[Row[], number]>(sql, [...values]);
  return rows[0] ?? null;
}

/** A try that is resumed has an epoch above the one before; unless the workload was placed anew: then its commands are over. */
async function withNextEpoch(tx: EntityManager, row: OperationRow): Promise<OperationRow> {
  const { workloadEpoch } = row.document;
  if (row.workload_id === null || workloadEpoch === null) return row;
  const raised = storableJson({ workloadEpoch: nextTry(workloadEpoch) });
  const sql = 'UPDATE workload SET workload_epoch = $3, document = document || $4 WHERE id = $1 AND workload_epoch = $2 RETURNING id';
  const workload = await updated(tx, sql, [row.workload_id, workloadEpoch, nextTry(workloadEpoch), raised]);
  if (!workload) return row;
  return (await updated<OperationRow>(tx, 'UPDATE operation SET document = document || $2 WHERE id = $1 RETURNING *', [row.id, raised])) ?? row;
}
