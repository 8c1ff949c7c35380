// How the store connects: which schema, the pool's size, and a bound on all that could wait for ever.
import { DataSource } from 'typeorm';
import { Initial1700000000001 } from '../../migrations/1700000000001-initial.js';
import { Manners1700000000002 } from '../../migrations/1700000000002-manners.js';
import { Lease1700000000003 } from '../../migrations/1700000000003-lease.js';
import { Alerts1700000000004 } from '../../migrations/1700000000004-alerts.js';
import { HostTrouble1700000000005 } from '../../migrations/1700000000005-host-trouble.js';
import { BlockPools1700000000008 } from '../../migrations/1700000000008-block-pools.js';
import { LiveContainers1700000000011 } from '../../migrations/1700000000011-live-containers.js';
import { HostLabels1700000000012 } from '../../migrations/1700000000012-host-labels.js';
import { Containers1700000000006 } from '../../migrations/1700000000006-containers.js';
import { TABLES } from './tables.js';

export type ConnectionConfig =
  | { readonly connectionString: string }
  | { readonly host: string; readonly port: number; readonly user: string; readonly password?: string; readonly database: string; readonly options?: string };

/** The same database, with one schema as its whole search_path: what is not there is not found, and never another cluster's. */
export function inSchema(connection: ConnectionConfig, schema: string): ConnectionConfig {
  const wanted = `-c search_path=${schema}`;
  if (!('connectionString' in connection)) return { ...connection, options: [connection.options, wanted].filter(Boolean).join(' ') };
  // In the URL: pg takes its options, not those beside it.
  const [address = '', ...query] = connection.connectionString.split('?');
  const given = new URLSearchParams(query.join('?'));
  given.set('options', [given.get('options'), wanted].filter(Boolean).join(' '));
  return { connectionString: `${address}?${String(given)}` };
}

/** In the order in which they are applied. */
export const MIGRATIONS = [Initial1700000000001, Manners1700000000002, Lease1700000000003, Alerts1700000000004, HostTrouble1700000000005, Containers1700000000006, BlockPools1700000000008, LiveContainers1700000000011, HostLabels1700000000012];

/** Commits follow each other anyway; this many reads and steps of workers go on beside them. */
const MOST = 16;
/** One waits in a commit, another renews the leader's lease. */
const LEAST = 2;
/** With the queue's and the listener's, three replicas stay below Postgres's 100 connections, up to 8 clusters. */
const OF_ALL_CLUSTERS = 24;

/** Connections of one cluster's store in one replica, out of those of all. */
export const poolSizeFor = (clusters: number): number => Math.min(MOST, Math.max(LEAST, Math.floor(OF_ALL_CLUSTERS / clusters)));

/** A free connection of the pool, or a new one, is had within this time, or the call fails. */
const CONNECT_MS = 5_000;
/** Our longest statement takes milliseconds. */
const STATEMENT_MS = 10_000;
/** All commits wait for one row. A replica that stops in the middle of a commit (SIGSTOP, a suspended machine) gives it back after this. */
const IDLE_IN_TRANSACTION_MS = 5_000;
/** The server's bounds come first; this one is for a server that has fallen silent. */
const ANSWER_MS = STATEMENT_MS + 2_000;

const BOUNDS = { statement_timeout: STATEMENT_MS, idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS, query_timeout: ANSWER_MS };

export function dataSource(connection: ConnectionConfig, poolSize = MOST): DataSource {
  return create(connection, poolSize, { ...BOUNDS, idleTimeoutMillis: 30_000 });
}

/** For migrations: a change of a large table takes its time. */
export function migrationSource(connection: ConnectionConfig): DataSource {
  return create(connection, 1, {});
}

function create(connection: ConnectionConfig, poolSize: number, extra: Readonly<Record<string, unknown>>): DataSource {
  return new DataSource({
    type: 'postgres',
    ...whereOf(connection),
    entities: TABLES,
    migrations: MIGRATIONS,
    migrationsTableName: 'reeve_migrations',
    poolSize,
    extra: { connectionTimeoutMillis: CONNECT_MS, application_name: 'reeve', keepAlive: true, ...optionsOf(connection), ...extra },
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

function optionsOf(connection: ConnectionConfig): { readonly options?: string } {
  return 'connectionString' in connection || connection.options === undefined ? {} : { options: connection.options };
}
