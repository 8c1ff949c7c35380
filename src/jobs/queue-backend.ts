// Where BullMQ keeps its jobs: how its queues and workers are made on Redis and on Postgres.
import { PostgresConnection, PostgresQueueBackend, Queue, runMigrations, Worker, withBackend, type BackendFactory, type Job, type WorkerOptions } from 'bullmq';
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
  /** After its queues and workers. */
  close(): Promise<void>;
}

const CONNECT_MS = 5_000;
const ANSWER_MS = 5_000;

/** Throws OperationalError: Postgres is away or refuses. Redis may come later; what is wrong with it is told to `trouble`. */
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
    close: async () => {
      for (const connection of connections) connection.disconnect();
    },
  };
}

/** Few connections, kept open: making one costs more than handing a job over. Beside them one hears of new jobs. */
const POOL = { max: 5, idleTimeoutMillis: 0, connectionTimeoutMillis: CONNECT_MS, query_timeout: ANSWER_MS, keepAlive: true };

/** All queues and workers share the connections, those of several clusters too: Postgres has only so many. */
async function onPostgres(connection: pg.PoolConfig): Promise<OpenBackend> {
  await migrate(connection);
  const shared = new SharedConnection({ ...connection, ...POOL } as ConstructorParameters<typeof PostgresConnection>[0]);
  // BullMQ remembers a first look that failed for ever: it must be had before anything rests on it.
  await shared.waitUntilReady().catch(async (error: unknown) => {
    await shared.close().catch(() => undefined);
    throw new OperationalError('unreachable', `the queue's tables could not be read: ${messageOf(error)}`);
  });
  const { Queue: PostgresQueue, Worker: PostgresWorker } = withBackend(backendOn(shared));
  // BullMQ's types want the connection named; the backend has it already.
  const named = { connection: {} as never };
  return {
    name: 'BullMQ on Postgres',
    queue: (name) => new PostgresQueue(name, named) as unknown as AnyQueue,
    worker: (name, process, options) => new PostgresWorker(name, process as never, { ...options, ...named }) as unknown as AnyWorker,
    close: () => shared.close(),
  };
}

/** A backend that shares its connection hears of its troubles here; BullMQ wires that only for one that owns it. */
function backendOn(shared: PostgresConnection): BackendFactory<PostgresQueueBackend> {
  return (name, options) => {
    const backend = new PostgresQueueBackend(shared, name, options as ConstructorParameters<typeof PostgresQueueBackend>[2], false);
    shared.on('error', (error) => {
      if (backend.listenerCount('error') > 0) backend.emit('error', error);
    });
    // It ends its wait on the connection that is lost, and listens on the new one.
    shared.on('listenerinvalidated', () => void backend.disconnectBlocking().then(() => backend.reconnectBlocking()));
    return backend;
  };
}

class SharedConnection extends PostgresConnection {
  /** Prepared for many workers; BullMQ makes a new one when this is lost. */
  readonly #prepared = new WeakSet<object>();

  constructor(connection: ConstructorParameters<typeof PostgresConnection>[0]) {
    super(connection);
    this.setMaxListeners(0);
  }

  /** The one that hears of new jobs: every worker waits on it. */
  override async getListenClient(): ReturnType<PostgresConnection['getListenClient']> {
    const client = await super.getListenClient();
    if (client instanceof pg.Client && !this.#prepared.has(client)) {
      this.#prepared.add(client);
      client.setMaxListeners(0);
      oneAtATime(client as unknown as Asked);
    }
    return client;
  }
}

interface Asked {
  query(...asked: readonly unknown[]): Promise<unknown>;
}

/** Workers that begin together would ask at once, which pg does not take from its next release on. */
function oneAtATime(client: Asked): void {
  const ask = client.query.bind(client);
  let last: Promise<unknown> = Promise.resolve();
  client.query = (...asked) => {
    const mine = last.then(() => ask(...asked));
    last = mine.catch(() => undefined);
    return mine;
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
