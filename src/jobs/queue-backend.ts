// Where BullMQ keeps its jobs: how its queues and workers are made on Redis and on Postgres.
import { createPostgresBackend, Queue, runMigrations, Worker, withBackend, type Job, type WorkerOptions } from 'bullmq';
import { Redis, type RedisOptions } from 'ioredis';
import pg from 'pg';
import { messageOf, OperationalError } from '../shared/errors.js';

export type QueueBackend =
  | { readonly kind: 'redis'; readonly url: string }
  | { readonly kind: 'postgres'; readonly connection: pg.PoolConfig };

export interface JobData {
  readonly id: string;
}

export type AnyQueue = Queue<JobData>;
export type AnyWorker = Worker<JobData>;
export type Process = (job: Job<JobData>) => Promise<void>;

export interface OpenBackend {
  readonly name: string;
  queue(name: string): AnyQueue;
  worker(name: string, process: Process, options: Omit<WorkerOptions, 'connection'>): AnyWorker;
  close(): void;
}

const CONNECT_MS = 5_000;
const ANSWER_MS = 5_000;

export async function openBackend(backend: QueueBackend, trouble: (error: Error) => void): Promise<OpenBackend> {
  return backend.kind === 'redis' ? onRedis(backend.url, trouble) : onPostgres(backend.connection);
}

/** Queues must fail at once while Redis is away (the dispatcher tries again); workers must wait for it. */
function onRedis(url: string, trouble: (error: Error) => void): OpenBackend {
  const connections: Redis[] = [];
  const connect = (options: RedisOptions): Redis => {
    const redis = new Redis(url, { connectTimeout: CONNECT_MS, retryStrategy: (tries) => Math.min(tries * 100, 1_000), ...options });
    redis.on('error', trouble);
    connections.push(redis);
    return redis;
  };
  return {
    name: 'BullMQ on Redis',
    queue: (name) => new Queue<JobData>(name, { connection: connect({ maxRetriesPerRequest: 1, enableOfflineQueue: false, commandTimeout: ANSWER_MS }) }),
    // A worker asks at least every drainDelay: a socket that gave nothing for much longer is dead.
    worker: (name, process, options) => new Worker<JobData>(name, process, { ...options, connection: connect({ maxRetriesPerRequest: null, socketTimeout: 2 * ANSWER_MS }) }),
    close: () => {
      for (const connection of connections) connection.disconnect();
    },
  };
}

/** Few connections, kept open: making one costs more than handing a job over. */
const POOL = { max: 3, idleTimeoutMillis: 0, connectionTimeoutMillis: CONNECT_MS, query_timeout: ANSWER_MS, keepAlive: true };

async function onPostgres(connection: pg.PoolConfig): Promise<OpenBackend> {
  await migrate(connection);
  const { Queue: PostgresQueue, Worker: PostgresWorker } = withBackend(createPostgresBackend);
  const pool = { ...connection, ...POOL };
  return {
    name: 'BullMQ on Postgres',
    queue: (name) => new PostgresQueue(name, { connection: pool as never }) as unknown as AnyQueue,
    worker: (name, process, options) => new PostgresWorker(name, process as never, { ...options, connection: pool as never }) as unknown as AnyWorker,
    close: () => undefined,
  };
}

/** Replicas that start together: BullMQ migrates in one transaction under an advisory lock of its own. */
async function migrate(connection: pg.PoolConfig): Promise<void> {
  const client = new pg.Client({ ...connection, connectionTimeoutMillis: CONNECT_MS });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await runMigrations(client);
  } catch (error) {
    throw new OperationalError('unreachable', `the queue's tables could not be prepared: ${messageOf(error)}`);
  } finally {
    await client.end().catch(() => undefined);
  }
}
