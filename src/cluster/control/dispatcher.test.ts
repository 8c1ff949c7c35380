// The dispatcher between a store and a queue that lose and refuse.
import { beforeEach, describe, expect, it } from 'vitest';
import { aHost, aWorkload } from '../../../test/fixtures/cluster.js';
import type { Change } from '../change.js';
import type { ClusterStore } from '../cluster-store.js';
import type { JobQueue } from '../job-queue.js';
import type { OperationKind } from '../operation.js';
import { OperationalError } from '../../shared/errors.js';
import type { OperationId } from '../../shared/ids.js';
import { MemoryClusterStore } from '../../sim/memory-cluster-store.js';
import { Dispatcher } from './dispatcher.js';

const host = aHost('h1');
let nowMs: number;
let store: MemoryClusterStore;
let jobs: { id: OperationId; jobClass: string; priority: number }[];
let refuse: boolean;
let lines: string[];
let dispatcher: Dispatcher;

const queue: JobQueue = {
  enqueue: async (more) => {
    if (refuse) throw new OperationalError('unreachable', 'the queue is away');
    jobs.push(...more);
  },
  work: async () => undefined,
  close: async () => undefined,
  health: async () => ({ ok: true, detail: '' }),
};

beforeEach(async () => {
  nowMs = 1_000_000;
  jobs = [];
  refuse = false;
  lines = [];
  store = new MemoryClusterStore({ nowMs: () => nowMs, monotonicMs: () => nowMs });
  dispatcher = new Dispatcher({ store, queue, log: (line) => lines.push(line) });
  await commit({ change: 'add-host', host });
});

async function commit(...changes: Change[]): Promise<readonly OperationId[]> {
  const result = await store.commit(changes, { viewVersion: null, leaderEpoch: 0 });
  if (!result.ok) throw new Error(result.error.why);
  return result.value.operationIds;
}

const operations = (kind: OperationKind, count: number): Change[] =>
  Array.from({ length: count }, (_, index) => aWorkload(`${kind}-${index}`, host)).flatMap((workload): Change[] => [
    { change: 'add-workload', workload },
    { change: 'operation', operation: { kind, workloadId: workload.id, hostId: host.id, targetHostId: null, requestedBy: 'test', reason: 'test' } },
  ]);

describe('the dispatcher', () => {
  it('hands over in order, by class, and once', async () => {
    const ids = await commit(...operations('migrate', 2), ...operations('recover', 2));
    await dispatcher.dispatch();
    await dispatcher.dispatch();
    expect(jobs.map((job) => job.id)).toEqual(ids);
    expect(jobs.map((job) => job.jobClass)).toEqual(['normal', 'normal', 'urgent', 'urgent']);
    expect(await store.undispatched(10)).toEqual([]);
  });

  it('empties an outbox of any length', async () => {
    await commit(...operations('start', 450));
    await dispatcher.dispatch();
    expect(new Set(jobs.map((job) => job.id)).size).toBe(450);
    expect(await store.undispatched(10)).toEqual([]);
  });

  it('keeps what the queue refused, says so once, and hands it over later', async () => {
    const [id] = await commit(...operations('start', 1));
    refuse = true;
    await dispatcher.dispatch();
    await dispatcher.dispatch();
    expect(lines).toHaveLength(1);
    expect(await store.undispatched(10)).toEqual([id]);
    refuse = false;
    await dispatcher.sweep();
    expect(jobs.map((job) => job.id)).toEqual([id]);
  });

  it('survives a store that is away', async () => {
    store.setAway(true);
    await dispatcher.dispatch();
    await dispatcher.sweep();
    expect(lines.length).toBeGreaterThan(0);
  });

  it('hands over again what nobody took, and what a dead worker left', async () => {
    const [lost, left, held] = await commit(...operations('start', 3));
    await dispatcher.dispatch();
    await store.claimOperation(left!, 'dead', 1_000);
    await store.claimOperation(held!, 'alive', 60_000);
    jobs = [];
    await dispatcher.sweep();
    expect(jobs).toEqual([]);
    nowMs += 5_000;
    await dispatcher.sweep();
    expect(jobs.map((job) => job.id)).toEqual([lost, left]);
  });

  it('looks once more when it is called while it is under way', async (): Promise<void> => {
    const [first] = await commit(...operations('start', 1));
    let second: OperationId | undefined;
    const slow: ClusterStore = Object.create(store) as ClusterStore;
    slow.undispatched = async (limit) => {
      const ids = await MemoryClusterStore.prototype.undispatched.call(store, limit);
      if (second === undefined) [second] = await commit(...operations('stop', 1));
      return ids;
    };
    for (const method of ['listOperations', 'markDispatched', 'stranded'] as const) Object.assign(slow, { [method]: store[method].bind(store) });
    const busy = new Dispatcher({ store: slow, queue, log: () => undefined });
    await Promise.all([busy.dispatch(), busy.dispatch()]);
    expect(jobs.map((job) => job.id)).toEqual([first, second]);
  });
});
