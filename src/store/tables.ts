// The tables as TypeORM sees them: plain rows, no classes. Domain objects are kept whole as documents; columns are what the database must check.
import { EntitySchema } from 'typeorm';
import type { Host } from '../hosts/host.js';
import type { PlacementRule } from '../scheduler/placement-rule.js';
import type { Workload } from '../workloads/workload.js';
import type { AlertCursor } from '../cluster/alert-cursor.js';
import type { Disarm, HostInventory } from '../cluster/cluster-view.js';
import type { Operation, OperationStep } from '../cluster/operation.js';
import type { VoterSet } from '../cluster/quorum-lease.js';
import type { ProgressUpdate } from '../shared/workflow.js';

export interface ClusterRow { id: number; version: string; disarm: Disarm | null; voters: VoterSet[] }
export interface LeaderRow { id: number; holder: string | null; epoch: string; until: Date | null }
export interface HostRow { id: string; name: string; condition: string; host_epoch: string; document: Host }
export interface WorkloadRow { id: string; uuid: string; name: string; host_id: string | null; workload_epoch: string; document: Workload }

/** What of an operation has no column of its own. */
export type OperationDocument = Pick<Operation, 'targetHostId' | 'requestedBy' | 'reason' | 'params' | 'proof' | 'leaderEpoch' | 'workloadEpoch' | 'outcomeCode' | 'why'>;

export interface OperationRow {
  id: string;
  /** The order of commits. */
  seq: string;
  kind: string;
  state: string;
  workload_id: string | null;
  host_id: string | null;
  document: OperationDocument;
  steps: OperationStep[];
  memo: Record<string, unknown>;
  progress: ProgressUpdate | null;
  cancel_requested: boolean;
  attempts: number;
  worker: string | null;
  worker_until: Date | null;
  created_at: Date;
  started_at: Date | null;
  ended_at: Date | null;
}

export interface RuleRow { name: string; document: PlacementRule }
export interface OutboxRow { operation_id: string }
export interface InventoryRow { host_id: string; document: HostInventory }
export interface EventRow { seq: string; at: Date; type: string; severity: string; host: string | null; workload: string | null; operation_id: string | null; message: string; data: Record<string, unknown> }
export interface AlertCursorRow { target: string; seq: string; tested_at: Date | null; document: Omit<AlertCursor, 'target' | 'seq'> }
export interface SettingRow { key: string; value: unknown }
export interface AuditRow { seq: string; at: Date; actor: string; action: string; target: string; details: Record<string, unknown> }

const key = { type: 'text', primary: true } as const;
const text = { type: 'text' } as const;
const optionalText = { type: 'text', nullable: true } as const;
const json = { type: 'jsonb' } as const;
const time = { type: 'timestamptz', nullable: true } as const;
const serial = { type: 'bigint', primary: true, generated: 'increment' } as const;
const written = { type: 'timestamptz', default: () => 'clock_timestamp()' } as const;

export const ClusterTable = new EntitySchema<ClusterRow>({
  name: 'cluster',
  columns: { id: { type: 'integer', primary: true, primaryKeyConstraintName: 'PK_cluster' }, version: { type: 'bigint', default: 1 }, disarm: { type: 'jsonb', nullable: true }, voters: { type: 'jsonb', default: [] } },
});

export const LeaderTable = new EntitySchema<LeaderRow>({
  name: 'leader',
  columns: { id: { type: 'integer', primary: true, primaryKeyConstraintName: 'PK_leader' }, holder: optionalText, epoch: { type: 'bigint', default: 0 }, until: time },
});

export const HostTable = new EntitySchema<HostRow>({
  name: 'host',
  columns: { id: { ...key, primaryKeyConstraintName: 'PK_host' }, name: text, condition: text, host_epoch: { type: 'bigint' }, document: json },
  indices: [{ name: 'host_name', columns: ['name'], unique: true }],
  checks: [{ name: 'CHK_host_condition', expression: "condition IN ('enrolling', 'online', 'silent', 'fencing', 'fenced', 'offline')" }, { name: 'CHK_host_intent', expression: "document->>'intent' IN ('active', 'maintenance')" }],
});

export const WorkloadTable = new EntitySchema<WorkloadRow>({
  name: 'workload',
  columns: { id: { ...key, primaryKeyConstraintName: 'PK_workload' }, uuid: text, name: text, host_id: optionalText, workload_epoch: { type: 'bigint' }, document: json },
  indices: [
    { name: 'workload_name', columns: ['name'], unique: true },
    { name: 'workload_uuid', columns: ['uuid'], unique: true },
  ],
  checks: [
    { name: 'CHK_workload_state', expression: "document->>'state' IN ('running', 'stopped', 'starting', 'stopping', 'migrating', 'waiting', 'awaiting-fence', 'paused', 'frozen', 'unmanaged', 'missing', 'error')" },
    { name: 'CHK_workload_desired', expression: "document->>'desired' IN ('running', 'stopped', 'disabled', 'unmanaged')" },
  ],
});

const ACTIVE = "state IN ('pending', 'running')";

export const OperationTable = new EntitySchema<OperationRow>({
  name: 'operation',
  columns: {
    id: { ...key, primaryKeyConstraintName: 'PK_operation' }, seq: { type: 'bigint', generated: 'increment' }, kind: text, state: text, workload_id: optionalText, host_id: optionalText, document: json, steps: json, memo: json,
    progress: { type: 'jsonb', nullable: true }, cancel_requested: { type: 'boolean', default: false }, attempts: { type: 'integer', default: 0 }, worker: optionalText,
    worker_until: time, created_at: written, started_at: time, ended_at: time,
  },
  indices: [
    { name: 'operation_one_per_workload', columns: ['workload_id'], unique: true, where: `${ACTIVE} AND workload_id IS NOT NULL` },
    { name: 'operation_one_per_host', columns: ['host_id', 'kind'], unique: true, where: `${ACTIVE} AND kind IN ('fence', 'drain', 'enrol', 'readmit', 'remove', 'take-pool')` },
    { name: 'operation_seq', columns: ['seq'], unique: true },
    { name: 'operation_active', columns: ['state'], where: ACTIVE },
    { name: 'operation_workload', columns: ['workload_id', 'seq'] },
    { name: 'operation_host', columns: ['host_id', 'seq'] },
    { name: 'operation_ended', columns: ['ended_at'] },
  ],
  checks: [{ name: 'CHK_operation_state', expression: "state IN ('pending', 'running', 'succeeded', 'failed', 'cancelled', 'unknown')" }],
});

export const RuleTable = new EntitySchema<RuleRow>({
  name: 'placement_rule',
  columns: { name: { ...key, primaryKeyConstraintName: 'PK_placement_rule' }, document: json },
  checks: [{ name: 'CHK_placement_rule_type', expression: "document->>'type' IN ('keep-apart', 'keep-together', 'hosts')" }],
});

export const OutboxTable = new EntitySchema<OutboxRow>({
  name: 'outbox',
  columns: { operation_id: { ...key, primaryKeyConstraintName: 'PK_outbox' } },
});

export const InventoryTable = new EntitySchema<InventoryRow>({
  name: 'inventory',
  columns: { host_id: { ...key, primaryKeyConstraintName: 'PK_inventory' }, document: json },
});

export const EventTable = new EntitySchema<EventRow>({
  name: 'event',
  columns: {
    seq: { ...serial, primaryKeyConstraintName: 'PK_event' }, at: written, type: text, severity: text, host: optionalText, workload: optionalText,
    operation_id: optionalText, message: text, data: json,
  },
  indices: [
    { name: 'event_host', columns: ['host', 'seq'] },
    { name: 'event_workload', columns: ['workload', 'seq'] },
  ],
});

export const AlertCursorTable = new EntitySchema<AlertCursorRow>({
  name: 'alert_cursor',
  columns: { target: { ...key, primaryKeyConstraintName: 'PK_alert_cursor' }, seq: { type: 'bigint' }, tested_at: time, document: json },
});

export const SettingTable = new EntitySchema<SettingRow>({
  name: 'setting',
  columns: { key: { ...key, primaryKeyConstraintName: 'PK_setting' }, value: json },
});

export const AuditTable = new EntitySchema<AuditRow>({
  name: 'audit',
  columns: { seq: { ...serial, primaryKeyConstraintName: 'PK_audit' }, at: written, actor: text, action: text, target: text, details: json },
});

export const TABLES = [ClusterTable, LeaderTable, HostTable, WorkloadTable, RuleTable, OperationTable, OutboxTable, InventoryTable, EventTable, AlertCursorTable, SettingTable, AuditTable];
