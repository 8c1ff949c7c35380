// The embedded Postgres through what happens to it: kills, restarts, stale files, long paths.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OperationalError } from '../../src/shared/errors.js';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/store/embedded/embedded-postgres.js';
import { runAs } from '../../src/store/embedded/run-as.js';
import { openStore } from '../../src/store/open-store.js';

const ROOT = join(import.meta.dirname, '../..');
const MAX_TRIES = 500;

let dir: string;
let dataDir: string;
const stops: (() => Promise<void>)[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'reeve-embedded-'));
  dataDir = join(dir, 'data');
});
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  rmSync(dir, { recursive: true, force: true });
});

async function start(options: Partial<Parameters<typeof startEmbeddedPostgres>[0]> = {}): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir, log: () => undefined, ...options });
  stops.push(() => server.stop());
  return server;
}

async function query(server: EmbeddedPostgres, sql: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client(server.connection);
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

async function until(what: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    if (await what()) return;
    await new Promise((done) => setTimeout(done, 20));
  }
  throw new Error('waited in vain');
}

const postmasterPid = (): number => Number(readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n')[0]);
const isGone = (pid: number): boolean => !existsSync(`/proc/${pid}`) || /State:\s+Z/.test(readFileSync(`/proc/${pid}/status`, 'utf8'));

describe('the embedded Postgres', () => {
  it('keeps its data over a restart, on a socket that only we can reach, with every commit on disk', async () => {
    const first = await start();
    await query(first, 'CREATE TABLE kept (n integer)');
    expect(await query(first, `SELECT current_setting('synchronous_commit') AS sync, current_setting('fsync') AS fsync, current_setting('listen_addresses') AS listen`)).toEqual([{ sync: 'on', fsync: 'on', listen: '' }]);
    await first.stop();
    expect(existsSync(join(dataDir, 'postmaster.pid'))).toBe(false);
    expect(await query(await start(), 'SELECT count(*)::int AS n FROM kept')).toEqual([{ n: 0 }]);
  });

  it('is up again at once after a kill -9 of the control plane, with all that was committed', async () => {
    const script = join(ROOT, 'dist', `embedded-${process.pid}.mjs`);
    const contents = `import { startEmbeddedPostgres } from './src/store/embedded/embedded-postgres.ts'; import pg from 'pg';
      const server = await startEmbeddedPostgres({ dataDir: process.argv[2], log: () => {} });
      const client = new pg.Client(server.connection); await client.connect();
      await client.query('CREATE TABLE IF NOT EXISTS kept (n serial)'); await client.query('INSERT INTO kept DEFAULT VALUES'); console.log('committed'); setInterval(() => {}, 1000);`;
    await build({ stdin: { contents, resolveDir: ROOT, loader: 'ts' }, absWorkingDir: ROOT, outfile: script, bundle: true, format: 'esm', platform: 'node', target: 'node20', packages: 'external', logLevel: 'error' });
    stops.push(async () => rmSync(script, { force: true }));
    for (let kill = 0; kill < 3; kill += 1) {
      const child = spawn(process.execPath, [script, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(child.stdout, 'data');
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    const orphan = existsSync(join(dataDir, 'postmaster.pid')) ? postmasterPid() : null;
    const server = await start();
    expect(await query(server, 'SELECT count(*)::int AS n FROM kept')).toEqual([{ n: 3 }]);
    if (orphan !== null) expect(isGone(orphan)).toBe(true);
  });

  it('is started again when it was killed; the store refuses meanwhile and works afterwards', async () => {
    const lines: string[] = [];
    const server = await start({ log: (line) => lines.push(line) });
    const opened = await openStore(server.connection);
    stops.push(() => opened.close());
    await opened.store.acquireLease('leader', 60_000);
    let told = 0;
    opened.store.onChange(() => void (told += 1));
    process.kill(postmasterPid(), 'SIGKILL');
    const failures: unknown[] = [];
    await until(async () => opened.store.readView().then(() => false, (error: unknown) => failures.push(error) > 0));
    expect(failures[0]).toBeInstanceOf(OperationalError);
    expect(failures[0]).toMatchObject({ code: 'unreachable' });
    await until(async () => opened.store.readView().then((view) => view.leaderEpoch === 1, (error: unknown) => {
      failures.push(error);
      return false;
    }));
    expect(failures.every((error) => error instanceof OperationalError && error.code === 'unreachable')).toBe(true);
    expect(lines.filter((line) => /started again/.test(line)).length).toBeGreaterThan(0);
    // The listener is back too: it tells once on its return, and then of changes.
    await until(() => told > 0);
    told = 0;
    await opened.store.appendEvents([{ type: 'x', severity: 'info', host: null, workload: null, operationId: null, message: 'y', data: {} }]);
    await until(() => told > 0);
  });

  it('starts although its lock file names the pid of another program, as after a loss of power', async () => {
    await (await start()).stop();
    const other = spawn('sleep', ['60'], { stdio: 'ignore' });
    stops.push(async () => void other.kill());
    writeFileSync(join(dataDir, 'postmaster.pid'), `${other.pid}\n${dataDir}\n1\n5432\n${dataDir}.sock\n\n\nready   \n`);
    expect(await query(await start(), 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });

  it('waits for a predecessor that is still ending', async () => {
    await (await start()).stop();
    const predecessor = spawn('flock', [`${dataDir}.lock`, 'sleep', '1'], { stdio: 'ignore' });
    await until(() => {
      const probe = spawn('flock', ['--nonblock', `${dataDir}.lock`, 'true'], { stdio: 'ignore' });
      return once(probe, 'exit').then(([code]) => code !== 0);
    });
    await start();
    expect(predecessor.exitCode).toBe(0);
  });

  it('takes a data directory with a long path', async () => {
    dataDir = join(dir, 'x'.repeat(100), 'data');
    mkdirSync(join(dir, 'x'.repeat(100)));
    const server = await start();
    stops.push(async () => rmSync(server.connection.host, { recursive: true, force: true }));
    expect(server.connection.host.length).toBeLessThan(90);
    expect(await query(server, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });

  it('says what is wrong with data of another release', async () => {
    await (await start()).stop();
    writeFileSync(join(dataDir, 'PG_VERSION'), '9\n');
    await expect(start()).rejects.toMatchObject({ code: 'unsupported', message: expect.stringMatching(/made by Postgres 9/) as string });
  });

  it.runIf(process.getuid?.() === 0)('runs as nobody where namespaces are forbidden, and changes back', async () => {
    const asNobody = runAs(0, () => false);
    expect(asNobody.kind).toBe('nobody');
    const first = await start({ as: asNobody });
    await query(first, 'CREATE TABLE kept (n integer)');
    await first.stop();
    expect(await query(await start(), 'SELECT count(*)::int AS n FROM kept')).toEqual([{ n: 0 }]);
  });
});
