// Operations through the failures of their parts: workers killed, ids delivered twice, queues emptied, a database restarted.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobQueue } from '../../src/cluster/job-queue.js';
import { OperationalError } from '../../src/shared/errors.js';
import type { OperationId } from '../../src/shared/ids.js';
import { createJobQueue } from '../../src/jobs/bullmq-job-queue.js';
import { Dispatcher } from '../../src/cluster/control/dispatcher.js';
import type { QueueBackend } from '../../src/jobs/queue-backend.js';
import { startEmbeddedPostgres } from '../../src/store/embedded/embedded-postgres.js';
import { openStore, type OpenStore } from '../../src/store/open-store.js';
import { aHost, aWorkload } from '../fixtures/cluster.js';
import { NO_REDIS, startRedis } from './redis-server.js';
import { createTestDatabase, type TestDatabase } from './test-database.js';

const ROOT = join(import.meta.dirname, '../..');
const MAX_TRIES = 1_500;
const SWEEP_MS = 200;
const MANY = { urgent: 8, normal: 8 };
const LEASE_MS = 1_000;

const host = aHost('h1');
const workload = aWorkload('w1', host);

let database: TestDatabase;
let opened: OpenStore;
let epoch: number;
const cleanUps: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  opened = await openStore(database.connection);
  epoch = await prepare(opened);
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  await opened.close();
  await database.drop();
});

async function prepare({ store }: OpenStore): Promise<number> {
  const lease = await store.acquireLease('leader', 600_000);
  await store.commit([{ change: 'add-host', host }, { change: 'add-workload', workload }], { viewVersion: null, leaderEpoch: lease.epoch });
  return lease.epoch;
}

async function startIt({ store }: OpenStore, leaderEpoch = epoch): Promise<OperationId> {
  const operation = { kind: 'start' as const, workloadId: workload.id, hostId: host.id, targetHostId: host.id, requestedBy: 'test', reason: 'test' };
  const result = await store.commit([{ change: 'operation', operation }], { viewVersion: null, leaderEpoch });
  if (!result.ok) throw new Error(result.error.why);
  return result.value.operationIds[0]!;
}

async function until(what: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    if (await what()) return;
    await new Promise((done) => setTimeout(done, 20));
  }
  throw new Error('waited in vain');
}

async function queueOn(backend: QueueBackend, prefix = 'reeve'): Promise<JobQueue> {
  const queue = await createJobQueue({ backend, prefix, log: () => undefined });
  cleanUps.push(() => queue.close(100));
  return queue;
}

function sweeping(store: OpenStore['store'], queue: JobQueue): Dispatcher {
  const dispatcher = new Dispatcher({ store, queue, log: () => undefined });
  const timer = setInterval(() => void dispatcher.sweep(), SWEEP_MS);
  cleanUps.push(async () => clearInterval(timer));
  return dispatcher;
}

/** What a worker does with an id, in short: claim it, do it, end it. */
function worker({ store }: OpenStore, name: string, done: string[]): (id: OperationId) => Promise<void> {
  return async (id) => {
    if (!(await store.claimOperation(id, name, LEASE_MS))) return;
    done.push(name);
    await store.finishOperation(id, name, { state: 'succeeded', code: null, why: null }, []);
  };
}

const ended = async (id: OperationId, { store }: OpenStore = opened): Promise<boolean> => (await store.operation(id))?.state === 'succeeded';

const BACKENDS: readonly (readonly [name: string, open: () => Promise<QueueBackend>])[] = [
  ['Postgres', async () => ({ kind: 'postgres', connection: database.connection })],
  ...(NO_REDIS
    ? []
    : [['Redis', async (): Promise<QueueBackend> => {
      const redis = await startRedis();
      cleanUps.push(() => redis.remove());
      return { kind: 'redis', url: redis.url };
    }] as const]),
];

describe.each(BACKENDS)('operations, the queue on %s', (_name, open) => {
  it('are taken over from a worker that was killed in the middle, and done once more only', async () => {
    const backend = await open();
    const script = join(ROOT, 'dist', `worker-${process.pid}.mjs`);
    const contents = `import { openStore } from './src/store/open-store.ts'; import { createJobQueue } from './src/jobs/bullmq-job-queue.ts';
      const [connection, backend] = process.argv.slice(2).map((text) => JSON.parse(text));
      const { store } = await openStore(connection);
      const queue = await createJobQueue({ backend, log: () => {} });
      await queue.work(async (id) => {
        await store.claimOperation(id, 'killed', ${LEASE_MS});
        await store.recordStep(id, 'killed', { name: 'first', state: 'done', startedAtMs: 1, endedAtMs: 2, note: null }, { seen: true });
        console.log('in the middle'); await new Promise(() => {});
      }, { urgent: 1, normal: 1 });`;
    await build({ stdin: { contents, resolveDir: ROOT, loader: 'ts' }, absWorkingDir: ROOT, outfile: script, bundle: true, format: 'esm', platform: 'node', target: 'node20', packages: 'external', logLevel: 'error' });
    cleanUps.push(async () => rmSync(script, { force: true }));
    const child = spawn(process.execPath, [script, JSON.stringify(database.connection), JSON.stringify(backend)], { stdio: ['ignore', 'pipe', 'inherit'] });
    const queue = await queueOn(backend);
    const dispatcher = sweeping(opened.store, queue);
    const id = await startIt(opened);
    await dispatcher.dispatch();
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const done: string[] = [];
    await queue.work(worker(opened, 'second', done), MANY);
    await until(() => ended(id));
    expect(done).toEqual(['second']);
    expect(await opened.store.operation(id)).toMatchObject({ attempts: 2, memo: { seen: true } });
  });

  it('are done once though delivered by several queues at once', async () => {
    const backend = await open();
    const done: string[] = [];
    const id = await startIt(opened);
    for (const prefix of ['one', 'two', 'three']) {
      const queue = await queueOn(backend, prefix);
      await queue.enqueue([{ id, jobClass: 'normal', priority: 0 }]);
      await queue.work(worker(opened, prefix, done), MANY);
    }
    await until(() => ended(id));
    await new Promise((wait) => setTimeout(wait, 200));
    expect(done).toHaveLength(1);
    expect((await opened.store.operation(id))?.attempts).toBe(1);
  });
});

describe('operations', () => {
  it.skipIf(NO_REDIS)('are handed over again when Redis lost all it had', async () => {
    const redis = await startRedis();
    cleanUps.push(() => redis.remove());
    const queue = await queueOn({ kind: 'redis', url: redis.url });
    const id = await startIt(opened);
    await new Dispatcher({ store: opened.store, queue, log: () => undefined }).dispatch();
    expect(await opened.store.undispatched(10)).toEqual([]);
    await redis.kill();
    expect((await queue.health()).ok).toBe(false);
    await expect(queue.enqueue([{ id, jobClass: 'normal', priority: 0 }])).rejects.toBeInstanceOf(Error);
    await redis.start();
    const done: string[] = [];
    await queue.work(worker(opened, 'worker', done), MANY);
    sweeping(opened.store, queue);
    await until(() => ended(id));
    expect(done).toEqual(['worker']);
  });

  it.skipIf(NO_REDIS)('go on when Redis went away under a working worker', async () => {
    const redis = await startRedis();
    cleanUps.push(() => redis.remove());
    const queue = await queueOn({ kind: 'redis', url: redis.url });
    const done: string[] = [];
    await queue.work(worker(opened, 'worker', done), MANY);
    const dispatcher = sweeping(opened.store, queue);
    await redis.kill();
    const id = await startIt(opened);
    await dispatcher.dispatch();
    expect(await opened.store.undispatched(10)).toEqual([id]);
    await redis.start();
    await until(() => ended(id));
    expect(done).toEqual(['worker']);
  });

  it('go on when the database was restarted under the store and the queue', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'reeve-restart-'));
    const options = { dataDir: join(dir, 'data'), log: () => undefined };
    cleanUps.push(async () => rmSync(dir, { recursive: true, force: true }));
    let server = await startEmbeddedPostgres(options);
    cleanUps.push(() => server.stop());
    const own = await openStore(server.connection);
    cleanUps.push(() => own.close());
    const leaderEpoch = await prepare(own);
    const queue = await queueOn({ kind: 'postgres', connection: server.connection });
    const done: string[] = [];
    await queue.work(worker(own, 'worker', done), MANY);
    const dispatcher = sweeping(own.store, queue);
    await server.stop();
    await expect(own.store.readView()).rejects.toBeInstanceOf(OperationalError);
    await expect(own.store.commit([], { viewVersion: null, leaderEpoch })).rejects.toMatchObject({ code: 'unreachable' });
    await expect(own.settings.get('x')).rejects.toMatchObject({ code: 'unreachable' });
    server = await startEmbeddedPostgres(options);
    const id = await startIt(own, leaderEpoch);
    await dispatcher.dispatch();
    await until(() => ended(id, own));
    expect(done).toEqual(['worker']);
  });

  it('are not held up for ever by a replica that stopped in the middle of a commit', async () => {
    const stopped = opened.source.createQueryRunner();
    await stopped.startTransaction();
    await stopped.query('SELECT version FROM cluster WHERE id = 1 FOR UPDATE');
    const other = await openStore(database.connection);
    cleanUps.push(() => other.close());
    await startIt(other);
    await expect(stopped.query('SELECT 1')).rejects.toBeInstanceOf(Error);
    await stopped.release().catch(() => undefined);
  });
});
