// Opens the store of a cluster: makes its schema and migrates under a lock, connects, listens for changes.
import pg from 'pg';
import type { DataSource } from 'typeorm';
import { OperationalError } from '../shared/errors.js';
import { ChangeListener } from './change-listener.js';
import { connectionTo, furtherOf, placeOf } from './cluster-schema.js';
import { dataSource, migrationSource, type ConnectionConfig } from './connection.js';
import { asOperational } from './database-errors.js';
import { PostgresAlertCursors } from './postgres-alert-cursors.js';
import { PostgresClusterStore } from './postgres-cluster-store.js';
import { PostgresAudit, PostgresSettings } from './settings.js';

export interface OpenStore {
  readonly store: PostgresClusterStore;
  readonly settings: PostgresSettings;
  readonly audit: PostgresAudit;
  readonly alertCursors: PostgresAlertCursors;
  readonly source: DataSource;
  close(): Promise<void>;
}

export interface StoreOptions {
  /** Name of a cluster beside the first, which has a schema of its own; null or left out: the first. */
  readonly further?: string | null;
  /** Connections at most, beside the listener's. */
  readonly poolSize?: number;
  /** One for several clusters, started and stopped by whoever made it; left out: one of its own. */
  readonly changes?: ChangeListener;
}

/** Replicas that start together migrate one after the other. Any number will do, if it is always the same. */
const MIGRATION_LOCK = 7_245_001;
/** Another replica's migration is waited for no longer than this. */
const MIGRATION_WAIT_MS = 120_000;
const CONNECT_MS = 5_000;

/** Throws OperationalError: the database is away, refuses, or is of a newer release. */
export async function openStore(connection: ConnectionConfig, { further = null, poolSize, changes }: StoreOptions = {}): Promise<OpenStore> {
  const place = placeOf(further);
  const own = connectionTo(connection, place);
  await migrate(connection, own, place.schema);
  const source = dataSource(own, poolSize);
  await reached(source.initialize());
  const listener = changes ?? new ChangeListener(connection, [place.channel]);
  if (!changes) await listener.start();
  return {
    store: new PostgresClusterStore(source, listener, place.channel),
    settings: new PostgresSettings(source),
    audit: new PostgresAudit(source),
    alertCursors: new PostgresAlertCursors(source, place.channel),
    source,
    close: async () => {
      if (!changes) await listener.stop();
      await source.destroy();
    },
  };
}

/** Names of clusters beside the first that the database holds, configured or not; sorted. */
export async function furtherClustersIn({ source }: Pick<OpenStore, 'source'>): Promise<readonly string[]> {
  const rows = await reached(source.query<{ schema: string }[]>(`SELECT schemaname AS schema FROM pg_tables WHERE tablename = 'reeve_migrations' ORDER BY schemaname`));
  return rows.flatMap(({ schema }) => furtherOf(schema) ?? []);
}

/** The lock is held by a connection of its own, and ends with it whatever happens. */
async function migrate(connection: ConnectionConfig, own: ConnectionConfig, schema: string | null): Promise<void> {
  const lock = new pg.Client({ ...connection, connectionTimeoutMillis: CONNECT_MS, application_name: 'reeve', keepAlive: true });
  lock.on('error', () => undefined);
  try {
    await reached(lock.connect());
    await lock.query(`SET lock_timeout = ${MIGRATION_WAIT_MS}`);
    await reached(lock.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]));
    if (schema !== null) await reached(lock.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`));
    await applyMigrations(migrationSource(own), schema);
  } finally {
    await lock.end().catch(() => undefined);
  }
}

async function applyMigrations(source: DataSource, schema: string | null): Promise<void> {
  try {
    await reached(source.initialize());
    await assertIn(source, schema);
    await reached(source.runMigrations({ transaction: 'all' }));
    await assertNotNewer(source);
  } finally {
    await source.destroy().catch(() => undefined);
  }
}

/** A pooler between us and Postgres may drop a connection's options: then one cluster would write over another. */
async function assertIn(source: DataSource, schema: string | null): Promise<void> {
  if (schema === null) return;
  const [found] = await source.query<{ path: string }[]>(`SELECT current_setting('search_path') AS path`);
  if (found?.path !== schema) throw new OperationalError('unsupported', `the connection's search_path is "${found?.path ?? ''}" although ${schema} was asked for`, 'connect to Postgres itself, not through a pooler that drops the option search_path');
}

/** A database that a newer release has changed may mean things that this one does not know. */
async function assertNotNewer(source: DataSource): Promise<void> {
  const known = new Set(source.migrations.map((migration) => migration.name));
  const applied = await source.query<{ name: string }[]>('SELECT name FROM reeve_migrations');
  const unknown = applied.find((migration) => !known.has(migration.name));
  if (unknown) throw new OperationalError('unsupported', `the database was changed by a newer release (${unknown.name})`, 'run that release, or restore a backup made before it');
}

async function reached<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    throw asOperational(error);
  }
}
