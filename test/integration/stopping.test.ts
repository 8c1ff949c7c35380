// SIGTERM to a control plane's process: it ends in order, gives its leadership up, and another one brings what was under way to its end.
import { spawn, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { HttpClient } from '../../src/cli/http-client.js';
import type { Change } from '../../src/cluster/change.js';
import type { OperationId } from '../../src/shared/ids.js';
import { openStore, type OpenStore } from '../../src/store/open-store.js';
import { aHost, aWorkload } from '../fixtures/cluster.js';
import { createTestDatabase, type TestDatabase } from './test-database.js';

const ROOT = join(import.meta.dirname, '../..');
const PROGRAMS = join(ROOT, 'dist', `stopping-${process.pid}`);
const PROGRAM = join(PROGRAMS, 'control-plane.mjs');
/** Leaves this file when it is asked for a plan, and never comes to an end with it. */
const ASKED = join(PROGRAMS, 'asked');
const ENDLESS_PLANNER = `
  import { parentPort } from 'node:worker_threads';
  import { writeFileSync } from 'node:fs';
  parentPort.on('message', ({ kind }) => {
    if (kind !== 'ask') return;
    writeFileSync(${JSON.stringify(ASKED)}, '');
    for (;;);
  });`;
const MAX_TRIES = 1_500;

/** Nobody listens there. None is heard, so nobody has a majority, and none of them is judged: this is about the control plane. */
const hosts = ['host-1', 'host-2', 'host-3'].map((name, nth) => aHost(name, {
  address: '127.0.0.1', links: ['127.0.0.1'], heartbeatPort: 9, ssh: { user: 'nobody', port: nth + 1, identityFile: null, hostKey: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGNvbXBhcmVkIGJ5IG5vYm9keSBhdCBhbGwsIGV2ZXIuLi4u' },
}));
const host = hosts[0] ?? aHost('host-1');
/** Keeps its host from being drained until it is gone. */
const workload = aWorkload('vm-1', host, { lock: { by: 'test', reason: 'it stays', sinceMs: 0 } });

interface Replica {
  readonly name: string;
  readonly process: ChildProcess;
  readonly log: string[];
}

let dir = '';
let database: TestDatabase;
let opened: OpenStore;
const running: Replica[] = [];

beforeAll(async () => {
  mkdirSync(PROGRAMS, { recursive: true });
  writeFileSync(join(PROGRAMS, 'planner.js'), ENDLESS_PLANNER);
  await build({ entryPoints: [join(ROOT, 'src/main.ts')], absWorkingDir: ROOT, outfile: PROGRAM, bundle: true, format: 'esm', platform: 'node', target: 'node20', packages: 'external', logLevel: 'error' });
});
afterAll(() => rmSync(PROGRAMS, { recursive: true, force: true }));

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'reeve-stopping-'));
  database = await createTestDatabase();
  opened = await openStore(database.connection);
});
afterEach(async () => {
  for (const one of running.splice(0)) if (one.process.exitCode === null && one.process.kill('SIGKILL')) await once(one.process, 'exit');
  await opened.close();
  await database.drop();
  rmSync(dir, { recursive: true, force: true });
});

async function until(what: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    if (await what()) return;
    await new Promise((done) => setTimeout(done, 20));
  }
  throw new Error(`waited in vain; the logs say\n${running.map(({ name, log }) => `${name}:\n${log.slice(-15).join('\n')}`).join('\n')}`);
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((done) => socket.bind(0, '127.0.0.1', done));
  const { port } = socket.address();
  await new Promise<void>((done) => socket.close(done));
  return port;
}

const says = ({ log }: Replica, message: string): boolean => log.some((line) => line.includes(message));

async function start(name: string): Promise<Replica> {
  const { host: server, port, user, database: db } = database.connection;
  const file = join(dir, `${name}.json`);
  writeFileSync(file, JSON.stringify({
    stateDir: join(dir, name), replicaName: name, api: { listen: `unix:${join(dir, `${name}.sock`)}` }, witness: { listen: [`127.0.0.1:${await freePort()}`] },
    database: { url: `postgres://${user}@localhost:${port}/${db}?host=${encodeURIComponent(server)}` },
  }));
  const child = spawn(process.execPath, [PROGRAM, '--config', file], { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] ?? '', HOME: dir } });
  const one: Replica = { name, process: child, log: [] };
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => one.log.push(...chunk.toString().split('\n').filter(Boolean)));
  running.push(one);
  await until(() => says(one, 'the control plane listens') || child.exitCode !== null);
  expect([child.exitCode, one.log.at(-1)]).toEqual([null, expect.anything()]);
  return one;
}

/** The code that it ends with. */
async function terminate({ process: child }: Replica): Promise<number | null> {
  const exit = once(child, 'exit') as Promise<[number | null]>;
  child.kill('SIGTERM');
  return (await exit)[0];
}

const query = <Row>(sql: string): Promise<readonly Row[]> => database.query<Row>(sql);

const leader = async (): Promise<{ readonly holder: string | null; readonly epoch: number; readonly free: boolean } | undefined> =>
  (await query<{ holder: string | null; epoch: number; free: boolean }>('SELECT holder, epoch::int AS epoch, (until IS NULL OR until <= clock_timestamp()) AS free FROM leader'))[0];

/** A drain that can't end yet, committed as the leader's. */
async function drain(): Promise<OperationId> {
  const committed = await opened.store.commit(
    [
      ...hosts.map((one): Change => ({ change: 'add-host', host: one })),
      { change: 'host', id: host.id, set: { intent: 'maintenance', cordoned: true } },
      { change: 'add-workload', workload },
      { change: 'operation', operation: { kind: 'drain', workloadId: null, hostId: host.id, targetHostId: null, requestedBy: 'test', reason: 'test' } },
    ],
    { viewVersion: null, leaderEpoch: 1 },
  );
  if (!committed.ok) throw new Error(committed.error.why);
  return committed.value.operationIds[0] ?? Promise.reject(new Error('no operation'));
}

const workerOf = async (id: OperationId): Promise<string> => (await query<{ worker: string | null }>(`SELECT worker FROM operation WHERE id = '${id}' AND state = 'running'`))[0]?.worker ?? '';

describe('SIGTERM', () => {
  it('ends it in order, and its leadership is free before it would have run out', async () => {
    const first = await start('first');
    expect(await leader()).toEqual({ holder: 'first', epoch: 1, free: false });
    expect(await terminate(first)).toBe(0);
    // Renewed each second for five: it was given up.
    expect(await leader()).toEqual({ holder: 'first', epoch: 1, free: true });
    const order = ['stopping: no new work is taken', 'stopped'].map((message) => first.log.findIndex((line) => line.includes(`"${message}"`)));
    expect(order[0]).toBeGreaterThan(0);
    expect(order[1]).toBe(first.log.length - 1);
  });

  it('ends it also with a plan under way, which is not answered', async () => {
    const first = await start('first');
    await drain();
    const { token } = JSON.parse(readFileSync(join(dir, 'first', 'cli.json'), 'utf8')) as { token: string };
    const plan = new HttpClient({ server: `unix:${join(dir, 'first.sock')}`, token, cluster: null }).get('/plans/balance').then(() => 'answered', () => 'not answered');
    await until(() => existsSync(ASKED));
    expect(await terminate(first)).toBe(0);
    expect(says(first, '"stopped"')).toBe(true);
    expect(await plan).toBe('not answered');
  });

  it('during an operation leaves it to another replica, which leads, and ends it once', async () => {
    const first = await start('first');
    const id = await drain();
    await until(async () => (await workerOf(id)).startsWith('first/'));
    const second = await start('second');
    expect(says(second, 'this replica leads')).toBe(false);
    expect(await terminate(first)).toBe(0);
    expect(says(first, '"stopped"')).toBe(true);
    await until(async () => (await leader())?.holder === 'second');
    expect(await leader()).toEqual({ holder: 'second', epoch: 2, free: false });
    await until(async () => (await workerOf(id)).startsWith('second/'));
    expect(await opened.store.operation(id)).toMatchObject({ state: 'running', attempts: 2 });
    await opened.store.commit([{ change: 'remove-workload', id: workload.id }], { viewVersion: null, leaderEpoch: 2 });
    await until(async () => (await opened.store.operation(id))?.state === 'succeeded');
    const types = (await opened.store.events(0, 1_000)).map((event) => event.type);
    expect(types.filter((type) => type === 'host.drained' || type.startsWith('operation.'))).toEqual(['host.drained', 'operation.succeeded']);
    expect(await terminate(second)).toBe(0);
  });
});
