// The queue on Postgres and on Redis passes the suite of the JobQueue port.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { JobQueue } from '../../src/cluster/job-queue.js';
import { createJobQueue } from '../../src/jobs/bullmq-job-queue.js';
import { openBackend, type QueueBackend } from '../../src/jobs/queue-backend.js';
import { operationId } from '../../src/shared/ids.js';
import { jobQueueConformance, type QueueUnderTest } from '../conformance/job-queue.conformance.js';
import { NO_REDIS, startRedis, type RedisServer } from './redis-server.js';
import { createEmptyDatabase, type TestDatabase } from './test-database.js';

async function queuesOn(backend: QueueBackend): Promise<QueueUnderTest> {
  const opened: JobQueue[] = [];
  const prefix = `t${randomBytes(4).toString('hex')}`;
  return {
    open: async () => {
      const queue = await createJobQueue({ backend, prefix, log: () => undefined });
      opened.push(queue);
      return queue;
    },
    settle: async () => undefined,
    close: async () => void (await Promise.all(opened.map((queue) => queue.close(50)))),
  };
}

/** Queues of several clusters on one backend that is open already, as the control plane has them. */
function severalClusters(backend: () => QueueBackend): void {
  it('clusters that share it get each their own jobs, and one that closes ends nothing of the others', async () => {
    const shared = await openBackend(backend(), () => undefined);
    const [a, b] = await Promise.all(['a', 'b'].map((prefix) => createJobQueue({ backend: shared, prefix, log: () => undefined })));
    const got: string[] = [];
    await Promise.all([a, b].map((queue, nth) => queue?.work(async (id) => void got.push(`${'ab'[nth] ?? ''}:${id}`), { urgent: 4, normal: 4 })));
    const jobs = (name: string) => Array.from({ length: 20 }, (_, nth) => ({ id: operationId(`${name}-${nth}`), jobClass: nth % 2 === 0 ? ('urgent' as const) : ('normal' as const), priority: 0 }));
    await Promise.all([a?.enqueue(jobs('a')), b?.enqueue(jobs('b'))]);
    await vi.waitFor(() => expect(got).toHaveLength(40), 5_000);
    expect(got.filter((one) => one[0] !== one[2])).toEqual([]);
    await a?.close(1_000);
    await b?.enqueue([{ id: operationId('b-last'), jobClass: 'normal', priority: 0 }]);
    await vi.waitFor(() => expect(got).toContain('b:b-last'), 1_500);
    await b?.close(1_000);
    await shared.close();
  });
}

describe('on Postgres', () => {
  let database: TestDatabase;
  beforeAll(async () => void (database = await createEmptyDatabase()));
  afterAll(() => database.drop());
  jobQueueConformance('postgres', () => queuesOn({ kind: 'postgres', connection: database.connection }));
  severalClusters(() => ({ kind: 'postgres', connection: database.connection }));
});

if (NO_REDIS) console.warn(`the queue on Redis is left out: ${NO_REDIS}`);
describe.skipIf(NO_REDIS)('on Redis', () => {
  let redis: RedisServer;
  beforeAll(async () => void (redis = await startRedis()));
  afterAll(() => redis.remove());
  jobQueueConformance('redis', () => queuesOn({ kind: 'redis', url: redis.url }));
  severalClusters(() => ({ kind: 'redis', url: redis.url }));
});
