// A fresh, migrated database for a test, copied from the run's template in milliseconds.
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';

export interface TestServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    testServer: TestServer;
  }
}

export const TEMPLATE = 'reeve_template';

export interface TestDatabase {
  readonly connection: TestServer;
  /** On a connection of its own, closed afterwards. */
  query<Row>(sql: string): Promise<readonly Row[]>;
  /** As it was at first; faster than another database. */
  empty(): Promise<void>;
  /** Also closes what is still connected to it. */
  drop(): Promise<void>;
}

export const createTestDatabase = (): Promise<TestDatabase> => create(`TEMPLATE ${TEMPLATE}`);

/** An empty one, not migrated. */
export const createEmptyDatabase = (): Promise<TestDatabase> => create('');

async function create(from: string): Promise<TestDatabase> {
  const server = inject('testServer');
  const database = `test_${randomBytes(6).toString('hex')}`;
  await administer(server, `CREATE DATABASE ${database} ${from}`);
  const connection = { ...server, database };
  return { connection, query: (sql) => ask(connection, sql), empty: () => administer(connection, EMPTY), drop: () => administer(server, `DROP DATABASE ${database} WITH (FORCE)`) };
}

const EMPTY = `TRUNCATE host, workload, placement_rule, operation, outbox, inventory, event, alert_cursor, setting, audit;
  UPDATE cluster SET version = 1, disarm = NULL; UPDATE leader SET holder = NULL, epoch = 0, until = NULL`;

async function ask<Row>(server: TestServer, sql: string): Promise<readonly Row[]> {
  const client = new pg.Client(server);
  await client.connect();
  try {
    return (await client.query(sql)).rows as Row[];
  } finally {
    await client.end();
  }
}

const administer = async (server: TestServer, sql: string): Promise<void> => void (await ask(server, sql));
