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
  return { connection, empty: () => administer(connection, EMPTY), drop: () => administer(server, `DROP DATABASE ${database} WITH (FORCE)`) };
}

const EMPTY = `TRUNCATE host, workload, placement_rule, operation, outbox, inventory, event, setting, audit;
  UPDATE cluster SET version = 1, disarm = NULL; UPDATE leader SET holder = NULL, epoch = 0, until = NULL`;

async function administer(server: TestServer, sql: string): Promise<void> {
  const client = new pg.Client(server);
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
