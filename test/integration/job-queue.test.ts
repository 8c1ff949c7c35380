// The queue on Postgres and on Redis passes the suite of the JobQueue port.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe } from 'vitest';
import type { JobQueue } from '../../src/cluster/job-queue.js';
import { createJobQueue } from '../../src/jobs/bullmq-job-queue.js';
import type { QueueBackend } from '../../src/jobs/queue-backend.js';
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

describe('on Postgres', () => {
  let database: TestDatabase;
  beforeAll(async () => void (database = await createEmptyDatabase()));
  afterAll(() => database.drop());
  jobQueueConformance('postgres', () => queuesOn({ kind: 'postgres', connection: database.connection }));
});

if (NO_REDIS) console.warn(`the queue on Redis is left out: ${NO_REDIS}`);
describe.skipIf(NO_REDIS)('on Redis', () => {
  let redis: RedisServer;
  beforeAll(async () => void (redis = await startRedis()));
  afterAll(() => redis.remove());
  jobQueueConformance('redis', () => queuesOn({ kind: 'redis', url: redis.url }));
});
