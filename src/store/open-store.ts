// Opens the store: connects, migrates under a lock, listens for changes.
import { DataSource } from 'typeorm';
import { Initial1700000000001 } from '../../migrations/1700000000001-initial.js';
import { asOperational } from './database-errors.js';
import { ChangeListener } from './change-listener.js';
import { CHANGE_CHANNEL, PostgresClusterStore } from './postgres-cluster-store.js';
import { PostgresAudit, PostgresSettings } from './settings.js';
import { TABLES } from './tables.js';

export type ConnectionConfig =
  | { readonly connectionString: string }
  | { readonly host: string; readonly port: number; readonly user: string; readonly password?: string; readonly database: string };

export interface OpenStore {
  readonly store: PostgresClusterStore;
  readonly settings: PostgresSettings;
  readonly audit: PostgresAudit;
  readonly source: DataSource;
  close(): Promise<void>;
}

export const MIGRATIONS = [Initial1700000000001];

/** Replicas that start together migrate one after the other. Any number will do, if it is always the same. */
const MIGRATION_LOCK = 7_245_001;
const POOL = 20;

export function dataSource(connection: ConnectionConfig): DataSource {
  const where = 'connectionString' in connection ? { url: connection.connectionString } : { host: connection.host, port: connection.port, username: connection.user, database: connection.database, ...(connection.password === undefined ? {} : { password: connection.password }) };
  return new DataSource({
    type: 'postgres',
    ...where,
    entities: TABLES,
    migrations: MIGRATIONS,
    migrationsTableName: 'reeve_migrations',
    poolSize: POOL,
    extra: { connectionTimeoutMillis: 5_000, idleTimeoutMillis: 30_000, application_name: 'reeve' },
    poolErrorHandler: () => undefined, // an idle connection that breaks is replaced; the next query says what is wrong
    logging: false,
  });
}

export async function openStore(connection: ConnectionConfig): Promise<OpenStore> {
  const source = dataSource(connection);
  try {
    await source.initialize();
    await migrate(source);
  } catch (error) {
    await source.destroy().catch(() => undefined);
    throw asOperational(error);
  }
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

async function migrate(source: DataSource): Promise<void> {
  const lock = source.createQueryRunner();
  try {
    await lock.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await source.runMigrations({ transaction: 'all' });
    await lock.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]);
  } finally {
    await lock.release();
  }
}
