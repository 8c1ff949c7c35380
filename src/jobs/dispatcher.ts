// The dispatcher: hands committed operations to the queue, and hands them over again when the queue lost them.
import type { ClusterStore } from '../cluster/cluster-store.js';
import { JOB_CLASS, type JobQueue } from '../cluster/job-queue.js';
import type { Operation } from '../cluster/operation.js';
import { messageOf } from '../shared/errors.js';
import type { OperationId } from '../shared/ids.js';

export interface DispatcherPorts {
  readonly store: ClusterStore;
  readonly queue: JobQueue;
  readonly log: (line: string) => void;
}

/** One hand-over at most; more follow in the next round. */
const BATCH = 200;
/** An operation that nobody took for this long was lost by the queue. Taking one costs milliseconds. */
const STRANDED_MS = 2_000;

export class Dispatcher {
  #dispatching: Promise<void> | null = null;
  #again = false;

  constructor(private readonly ports: DispatcherPorts) {}

  /** Empties the outbox into the queue. Calls while one is under way ask for one more. Never throws. */
  dispatch(): Promise<void> {
    this.#again = true;
    this.#dispatching ??= this.#drain().finally(() => {
      this.#dispatching = null;
    });
    return this.#dispatching;
  }

  /** Called now and then: what stands in the outbox, and what is active without a worker. */
  async sweep(): Promise<void> {
    await this.dispatch();
    try {
      const lost = await this.ports.store.stranded(STRANDED_MS, BATCH);
      if (lost.length > 0) await this.#enqueue(lost);
    } catch (error) {
      this.ports.log(`sweep: ${messageOf(error)}`);
    }
  }

  async #drain(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      try {
        const ids = await this.ports.store.undispatched(BATCH);
        if (ids.length === 0) continue;
        await this.#enqueue(ids);
        await this.ports.store.markDispatched(ids);
        if (ids.length === BATCH) this.#again = true;
      } catch (error) {
        this.ports.log(`dispatch: ${messageOf(error)}; tried again`);
      }
    }
  }

  async #enqueue(ids: readonly OperationId[]): Promise<void> {
    const operations = await Promise.all(ids.map((id) => this.ports.store.operation(id)));
    const jobs = operations.filter((one): one is Operation => one !== null).map((one) => ({ id: one.id, jobClass: JOB_CLASS[one.kind], priority: 0 }));
    await this.ports.queue.enqueue(jobs);
  }
}
