// One thread that computes, one question at a time. Once it took too long or failed it is over, and another one is needed.
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Asked, Question } from '../cluster/planner.js';
import { errorFromData } from '../shared/errors-as-data.js';
import { messageOf, OperationalError } from '../shared/errors.js';
import { rowsOf, withoutRows, type FromThread } from './messages.js';

interface Pending {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class PlannerThread {
  readonly #worker: Worker;
  #pending: Pending | null = null;
  #isOver = false;

  /** It gets nothing of the environment: there are secrets in it, and it needs none. */
  constructor(entry: URL) {
    this.#worker = new Worker(entry, { name: 'planner', env: {} });
    this.#worker.on('message', (message: FromThread) => this.#take(message));
    this.#worker.on('messageerror', (error) => void this.end(failed(messageOf(error))));
    this.#worker.on('error', (error) => void this.end(failed(messageOf(error))));
    this.#worker.on('exit', (code) => void this.end(failed(`its thread ended with ${code}`)));
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Asked again only after it has answered. */
  async compute(question: Question, asked: Asked, boundMs: number): Promise<unknown> {
    const answer = new Promise<unknown>((resolve, reject) => (this.#pending = { resolve, reject }));
    // It can fail while rows are being sent.
    answer.catch(() => undefined);
    const bound = setTimeout(() => void this.end(tooLong(boundMs)), boundMs);
    try {
      await this.#send(question, asked);
      return await answer;
    } catch (error) {
      // What can't be sent is there in part.
      if (this.#pending) await this.end(failed(messageOf(error)));
      throw error;
    } finally {
      clearTimeout(bound);
    }
  }

  /** Ends it, wherever it stands; what was asked of it fails with `why`. */
  async end(why: OperationalError): Promise<void> {
    this.#isOver = true;
    this.#settled()?.reject(why);
    await this.#worker.terminate();
  }

  async #send(question: Question, asked: Asked): Promise<void> {
    for (const rows of rowsOf(asked.view)) {
      if (this.#isOver) return;
      this.#worker.postMessage(rows);
      await setImmediate();
    }
    this.#worker.postMessage({ kind: 'ask', question, asked: { ...asked, view: withoutRows(asked.view) } });
  }

  #take(message: FromThread): void {
    const pending = this.#settled();
    if (message.kind === 'answer') pending?.resolve(message.answer);
    else pending?.reject(errorFromData(message.error));
  }

  #settled(): Pending | null {
    const pending = this.#pending;
    this.#pending = null;
    return pending;
  }
}

const failed = (why: string): OperationalError => new OperationalError('failed', `it was not computed: ${why}`, 'ask again; the log of the control plane may say more');

const tooLong = (boundMs: number): OperationalError =>
  new OperationalError('timeout', `the plan was given up after ${boundMs / 1_000} s of computing`, 'ask for less at once, such as fewer hosts; `reeve plan … --input` has no such bound');
