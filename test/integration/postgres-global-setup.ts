// One Postgres for a run of the integration tests, with a template database that is migrated once.
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../src/store/embedded/embedded-postgres.js';
import { openStore } from '../../src/store/open-store.js';
import { TEMPLATE, type TestServer } from './test-database.js';

const PREFIX = 'reeve-test-pg-';

export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  removeLeftovers();
  const dir = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  const server = await startEmbeddedPostgres({ dataDir: join(dir, 'data'), log: () => undefined });
  await makeTemplate(server.connection);
  project.provide('testServer', server.connection);
  return async () => {
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  };
}

async function makeTemplate(connection: TestServer): Promise<void> {
  const client = new pg.Client(connection);
  await client.connect();
  await client.query(`CREATE DATABASE ${TEMPLATE}`);
  await client.end();
  await (await openStore({ ...connection, database: TEMPLATE })).close();
}

/** A run that was killed leaves its folder: the next one removes it. Its server ended with it. */
function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir()).filter((one) => one.startsWith(PREFIX))) {
    const pid = name.slice(PREFIX.length).split('-')[0] ?? '';
    if (!existsSync(`/proc/${pid}`)) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}
