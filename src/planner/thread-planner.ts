// The planner of a control plane: it computes in threads of its own, so that hosts are heard, leases renewed and decisions made meanwhile.
import { plannerClosed, type Answer, type Asked, type Planner, type Question } from '../cluster/planner.js';
import { OperationalError } from '../shared/errors.js';
import { PlannerThread } from './planner-thread.js';

export interface ThreadPlannerOptions {
  /** The thread's program. */
  readonly entry: URL;
  readonly atOnce?: number;
  readonly boundMs?: number;
}

/** A short look does not wait for a long plan; more would take the cores from what decides. */
const AT_ONCE = 2;
/** Ten times what a thousand hosts take; whoever asked over HTTP has gone by then. */
const BOUND_MS = 60_000;
/** Each keeps the view that it was asked of. */
const MOST_WAITING = 32;

interface Job {
  readonly question: Question;
  readonly asked: Asked;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Threads are started when they are needed first, and kept. */
export class ThreadPlanner implements Planner {
  readonly #options: Required<ThreadPlannerOptions>;
  /** The one that was used last comes first: it remembers. */
  readonly #idle: PlannerThread[] = [];
  readonly #busy = new Set<PlannerThread>();
  readonly #waiting: Job[] = [];
  #isClosed = false;

  constructor(options: ThreadPlannerOptions) {
    this.#options = { atOnce: AT_ONCE, boundMs: BOUND_MS, ...options };
  }

  async compute<Q extends Question>(question: Q, asked: Asked<Q>): Promise<Answer<Q>> {
    if (this.#isClosed) throw plannerClosed();
    if (this.#waiting.length >= MOST_WAITING) throw new OperationalError('busy', `${MOST_WAITING} others wait for something to be computed`, 'ask again in a moment');
    const answer = new Promise<unknown>((resolve, reject) => this.#waiting.push({ question, asked, resolve, reject }));
    this.#next();
    return (await answer) as Answer<Q>;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(plannerClosed());
    await Promise.all([...this.#busy, ...this.#idle.splice(0)].map((thread) => thread.end(plannerClosed())));
  }

  #next(): void {
    while (this.#busy.size < this.#options.atOnce) {
      const job = this.#waiting.shift();
      if (!job) return;
      const thread = this.#thread();
      this.#busy.add(thread);
      void this.#run(thread, job);
    }
  }

  #thread(): PlannerThread {
    for (let thread = this.#idle.pop(); thread; thread = this.#idle.pop()) if (!thread.isOver) return thread;
    return new PlannerThread(this.#options.entry);
  }

  /** Never throws. */
  async #run(thread: PlannerThread, { question, asked, resolve, reject }: Job): Promise<void> {
    await thread.compute(question, asked, this.#options.boundMs).then(resolve, reject);
    this.#busy.delete(thread);
    if (!thread.isOver) this.#idle.push(thread);
    this.#next();
  }
}
