// The queue in memory passes the suite of the JobQueue port, and has the faults that it says it has.
import { describe, expect, it } from 'vitest';
import { OperationalError } from '../../src/shared/errors.js';
import { operationId } from '../../src/shared/ids.js';
import { MemoryJobQueue } from '../../src/sim/memory-job-queue.js';
import { jobQueueConformance } from './job-queue.conformance.js';

const clock = { sleep: (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms).unref()) };
const turn = (): Promise<void> => new Promise((done) => setTimeout(done, 5));
const a = { id: operationId('a'), jobClass: 'normal' as const, priority: 0 };

jobQueueConformance('memory', async () => {
  const queue = new MemoryJobQueue(clock);
  return { open: async () => queue, settle: async () => undefined, close: () => queue.close(50) };
});

describe('faults of the queue in memory', () => {
  it('loses what waits, and takes it again', async () => {
    const queue = new MemoryJobQueue(clock);
    const got: string[] = [];
    await queue.enqueue([a]);
    queue.flush();
    await queue.work(async (id) => void got.push(id), { urgent: 1, normal: 1 });
    await turn();
    expect(got).toEqual([]);
    await queue.enqueue([a]);
    await turn();
    expect(got).toEqual(['a']);
  });

  it('delivers twice at once', async () => {
    const queue = new MemoryJobQueue(clock);
    const got: string[] = [];
    queue.setTwice(true);
    await queue.work(async (id) => void got.push(id), { urgent: 1, normal: 1 });
    await queue.enqueue([a]);
    await turn();
    expect(got).toEqual(['a', 'a']);
  });

  it('is away, and delivers what it kept afterwards', async () => {
    const queue = new MemoryJobQueue(clock);
    const got: string[] = [];
    await queue.enqueue([a]);
    queue.setAway(true);
    await queue.work(async (id) => void got.push(id), { urgent: 1, normal: 1 });
    await expect(queue.enqueue([a])).rejects.toBeInstanceOf(OperationalError);
    await turn();
    expect(got).toEqual([]);
    queue.setAway(false);
    await turn();
    expect(got).toEqual(['a']);
  });
});
