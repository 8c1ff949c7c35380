// The JobQueue on BullMQ: on Redis where one is given, else on Postgres. Jobs carry operation ids and nothing else.
import { messageOf, OperationalError } from '../shared/errors.js';
import { operationId, type OperationId } from '../shared/ids.js';
import type { JobClass, JobQueue } from '../cluster/job-queue.js';
import { openBackend, type AnyQueue, type AnyWorker, type OpenBackend, type QueueBackend } from './queue-backend.js';

export interface JobQueueOptions {
  /** One that is open already serves several queues, and is closed by whoever opened it. */
  readonly backend: QueueBackend | OpenBackend;
  /** Keeps clusters (and tests) on one server apart. */
  readonly prefix?: string;
  readonly log: (line: string) => void;
}

type Job = Parameters<JobQueue['enqueue']>[0][number];

const CLASSES: readonly JobClass[] = ['urgent', 'normal'];

const WORKING = {
  /** A worker that was killed has its job delivered again after about this long; the operation's own lease is the longer one. */
  lockDuration: 3_000,
  stalledInterval: 1_500,
  /** The store decides how often an operation is tried: the queue never gives up on its own account. */
  maxStalledCount: 1_000_000,
  /** New jobs are announced; should the announcement be lost, this is the delay, in seconds. */
  drainDelay: 2,
  /** After the database or Redis was away. BullMQ's own 15 s would delay a recovery. */
  runRetryDelay: 250,
};
/** A handler that failed (the store was away) is called again after this, for longer than the sweeper needs to see to it. */
const AGAIN = { attempts: 1_000, backoff: { type: 'fixed', delay: 1_000 } } as const;
/** BullMQ takes 1 to 2^21, lower first; ours is higher first, around 0. */
const MIDDLE_PRIORITY = 1_000_000;

const READY_MS = 5_000;
const ENQUEUE_MS = 10_000;
const HEALTH_MS = 2_000;

export async function createJobQueue({ backend, prefix = 'reeve', log }: JobQueueOptions): Promise<JobQueue> {
  const trouble = new Trouble(log);
  if ('close' in backend) return new BullmqJobQueue(backend, prefix, trouble);
  const opened = await openBackend(backend, (error) => trouble.note(error));
  return new BullmqJobQueue(opened, prefix, trouble, () => opened.close());
}

class BullmqJobQueue implements JobQueue {
  readonly #queues: ReadonlyMap<JobClass, AnyQueue>;
  readonly #workers: AnyWorker[] = [];
  /** A stall of ours can have an id delivered again while its first handler still runs here. */
  readonly #inHand = new Set<string>();

  constructor(
    private readonly backend: OpenBackend,
    private readonly prefix: string,
    private readonly trouble: Trouble,
    private readonly closeBackend: () => Promise<void> = async () => undefined,
  ) {
    this.#queues = new Map(CLASSES.map((jobClass) => [jobClass, this.#queue(jobClass)]));
  }

  async enqueue(jobs: readonly Job[]): Promise<void> {
    for (const jobClass of CLASSES) {
      const mine = jobs.filter((job) => job.jobClass === jobClass);
      const queue = this.#queues.get(jobClass);
      if (mine.length > 0 && queue) await within(ENQUEUE_MS, queue.addBulk(mine.map(jobOf)), 'the queue takes no jobs');
    }
  }

  async work(handler: (id: OperationId) => Promise<void>, concurrency: { readonly [C in JobClass]: number }): Promise<void> {
    for (const jobClass of CLASSES) {
      const worker = this.backend.worker(this.#name(jobClass), (job) => this.#handle(job.data.id, handler), { ...WORKING, concurrency: concurrency[jobClass] });
      worker.on('error', (error) => this.trouble.note(error));
      worker.on('active', () => this.trouble.over());
      this.#workers.push(worker);
    }
    // Redis may come later: then the workers begin later, and the control plane is up meanwhile.
    await Promise.all(this.#workers.map((worker) => within(READY_MS, worker.waitUntilReady(), 'the queue is not there yet').catch((error: unknown) => this.trouble.note(error))));
  }

  async close(graceMs: number): Promise<void> {
    const closing = async (all: readonly (AnyWorker | AnyQueue)[]): Promise<void> => {
      await Promise.all(all.map((one) => within(graceMs, one.close(), '').catch(() => undefined)));
    };
    await closing(this.#workers);
    await closing([...this.#queues.values()]);
    await within(graceMs, this.closeBackend(), '').catch(() => undefined);
  }

  async health(): Promise<{ readonly ok: boolean; readonly detail: string }> {
    try {
      const counts = await Promise.all([...this.#queues].map(async ([jobClass, queue]) => {
        const count = await within(HEALTH_MS, queue.getJobCounts('wait', 'prioritized', 'active'), 'no answer');
        return `${jobClass}: ${(count['wait'] ?? 0) + (count['prioritized'] ?? 0)} waiting, ${count['active'] ?? 0} active`;
      }));
      return { ok: true, detail: `${this.backend.name}; ${counts.join('; ')}` };
    } catch (error) {
      return { ok: false, detail: `${this.backend.name}: ${messageOf(error)}` };
    }
  }

  async #handle(id: string, handler: (id: OperationId) => Promise<void>): Promise<void> {
    if (this.#inHand.has(id)) return;
    this.#inHand.add(id);
    try {
      await handler(operationId(id));
    } finally {
      this.#inHand.delete(id);
    }
  }

  #queue(jobClass: JobClass): AnyQueue {
    const queue = this.backend.queue(this.#name(jobClass));
    queue.on('error', (error) => this.trouble.note(error));
    return queue;
  }

  #name(jobClass: JobClass): string {
    return `${this.prefix}-${jobClass}`;
  }
}

/** A job id that waits or runs is not added twice; a finished one is removed and may come again. */
function jobOf({ id, priority }: Job): Parameters<AnyQueue['addBulk']>[0][number] {
  const rank = Math.min(Math.max(MIDDLE_PRIORITY - Math.round(priority), 1), 2 * MIDDLE_PRIORITY);
  return { name: 'operation', data: { id }, opts: { jobId: `op-${id}`, priority: rank, removeOnComplete: true, removeOnFail: true, ...AGAIN } };
}

async function within<T>(ms: number, asked: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, refuse) => {
    timer = setTimeout(() => refuse(new OperationalError('unreachable', `${what}: no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
    // The loser of the race may still fail, and nobody listens any more.
    asked.catch(() => undefined);
  }
}

/** Says a trouble once, not at each retry, and once that it is over. */
class Trouble {
  #said: string | null = null;

  constructor(private readonly log: (line: string) => void) {}

  note(error: unknown): void {
    const line = messageOf(error) || 'no connection';
    if (line === this.#said) return;
    this.#said = line;
    this.log(`queue: ${line}`);
  }

  over(): void {
    if (this.#said === null) return;
    this.#said = null;
    this.log('queue: works again');
  }
}
