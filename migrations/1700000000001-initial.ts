// The first schema: hosts, workloads, operations with their outbox, inventories, events, the leader's lease, settings, audit.
import type { MigrationInterface, QueryRunner } from 'typeorm';

const STATEMENTS = [
  `CREATE TABLE cluster (
    id integer NOT NULL CONSTRAINT "PK_cluster" PRIMARY KEY,
    version bigint NOT NULL DEFAULT 1,
    disarm jsonb
  )`,
  `INSERT INTO cluster (id) VALUES (1)`,
  `CREATE TABLE leader (
    id integer NOT NULL CONSTRAINT "PK_leader" PRIMARY KEY,
    holder text,
    epoch bigint NOT NULL DEFAULT 0,
    until timestamptz
  )`,
  `INSERT INTO leader (id) VALUES (1)`,
  `CREATE TABLE host (
    id text NOT NULL CONSTRAINT "PK_host" PRIMARY KEY,
    name text NOT NULL,
    condition text NOT NULL,
    host_epoch bigint NOT NULL,
    document jsonb NOT NULL,
    CONSTRAINT "CHK_host_condition" CHECK (condition IN ('enrolling', 'online', 'silent', 'fencing', 'fenced', 'offline')),
    CONSTRAINT "CHK_host_intent" CHECK (document->>'intent' IN ('active', 'maintenance'))
  )`,
  `CREATE UNIQUE INDEX host_name ON host (name)`,
  `CREATE TABLE workload (
    id text NOT NULL CONSTRAINT "PK_workload" PRIMARY KEY,
    uuid text NOT NULL,
    name text NOT NULL,
    host_id text,
    workload_epoch bigint NOT NULL,
    document jsonb NOT NULL,
    CONSTRAINT "CHK_workload_state" CHECK (document->>'state' IN ('running', 'stopped', 'starting', 'stopping', 'migrating', 'waiting', 'awaiting-fence', 'paused', 'missing', 'error')),
    CONSTRAINT "CHK_workload_desired" CHECK (document->>'desired' IN ('running', 'stopped', 'disabled'))
  )`,
  `CREATE UNIQUE INDEX workload_name ON workload (name)`,
  `CREATE UNIQUE INDEX workload_uuid ON workload (uuid)`,
  `CREATE TABLE operation (
    id text NOT NULL CONSTRAINT "PK_operation" PRIMARY KEY,
    seq bigserial NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    workload_id text,
    host_id text,
    document jsonb NOT NULL,
    steps jsonb NOT NULL,
    memo jsonb NOT NULL,
    progress jsonb,
    cancel_requested boolean NOT NULL DEFAULT false,
    attempts integer NOT NULL DEFAULT 0,
    worker text,
    worker_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at timestamptz,
    ended_at timestamptz,
    CONSTRAINT "CHK_operation_state" CHECK (state IN ('pending', 'running', 'succeeded', 'failed', 'cancelled', 'unknown'))
  )`,
  `CREATE UNIQUE INDEX operation_one_per_workload ON operation (workload_id) WHERE state IN ('pending', 'running') AND workload_id IS NOT NULL`,
  `CREATE UNIQUE INDEX operation_one_per_host ON operation (host_id, kind) WHERE state IN ('pending', 'running') AND kind IN ('fence', 'drain', 'enrol', 'readmit', 'remove')`,
  `CREATE UNIQUE INDEX operation_seq ON operation (seq)`,
  `CREATE INDEX operation_active ON operation (state) WHERE state IN ('pending', 'running')`,
  `CREATE INDEX operation_workload ON operation (workload_id, seq)`,
  `CREATE INDEX operation_host ON operation (host_id, seq)`,
  `CREATE INDEX operation_ended ON operation (ended_at)`,
  `CREATE TABLE outbox (
    operation_id text NOT NULL CONSTRAINT "PK_outbox" PRIMARY KEY
  )`,
  `CREATE TABLE inventory (
    host_id text NOT NULL CONSTRAINT "PK_inventory" PRIMARY KEY,
    document jsonb NOT NULL
  )`,
  `CREATE TABLE event (
    seq bigserial NOT NULL CONSTRAINT "PK_event" PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    type text NOT NULL,
    severity text NOT NULL,
    host text,
    workload text,
    operation_id text,
    message text NOT NULL,
    data jsonb NOT NULL
  )`,
  `CREATE INDEX event_host ON event (host, seq)`,
  `CREATE INDEX event_workload ON event (workload, seq)`,
  `CREATE TABLE setting (
    key text NOT NULL CONSTRAINT "PK_setting" PRIMARY KEY,
    value jsonb NOT NULL
  )`,
  `CREATE TABLE audit (
    seq bigserial NOT NULL CONSTRAINT "PK_audit" PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL,
    action text NOT NULL,
    target text NOT NULL,
    details jsonb NOT NULL
  )`,
];

export class Initial1700000000001 implements MigrationInterface {
  readonly name = 'Initial1700000000001';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['audit', 'setting', 'event', 'inventory', 'outbox', 'operation', 'workload', 'host', 'leader', 'cluster']) await runner.query(`DROP TABLE ${table}`);
  }
}
