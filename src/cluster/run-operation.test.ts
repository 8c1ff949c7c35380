// Running an operation: claimed once, ended once, left to another worker when the store is away, never run for ever.
import { describe, expect, it } from 'vitest';
import { aHost, aWorkload, NOW_MS } from '../../test/fixtures/cluster.js';
import { MemoryClusterStore } from '../sim/memory-cluster-store.js';
import type { Clock } from '../shared/clock.js';
import { Defect } from '../shared/errors.js';
import type { OperationId } from '../shared/ids.js';
import type { Change } from './change.js';
import { runOperation, type Ending, type Executor, type Executors, type WorkerPorts } from './run-operation.js';

const clock: Clock = { nowMs: () => NOW_MS, monotonicMs: () => 0, sleep: (_ms, signal) => new Promise((resolve) => signal?.addEventListener('abort', () => resolve())) };
const host = aHost('host-1');
const workload = aWorkload('vm-1', host, { state: 'stopped' });
const done = (changes: readonly Change[] = []): Ending => ({ state: 'succeeded', code: null, why: null, changes });

async function committed(): Promise<{ store: MemoryClusterStore; id: OperationId }> {
  const store = new MemoryClusterStore(clock);
  const lease = await store.acquireLease('a', 5_000);
  const changes: Change[] = [
    { change: 'add-host', host },
    { change: 'add-workload', workload },
    { change: 'operation', operation: { kind: 'start', workloadId: workload.id, hostId: host.id, targetHostId: host.id, requestedBy: 'test', reason: 'test' } },
  ];
  const result = await store.commit(changes, { viewVersion: null, leaderEpoch: lease.epoch });
  const id = result.ok ? result.value.operationIds[0] : undefined;
  if (!id) throw new Error('not committed');
  return { store, id };
}

function portsWith(store: MemoryClusterStore, start: Executor, worker = 'worker-1'): WorkerPorts {
  return { store, clock, worker, executors: { start } as unknown as Executors, log: () => undefined };
}

describe('runOperation', () => {
  it('ends it together with what follows from it', async () => {
    const { store, id } = await committed();
    await runOperation(id, portsWith(store, async () => done([{ change: 'workload', id: workload.id, set: { state: 'running' } }])));
    expect(await store.operation(id)).toMatchObject({ state: 'succeeded', attempts: 1 });
    expect((await store.readView()).workloads[0]).toMatchObject({ state: 'running' });
  });

  it('does nothing for an id that is delivered twice', async () => {
    const { store, id } = await committed();
    let runs = 0;
    const ports = portsWith(store, async () => {
      runs += 1;
      await runOperation(id, portsWith(store, async () => done(), 'worker-2'));
      return done();
    });
    await runOperation(id, ports);
    await runOperation(id, ports);
    expect(runs).toBe(1);
  });

  it('leaves it to another worker when the store goes away in the middle', async () => {
    const { store, id } = await committed();
    await runOperation(id, portsWith(store, async (_operation, _view, journal) => {
      store.setAway(true);
      await journal.stepStarted('one');
      return done();
    }));
    store.setAway(false);
    expect(await store.operation(id)).toMatchObject({ state: 'running' });
  });

  it('a defect ends it as unknown, with words, for a person', async () => {
    const { store, id } = await committed();
    await runOperation(id, portsWith(store, async () => Promise.reject(new Defect('that can not be'))));
    expect(await store.operation(id)).toMatchObject({ state: 'unknown', outcomeCode: 'defect', why: expect.stringContaining('that can not be') });
  });

  it('an ending that cannot be written down ends it as unknown instead of running it for ever', async () => {
    const { store, id } = await committed();
    const impossible: Change = { change: 'operation', operation: { kind: 'start', workloadId: workload.id, hostId: null, targetHostId: null, requestedBy: 'x', reason: 'x' } };
    await runOperation(id, portsWith(store, async () => done([impossible, impossible])));
    expect(await store.operation(id)).toMatchObject({ state: 'unknown', outcomeCode: 'defect' });
  });
});
