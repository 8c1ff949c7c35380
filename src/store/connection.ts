// How the store connects: the pool's size, and a bound on all that could wait for ever.
import { DataSource } from 'typeorm';
import { Initial1700000000001 } from '../../migrations/1700000000001-initial.js';
import { Manners1700000000002 } from '../../migrations/1700000000002-manners.js';
import { Lease1700000000003 } from '../../migrations/1700000000003-lease.js';
import { TABLES } from './tables.js';

export type ConnectionConfig =
  | { readonly connectionString: string }
  | { readonly host: string; readonly port: number; readonly user: string; readonly password?: string; readonly database: string };

/** In the order in which they are applied. */
export const MIGRATIONS = [Initial1700000000001, Manners1700000000002, Lease1700000000003];

/** Commits follow each other anyway; this many reads and steps of workers go on beside them. Three replicas stay far below Postgres's 100. */
const POOL = 16;
/** A free connection of the pool, or a new one, is had within this time, or the call fails. */
const CONNECT_MS = 5_000;
/** Our longest statement takes milliseconds. */
const STATEMENT_MS = 10_000;
/** All commits wait for one row. A replica that stops in the middle of a commit (SIGSTOP, a suspended machine) gives it back after this. */
const IDLE_IN_TRANSACTION_MS = 5_000;
/** The server's bounds come first; this one is for a server that has fallen silent. */
const ANSWER_MS = STATEMENT_MS + 2_000;

const BOUNDS = { statement_timeout: STATEMENT_MS, idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS, query_timeout: ANSWER_MS };

export function dataSource(connection: ConnectionConfig): DataSource {
  return create(connection, POOL, { ...BOUNDS, idleTimeoutMillis: 30_000 });
}

/** For migrations: one replica waits for another, and a change of a large table takes its time. */
export function migrationSource(connection: ConnectionConfig): DataSource {
  return create(connection, 2, {});
}

function create(connection: ConnectionConfig, poolSize: number, extra: Readonly<Record<string, unknown>>): DataSource {
  return new DataSource({
    type: 'postgres',
    ...whereOf(connection),
    entities: TABLES,
    migrations: MIGRATIONS,
    migrationsTableName: 'reeve_migrations',
    poolSize,
    extra: { connectionTimeoutMillis: CONNECT_MS, application_name: 'reeve', keepAlive: true, ...extra },
    // An idle connection that breaks is replaced; the next query says what is wrong.
    poolErrorHandler: () => undefined,
    logging: false,
  });
}

function whereOf(connection: ConnectionConfig): { url: string } | { host: string; port: number; username: string; database: string; password?: string } {
  if ('connectionString' in connection) return { url: connection.connectionString };
  const { host, port, user, database, password } = connection;
  return { host, port, username: user, database, ...(password === undefined ? {} : { password }) };
}
