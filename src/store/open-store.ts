// Opens the store: migrates under a lock, connects, listens for changes.
import type { DataSource } from 'typeorm';
import { OperationalError } from '../shared/errors.js';
import { ChangeListener } from './change-listener.js';
import { dataSource, migrationSource, type ConnectionConfig } from './connection.js';
import { asOperational } from './database-errors.js';
import { CHANGE_CHANNEL, PostgresClusterStore } from './postgres-cluster-store.js';
import { PostgresAudit, PostgresSettings } from './settings.js';

export interface OpenStore {
  readonly store: PostgresClusterStore;
  readonly settings: PostgresSettings;
  readonly audit: PostgresAudit;
  readonly source: DataSource;
  close(): Promise<void>;
}

/** Replicas that start together migrate one after the other. Any number will do, if it is always the same. */
const MIGRATION_LOCK = 7_245_001;
/** Another replica's migration is waited for no longer than this. */
const MIGRATION_WAIT_MS = 120_000;

export async function openStore(connection: ConnectionConfig): Promise<OpenStore> {
  await migrate(migrationSource(connection));
  const source = dataSource(connection);
  await reached(source.initialize());
  const changes = new ChangeListener(connection, CHANGE_CHANNEL);
  await changes.start();
  return {
    store: new PostgresClusterStore(source, changes),
    settings: new PostgresSettings(source),
    audit: new PostgresAudit(source),
    source,
    close: async () => {
      await changes.stop();
      await source.destroy();
    },
  };
}

/** On connections of its own, closed afterwards: the lock ends with them whatever happens. */
async function migrate(source: DataSource): Promise<void> {
  await reached(source.initialize());
  const lock = source.createQueryRunner();
  try {
    await lock.query(`SET lock_timeout = ${MIGRATION_WAIT_MS}`);
    await reached(lock.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]));
    await reached(source.runMigrations({ transaction: 'all' }));
    await assertNotNewer(source);
  } finally {
    await lock.release().catch(() => undefined);
    await source.destroy().catch(() => undefined);
  }
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
