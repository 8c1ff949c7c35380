// The dispatcher: hands committed operations to the queue, and hands them over again when the queue lost them.
import type { ClusterStore } from '../cluster-store.js';
import { JOB_CLASS, type JobQueue } from '../job-queue.js';
import type { OperationKind } from '../operation.js';
import { messageOf } from '../../shared/errors.js';
import type { OperationId } from '../../shared/ids.js';

export interface DispatcherPorts {
  readonly store: ClusterStore;
  readonly queue: JobQueue;
  readonly log: (line: string) => void;
}

/** One hand-over at most; more follow in the next. */
const BATCH = 200;
/** An operation that nobody took for this long was lost by the queue. Taking one costs milliseconds. */
const STRANDED_MS = 2_000;

/** Within a class: a fence releases many recoveries, and what somebody waits for goes before what only tidies up. */
const PRIORITY: { readonly [K in OperationKind]: number } = {
  fence: 100, 'take-pool': 60, recover: 50, start: 40, readmit: 30, stop: 20, create: 20, lease: 20, delete: 20, enrol: 20, remove: 20, relocate: 10, migrate: 10, 'renew-trust': 5, replicate: 0, 'carry-out': 0, drain: 0,
};

export class Dispatcher {
  #dispatching: Promise<void> | null = null;
  #again = false;
  #trouble: string | null = null;

  constructor(private readonly ports: DispatcherPorts) {}

  /** Empties the outbox into the queue. Calls while one is under way ask for one more. Never throws. */
  dispatch(): Promise<void> {
    this.#again = true;
    this.#dispatching ??= this.#drain().finally(() => {
      this.#dispatching = null;
    });
    return this.#dispatching;
  }

  /** Called now and then: what stands in the outbox, and what is active without a worker. Never throws. */
  async sweep(): Promise<void> {
    await this.dispatch();
    await this.#try('sweep', async () => {
      const lost = await this.ports.store.stranded(STRANDED_MS, BATCH);
      if (lost.length > 0) await this.#enqueue(lost);
    });
  }

  async #drain(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      await this.#try('dispatch', async () => {
        const ids = await this.ports.store.undispatched(BATCH);
        if (ids.length === 0) return;
        await this.#enqueue(ids);
        // Only now: a crash in between hands them over twice, which does no harm.
        await this.ports.store.markDispatched(ids);
        if (ids.length === BATCH) this.#again = true;
      });
    }
  }

  async #enqueue(ids: readonly OperationId[]): Promise<void> {
    const operations = await this.ports.store.listOperations({ ids, limit: ids.length });
    const kinds = new Map(operations.map((one) => [one.id, one.kind]));
    // In the order of the ids: decisions list the most important first. An operation that is gone needs no job.
    const jobs = ids.flatMap((id) => {
      const kind = kinds.get(id);
      return kind ? [{ id, jobClass: JOB_CLASS[kind], priority: PRIORITY[kind] }] : [];
    });
    await this.ports.queue.enqueue(jobs);
  }

  /** A trouble is said once; the next sweep tries again. */
  async #try(what: string, attempt: () => Promise<void>): Promise<void> {
    try {
      await attempt();
      this.#trouble = null;
    } catch (error) {
      const trouble = `${what}: ${messageOf(error)}`;
      if (trouble !== this.#trouble) this.ports.log(`${trouble}; the next sweep tries again`);
      this.#trouble = trouble;
    }
  }
}
