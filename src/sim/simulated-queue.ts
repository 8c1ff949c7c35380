// The queue's server, shared by all replicas, with the faults of a real one: away, emptied, delivering twice, late, or to the dead.
import type { JobClass, JobQueue } from '../cluster/job-queue.js';
import { OperationalError } from '../shared/errors.js';
import type { OperationId } from '../shared/ids.js';
import type { SimProcess } from './engine/sim-process.js';
import type { VirtualTime } from './engine/virtual-time.js';

type Job = Parameters<JobQueue['enqueue']>[0][number];

interface Worker {
  readonly process: SimProcess;
  readonly handler: (id: OperationId) => Promise<void>;
  readonly limits: { readonly [C in JobClass]: number };
  readonly active: { urgent: number; normal: number };
  closed: boolean;
}

/** A handler that failed is called again after this; a dead worker's job is given to another after about that. As measured with BullMQ. */
const AGAIN_MS = 1_000;
const STALLED_MS = 4_500;
const DELIVERY_MS = 1;

export class SimulatedQueue {
  /** Share of jobs that are delivered twice, and the longest that a delivery may take. */
  faults = { twice: 0, lateMs: 0 };
  readonly #waiting: Job[] = [];
  readonly #known = new Set<OperationId>();
  readonly #workers: Worker[] = [];
  #away = false;
  #turn = 0;

  constructor(
    private readonly time: VirtualTime,
    private readonly chance: () => number,
  ) {}

  setAway(away: boolean): void {
    this.#away = away;
    if (!away) this.#soon(DELIVERY_MS);
  }

  /** Everything in it is lost, what is in hand included; workers go on with what they have. */
  flush(): void {
    this.#waiting.length = 0;
    this.#known.clear();
  }

  /** The queue as one process reaches it. */
  connect(process: SimProcess): JobQueue {
    return {
      enqueue: (jobs) => process.call(async () => this.#enqueue(jobs)),
      work: (handler, limits) =>
        process.call(async () => {
          this.#workers.push({ process, handler, limits, active: { urgent: 0, normal: 0 }, closed: false });
          this.#soon(DELIVERY_MS);
        }),
      close: (graceMs) =>
        process.call(async () => {
          for (const worker of this.#workers) if (worker.process === process) worker.closed = true;
          await process.clock.sleep(graceMs);
        }),
      health: () => process.call(async () => ({ ok: !this.#away, detail: 'simulated' })),
    };
  }

  async #enqueue(jobs: readonly Job[]): Promise<void> {
    if (this.#away) throw new OperationalError('unreachable', 'the queue is away: simulated');
    for (const job of jobs) {
      if (this.#known.has(job.id)) continue;
      this.#known.add(job.id);
      this.#waiting.push(job);
      const lateMs = this.faults.lateMs > 0 ? this.chance() * this.faults.lateMs : 0;
      this.#soon(DELIVERY_MS + lateMs);
      if (this.faults.twice > 0 && this.chance() < this.faults.twice) this.time.after(DELIVERY_MS + 3 * lateMs + 50, () => this.#again(job));
    }
  }

  #again(job: Job): void {
    this.#waiting.push(job);
    this.#deliver();
  }

  #soon(ms: number): void {
    this.time.after(ms, () => this.#deliver());
  }

  #deliver(): void {
    if (this.#away) return;
    for (const jobClass of ['urgent', 'normal'] as const) {
      for (let worker = this.#free(jobClass); worker; worker = this.#free(jobClass)) {
        const job = this.#next(jobClass);
        if (!job) break;
        this.#hand(job, worker);
      }
    }
  }

  /** In turn, among those that live. */
  #free(jobClass: JobClass): Worker | null {
    const able = this.#workers.filter((one) => one.process.alive && !one.process.isPaused && !one.closed && one.active[jobClass] < one.limits[jobClass]);
    this.#turn += 1;
    return able[this.#turn % Math.max(1, able.length)] ?? null;
  }

  #next(jobClass: JobClass): Job | null {
    let best: Job | null = null;
    for (const job of this.#waiting) if (job.jobClass === jobClass && (best === null || job.priority > best.priority)) best = job;
    if (best) this.#waiting.splice(this.#waiting.indexOf(best), 1);
    return best;
  }

  #hand(job: Job, worker: Worker): void {
    worker.active[job.jobClass] += 1;
    let ended = false;
    const end = (again: boolean): void => {
      if (ended) return;
      ended = true;
      worker.active[job.jobClass] -= 1;
      if (again) this.time.after(AGAIN_MS, () => this.#again(job));
      else this.#known.delete(job.id);
      this.#soon(0);
    };
    worker.process.enter(() => void worker.handler(job.id).then(() => end(false), () => end(true)));
    this.#watch(job, worker, () => ended);
  }

  /** The lock of a job whose worker died or stands still runs out: another worker gets it, while the first may yet go on. */
  #watch(job: Job, worker: Worker, isOver: () => boolean): void {
    this.time.after(STALLED_MS, () => {
      if (isOver()) return;
      if (worker.process.alive && !worker.process.isPaused) this.#watch(job, worker, isOver);
      else this.#again(job);
    });
  }
}
