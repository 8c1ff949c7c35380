// What every JobQueue must do, whether on Redis, on Postgres or in memory.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobClass, JobQueue } from '../../src/cluster/job-queue.js';
import { operationId, type OperationId } from '../../src/shared/ids.js';

export interface QueueUnderTest {
  /** Each call gives another process's end of the same queue; in memory there is only one. */
  open(): Promise<JobQueue>;
  /** Lets time pass until what is due has happened. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

const GRACE_MS = 2_000;
const MAX_TRIES = 1_000;
const ONE_EACH = { urgent: 1, normal: 1 };
const MANY = { urgent: 20, normal: 20 };

const job = (name: string, jobClass: JobClass = 'normal', priority = 0) => ({ id: operationId(name), jobClass, priority });

export function jobQueueConformance(name: string, openBackend: () => Promise<QueueUnderTest>): void {
  let under: QueueUnderTest;
  let queue: JobQueue;

  async function until(what: () => boolean): Promise<void> {
    for (let tries = 0; tries < MAX_TRIES && !what(); tries += 1) {
      await under.settle();
      await new Promise((done) => setTimeout(done, 5));
    }
    expect(what()).toBe(true);
  }
  /** Long enough for a job that should not come to come. */
  const quiet = (): Promise<void> => new Promise((done) => setTimeout(done, 150));

  beforeEach(async () => {
    under = await openBackend();
    queue = await under.open();
  });
  afterEach(() => under.close());

  describe(`${name}: a job queue`, () => {
    it('delivers each id to the handler, of both classes', async () => {
      const got: OperationId[] = [];
      await queue.work(async (id) => void got.push(id), MANY);
      await queue.enqueue([job('a', 'urgent'), job('b'), job('c')]);
      await queue.enqueue([job('d', 'urgent')]);
      await until(() => got.length === 4);
      expect([...got].sort()).toEqual(['a', 'b', 'c', 'd']);
    });

    it('keeps what was enqueued before anybody worked', async () => {
      await queue.enqueue([job('a')]);
      await quiet();
      const got: OperationId[] = [];
      await queue.work(async (id) => void got.push(id), MANY);
      await until(() => got.length === 1);
    });

    it('takes an id once while it waits or is in hand', async () => {
      const got: OperationId[] = [];
      let release: () => void = () => undefined;
      const held = new Promise<void>((done) => (release = done));
      await queue.enqueue([job('a'), job('a')]);
      await queue.enqueue([job('a')]);
      await queue.work(async (id) => {
        got.push(id);
        await held;
      }, MANY);
      await until(() => got.length === 1);
      await queue.enqueue([job('a')]);
      await quiet();
      release();
      await quiet();
      expect(got).toEqual(['a']);
    });

    it('never has one id in two hands of one process', async () => {
      let inHand = 0;
      let calls = 0;
      let most = 0;
      let release: () => void = () => undefined;
      const held = new Promise<void>((done) => (release = done));
      await queue.work(async () => {
        calls += 1;
        most = Math.max(most, (inHand += 1));
        await held;
        inHand -= 1;
      }, MANY);
      // Two classes are two queues: neither knows what the other delivers.
      await queue.enqueue([job('a', 'urgent'), job('a', 'normal')]);
      await until(() => calls > 0);
      await quiet();
      release();
      await until(() => inHand === 0);
      expect(most).toBe(1);
    });

    it('takes an id again after it was done', async () => {
      const got: OperationId[] = [];
      await queue.work(async (id) => void got.push(id), MANY);
      await queue.enqueue([job('a')]);
      await until(() => got.length === 1);
      // The queue may need a moment to put the first away: a sweeper asks until it is done, and so do we.
      for (let tries = 0; tries < MAX_TRIES && got.length < 2; tries += 1) {
        await queue.enqueue([job('a')]);
        await new Promise((done) => setTimeout(done, 10));
      }
      expect(got.length).toBeGreaterThanOrEqual(2);
    });

    it('delivers again what the handler failed at', async () => {
      let calls = 0;
      await queue.work(async () => {
        calls += 1;
        if (calls === 1) throw new Error('the store is away');
      }, MANY);
      await queue.enqueue([job('a')]);
      await until(() => calls === 2);
      await quiet();
      expect(calls).toBe(2);
    });

    it('keeps to the concurrency, class by class: urgent jobs do not wait behind normal ones', async () => {
      const now = { urgent: 0, normal: 0 };
      const most = { urgent: 0, normal: 0 };
      const got: string[] = [];
      let release: () => void = () => undefined;
      const held = new Promise<void>((done) => (release = done));
      await queue.work(async (id) => {
        const jobClass = id.startsWith('urgent') ? 'urgent' : 'normal';
        now[jobClass] += 1;
        most[jobClass] = Math.max(most[jobClass], now[jobClass]);
        if (jobClass === 'normal') await held;
        now[jobClass] -= 1;
        got.push(id);
      }, { urgent: 3, normal: 2 });
      await queue.enqueue([1, 2, 3, 4, 5].map((n) => job(`normal-${n}`)));
      await until(() => now.normal === 2);
      await queue.enqueue([1, 2, 3, 4, 5].map((n) => job(`urgent-${n}`, 'urgent')));
      await until(() => got.length === 5);
      expect(got.every((id) => id.startsWith('urgent'))).toBe(true);
      release();
      await until(() => got.length === 10);
      expect(most.normal).toBe(2);
      expect(most.urgent).toBeLessThanOrEqual(3);
    });

    it('delivers higher priorities first, and equal ones in order', async () => {
      const got: OperationId[] = [];
      await queue.enqueue([job('low-1', 'urgent', 1), job('low-2', 'urgent', 1), job('high-1', 'urgent', 9), job('high-2', 'urgent', 9), job('lowest', 'urgent', -5)]);
      await queue.work(async (id) => void got.push(id), ONE_EACH);
      await until(() => got.length === 5);
      expect(got).toEqual(['high-1', 'high-2', 'low-1', 'low-2', 'lowest']);
    });

    it('waits for what is in hand when it is closed, and takes nothing more', async () => {
      const got: string[] = [];
      let started = false;
      await queue.work(async (id) => {
        started = true;
        await new Promise((done) => setTimeout(done, 100));
        got.push(id);
      }, ONE_EACH);
      await queue.enqueue([job('a'), job('b')]);
      await until(() => started);
      await queue.close(GRACE_MS);
      expect(got).toEqual(['a']);
    });

    it('does not wait for ever for what is in hand', async () => {
      let started = false;
      await queue.work(() => {
        started = true;
        return new Promise(() => undefined);
      }, ONE_EACH);
      await queue.enqueue([job('a')]);
      await until(() => started);
      await queue.close(50);
    });

    it('says how it is', async () => {
      await queue.work(async () => undefined, MANY);
      expect(await queue.health()).toMatchObject({ ok: true });
    });
  });
}
