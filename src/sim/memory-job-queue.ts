// The JobQueue in memory, for the simulator and for tests, with the faults that a real queue has.
import type { JobClass, JobQueue } from '../cluster/job-queue.js';
import type { Clock } from '../shared/clock.js';
import { OperationalError } from '../shared/errors.js';
import type { OperationId } from '../shared/ids.js';

type Job = Parameters<JobQueue['enqueue']>[0][number];
type Handler = (id: OperationId) => Promise<void>;

/** A handler that failed is called again after this, as by the real queue. */
const AGAIN_MS = 1_000;

export class MemoryJobQueue implements JobQueue {
  readonly #waiting: Job[] = [];
  /** Waiting, in hand, or to be tried again: not added a second time. */
  readonly #known = new Set<OperationId>();
  readonly #active = { urgent: 0, normal: 0 };
  #limits: { readonly [C in JobClass]: number } = { urgent: 0, normal: 0 };
  #handler: Handler | null = null;
  readonly #inHand = new Set<Promise<void>>();
  #closed = false;
  #away = false;
  #twice = false;

  constructor(private readonly clock: Pick<Clock, 'sleep'>) {}

  // --- faults ---

  /** While away nothing is taken and nothing is delivered. */
  setAway(away: boolean): void {
    this.#away = away;
    this.#deliver();
  }

  /** Everything that waits is lost, as when Redis restarts without its file. */
  flush(): void {
    for (const job of this.#waiting.splice(0)) this.#known.delete(job.id);
  }

  /** From now on each id is delivered twice, the second while the first is in hand. */
  setTwice(twice: boolean): void {
    this.#twice = twice;
  }

  // --- the port ---

  async enqueue(jobs: readonly Job[]): Promise<void> {
    if (this.#away) throw new OperationalError('unreachable', 'the queue is away: simulated');
    for (const job of jobs) {
      if (this.#known.has(job.id)) continue;
      this.#known.add(job.id);
      this.#waiting.push(job);
    }
    this.#soon();
  }

  async work(handler: Handler, concurrency: { readonly [C in JobClass]: number }): Promise<void> {
    this.#handler = handler;
    this.#limits = concurrency;
    this.#soon();
  }

  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    await Promise.race([Promise.all(this.#inHand), this.clock.sleep(graceMs)]);
  }

  async health(): Promise<{ readonly ok: boolean; readonly detail: string }> {
    return { ok: !this.#away, detail: this.#away ? 'in memory: away' : `in memory; ${this.#waiting.length} waiting, ${this.#inHand.size} active` };
  }

  /** Never within enqueue: a real queue delivers later too. */
  #soon(): void {
    void Promise.resolve().then(() => this.#deliver());
  }

  #deliver(): void {
    if (this.#closed || this.#away || !this.#handler) return;
    for (let job = this.#next(); job; job = this.#next()) this.#start(job, this.#handler);
  }

  /** Higher priority first, then in order of arrival. */
  #next(): Job | null {
    const free = this.#waiting.filter((job) => this.#active[job.jobClass] < this.#limits[job.jobClass]);
    const [first] = free.sort((one, other) => other.priority - one.priority);
    if (!first) return null;
    this.#waiting.splice(this.#waiting.indexOf(first), 1);
    return first;
  }

  #start(job: Job, handler: Handler): void {
    this.#active[job.jobClass] += 1;
    const second = this.#twice ? handler(job.id).catch(() => undefined) : null;
    const running = this.#run(job, handler).finally(() => {
      this.#active[job.jobClass] -= 1;
      this.#inHand.delete(running);
      this.#soon();
    });
    this.#inHand.add(running);
    if (second) void second;
  }

  async #run(job: Job, handler: Handler): Promise<void> {
    try {
      await handler(job.id);
      this.#known.delete(job.id);
    } catch {
      void this.clock.sleep(AGAIN_MS).then(() => {
        this.#waiting.push(job);
        this.#soon();
      });
    }
  }
}
