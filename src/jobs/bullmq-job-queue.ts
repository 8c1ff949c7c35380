// The JobQueue on BullMQ: on Redis where one is given, else on Postgres. Jobs carry operation ids and nothing else.
import { createPostgresBackend, Queue, runMigrations, Worker, withBackend, type Job } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import { messageOf } from '../shared/errors.js';
import { operationId, type OperationId } from '../shared/ids.js';
import type { JobClass, JobQueue } from '../cluster/job-queue.js';

export type QueueBackend =
  | { readonly kind: 'redis'; readonly url: string }
  | { readonly kind: 'postgres'; readonly connection: pg.PoolConfig };

export interface JobQueueOptions {
  readonly backend: QueueBackend;
  /** Keeps clusters (and tests) on one server apart. */
  readonly prefix?: string;
  readonly log: (line: string) => void;
}

interface JobData {
  readonly id: string;
}

const CLASSES: readonly JobClass[] = ['urgent', 'normal'];

/** A worker that was killed has its job delivered again after about this long; the operation's own lease is the longer one. */
const JOB_LOCK_MS = 3_000;
const STALLED_CHECK_MS = 1_500;
/** The store decides how often an operation is tried: the queue never gives up on its own account. */
const STALLED_TIMES = 1_000_000;
/** A handler that failed (the store was away) is called again after this. */
const AGAIN = { attempts: 1_000, backoff: { type: 'fixed', delay: 1_000 } } as const;

type AnyQueue = Queue<JobData>;
type AnyWorker = Worker<JobData>;

export async function createJobQueue(options: JobQueueOptions): Promise<JobQueue> {
  if (options.backend.kind === 'postgres') await migrateQueueTables(options.backend.connection);
  return new BullmqJobQueue(options);
}

/** Replicas that start together: BullMQ migrates under an advisory lock of its own. */
async function migrateQueueTables(connection: pg.PoolConfig): Promise<void> {
  const client = new pg.Client(connection);
  client.on('error', () => undefined);
  await client.connect();
  try {
    await runMigrations(client);
  } finally {
    await client.end();
  }
}

class BullmqJobQueue implements JobQueue {
  readonly #queues: ReadonlyMap<JobClass, AnyQueue>;
  readonly #workers: AnyWorker[] = [];
  readonly #connections: Redis[] = [];
  #trouble: string | null = null;

  constructor(private readonly options: JobQueueOptions) {
    this.#queues = new Map(CLASSES.map((jobClass) => [jobClass, this.#queue(jobClass)]));
  }

  async enqueue(jobs: readonly { readonly id: OperationId; readonly jobClass: JobClass; readonly priority: number }[]): Promise<void> {
    for (const jobClass of CLASSES) {
      const mine = jobs.filter((job) => job.jobClass === jobClass);
      if (mine.length === 0) continue;
      // A job id that waits or runs is not added twice; a finished one was removed and may come again.
      const bulk = mine.map((job) => ({ name: 'operation', data: { id: job.id }, opts: { jobId: `op-${job.id}`, removeOnComplete: true, removeOnFail: true, ...AGAIN } }));
      await this.#queues.get(jobClass)?.addBulk(bulk);
    }
  }

  async work(handler: (id: OperationId) => Promise<void>, concurrency: { readonly [C in JobClass]: number }): Promise<void> {
    for (const jobClass of CLASSES) {
      const worker = this.#worker(jobClass, (job) => handler(operationId(job.data.id)), concurrency[jobClass]);
      worker.on('error', (error) => this.#note(messageOf(error)));
      worker.on('ready', () => this.#note(null));
      this.#workers.push(worker);
      await worker.waitUntilReady();
    }
  }

  async close(graceMs: number): Promise<void> {
    const bounded = (closing: Promise<unknown>): Promise<unknown> => Promise.race([closing.catch(() => undefined), new Promise((done) => setTimeout(done, graceMs).unref())]);
    await Promise.all(this.#workers.map((worker) => bounded(worker.close())));
    await Promise.all([...this.#queues.values()].map((queue) => bounded(queue.close())));
    for (const connection of this.#connections) connection.disconnect();
  }

  async health(): Promise<{ readonly ok: boolean; readonly detail: string }> {
    const where = this.options.backend.kind === 'redis' ? 'BullMQ on Redis' : 'BullMQ on Postgres';
    try {
      const counts = await this.#queues.get('urgent')?.getJobCounts('wait', 'active');
      return { ok: true, detail: `${where}: ${counts?.['wait'] ?? 0} urgent waiting, ${counts?.['active'] ?? 0} active` };
    } catch (error) {
      return { ok: false, detail: `${where}: ${messageOf(error)}` };
    }
  }

  #queue(jobClass: JobClass): AnyQueue {
    const name = this.#name(jobClass);
    const { backend } = this.options;
    const queue: AnyQueue =
      backend.kind === 'redis' ? new Queue<JobData>(name, { connection: this.#redis(backend.url) }) : (new (withBackend(createPostgresBackend).Queue)(name, { connection: backend.connection as never }) as unknown as AnyQueue);
    queue.on('error', (error) => this.#note(messageOf(error)));
    return queue;
  }

  #worker(jobClass: JobClass, process: (job: Job<JobData>) => Promise<void>, concurrency: number): AnyWorker {
    const name = this.#name(jobClass);
    const { backend } = this.options;
    const options = { concurrency, lockDuration: JOB_LOCK_MS, stalledInterval: STALLED_CHECK_MS, maxStalledCount: STALLED_TIMES };
    if (backend.kind === 'redis') return new Worker<JobData>(name, process, { ...options, connection: this.#redis(backend.url) });
    return new (withBackend(createPostgresBackend).Worker)(name, process as never, { ...options, connection: backend.connection as never }) as unknown as AnyWorker;
  }

  #redis(url: string): Redis {
    const redis = new Redis(url, { maxRetriesPerRequest: null, enableReadyCheck: true, connectTimeout: 3_000, retryStrategy: (tries) => Math.min(tries * 100, 1_000) });
    redis.on('error', (error) => this.#note(messageOf(error)));
    this.#connections.push(redis);
    return redis;
  }

  #name(jobClass: JobClass): string {
    return `${this.options.prefix ?? 'reeve'}-${jobClass}`;
  }

  /** A broken connection is said once, not at each retry. */
  #note(trouble: string | null): void {
    if (trouble === this.#trouble) return;
    if (trouble) this.options.log(`queue: ${trouble}`);
    this.#trouble = trouble;
  }
}
