// Applies changes inside a transaction that holds the cluster's row: a few statements, however many changes there are.
import { randomBytes } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import type { Change } from '../cluster/change.js';
import type { NewClusterEvent } from '../cluster/cluster-event.js';
import type { CommitRefusal } from '../cluster/cluster-store.js';
import { namedIn, settleChanges, type Before, type Settled } from '../cluster/settle-changes.js';
import type { Host } from '../hosts/host.js';
import { operationId, type OperationId } from '../shared/ids.js';
import { ok, type Result } from '../shared/result.js';
import { storableJson } from '../shared/storable.js';
import type { Workload } from '../workloads/workload.js';
import type { RuleRow } from './tables.js';
import { eventRow, hostRow, newOperationRow, workloadRow } from './rows.js';

/** Under which the settings keep what people were told of the room for failure. */
export const ROOM_KEY = 'room';

export interface Applied {
  readonly operationIds: readonly OperationId[];
  /** True when something changed that decisions depend on. */
  readonly raisesVersion: boolean;
}

export async function applyChanges(tx: EntityManager, changes: readonly Change[], leaderEpoch: number): Promise<Result<Applied, CommitRefusal>> {
  const settled = settleChanges(changes, await before(tx, changes));
  if (!settled.ok) return settled;
  await writeHosts(tx, settled.value);
  await writeWorkloads(tx, settled.value);
  const operationIds = await addOperations(tx, settled.value, leaderEpoch);
  await writeRules(tx, settled.value);
  const { cancelled, notes, disarm, voters, room, events, raisesVersion } = settled.value;
  if (cancelled.length > 0) await tx.query(`UPDATE operation SET cancel_requested = true WHERE id = ANY($1) AND state IN ('pending', 'running')`, [cancelled]);
  for (const { id, memo } of notes) await tx.query(`UPDATE operation SET memo = memo || $2::jsonb WHERE id = $1 AND state IN ('pending', 'running')`, [id, storableJson(memo)]);
  if (disarm !== undefined) await tx.query('UPDATE cluster SET disarm = $1 WHERE id = 1', [disarm === null ? null : storableJson(disarm)]);
  if (voters !== undefined) await tx.query('UPDATE cluster SET voters = $1 WHERE id = 1', [storableJson(voters)]);
  if (room !== undefined) await tx.query('INSERT INTO setting (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value', [ROOM_KEY, storableJson(room)]);
  await addEvents(tx, events);
  return ok({ operationIds, raisesVersion });
}

async function before(tx: EntityManager, changes: readonly Change[]): Promise<Before> {
  const { hostIds, workloadIds, ruleNames } = namedIn(changes);
  const hosts = hostIds.length === 0 ? [] : await tx.query<{ id: string; document: Host }[]>('SELECT id, document FROM host WHERE id = ANY($1)', [hostIds]);
  const workloads = workloadIds.length === 0 ? [] : await tx.query<{ id: string; document: Workload }[]>('SELECT id, document FROM workload WHERE id = ANY($1)', [workloadIds]);
  const rules = ruleNames.length === 0 ? [] : await tx.query<RuleRow[]>('SELECT name, document FROM placement_rule WHERE name = ANY($1)', [ruleNames]);
  return { rules: new Map(rules.map((row) => [row.name, row.document])), hosts: new Map(hosts.map((row) => [row.id, row.document])), workloads: new Map(workloads.map((row) => [row.id, row.document])) };
}

/** Removed first: their names may be taken by what is added. */
async function writeHosts(tx: EntityManager, { hosts }: Settled): Promise<void> {
  const { kept, removed } = sorted(hosts);
  if (removed.length > 0) {
    await tx.query('DELETE FROM host WHERE id = ANY($1)', [removed]);
    await tx.query('DELETE FROM inventory WHERE host_id = ANY($1)', [removed]);
  }
  if (kept.length === 0) return;
  const sql = `INSERT INTO host (id, name, condition, host_epoch, document)
    SELECT id, name, condition, host_epoch, document FROM jsonb_to_recordset($1::jsonb) AS r(id text, name text, condition text, host_epoch bigint, document jsonb)
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, condition = excluded.condition, host_epoch = excluded.host_epoch, document = excluded.document`;
  await tx.query(sql, [storableJson(kept.map(hostRow))]);
}

async function writeWorkloads(tx: EntityManager, { workloads }: Settled): Promise<void> {
  const { kept, removed } = sorted(workloads);
  if (removed.length > 0) await tx.query('DELETE FROM workload WHERE id = ANY($1)', [removed]);
  if (kept.length === 0) return;
  const sql = `INSERT INTO workload (id, uuid, name, host_id, workload_epoch, document)
    SELECT id, uuid, name, host_id, workload_epoch, document FROM jsonb_to_recordset($1::jsonb) AS r(id text, uuid text, name text, host_id text, workload_epoch bigint, document jsonb)
    ON CONFLICT (id) DO UPDATE SET uuid = excluded.uuid, name = excluded.name, host_id = excluded.host_id, workload_epoch = excluded.workload_epoch, document = excluded.document`;
  await tx.query(sql, [storableJson(kept.map(workloadRow))]);
}

async function writeRules(tx: EntityManager, { rules }: Settled): Promise<void> {
  const { kept, removed } = sorted(rules);
  if (removed.length > 0) await tx.query('DELETE FROM placement_rule WHERE name = ANY($1)', [removed]);
  if (kept.length === 0) return;
  const sql = `INSERT INTO placement_rule (name, document) SELECT name, document FROM jsonb_to_recordset($1::jsonb) AS r(name text, document jsonb)
    ON CONFLICT (name) DO UPDATE SET document = excluded.document`;
  await tx.query(sql, [storableJson(kept.map((rule) => ({ name: rule.name, document: rule })))]);
}

function sorted<T>(touched: ReadonlyMap<string, T | null>): { readonly kept: readonly T[]; readonly removed: readonly string[] } {
  const removed = [...touched].filter(([, value]) => value === null).map(([id]) => id);
  return { kept: [...touched.values()].filter((value) => value !== null), removed };
}

async function addOperations(tx: EntityManager, { operations }: Settled, leaderEpoch: number): Promise<readonly OperationId[]> {
  if (operations.length === 0) return [];
  const rows = operations.map((settled, nth) => ({ nth, ...newOperationRow(operationId(randomBytes(8).toString('hex')), settled, leaderEpoch) }));
  const sql = `INSERT INTO operation (id, kind, state, workload_id, host_id, document, steps, memo)
    SELECT id, kind, 'pending', workload_id, host_id, document, '[]', '{}'
    FROM jsonb_to_recordset($1::jsonb) AS r(nth integer, id text, kind text, workload_id text, host_id text, document jsonb) ORDER BY nth`;
  await tx.query(sql, [storableJson(rows)]);
  const ids = rows.map((row) => row.id);
  await tx.query('INSERT INTO outbox (operation_id) SELECT unnest($1::text[])', [ids]);
  return ids;
}

export async function addEvents(tx: EntityManager, events: readonly NewClusterEvent[]): Promise<void> {
  if (events.length === 0) return;
  const sql = `INSERT INTO event (type, severity, host, workload, operation_id, message, data)
    SELECT type, severity, host, workload, operation_id, message, data
    FROM jsonb_to_recordset($1::jsonb) AS r(nth integer, type text, severity text, host text, workload text, operation_id text, message text, data jsonb) ORDER BY nth`;
  await tx.query(sql, [storableJson(events.map((event, nth) => ({ nth, ...eventRow(event) })))]);
}
