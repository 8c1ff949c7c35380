// What every ClusterStore must do with notes in an operation's memo: those of the decider stand beside those of its worker.
import { describe, expect, it } from 'vitest';
import type { Change } from '../../src/cluster/change.js';
import type { ClusterStore } from '../../src/cluster/cluster-store.js';
import { LEASE_MS } from './store-leadership.conformance.js';

interface StoreWithOperation {
  readonly store: ClusterStore;
  readonly epoch: number;
  /** Begins one. */
  readonly begin: Change;
}

export function storeNotesConformance(name: string, at: () => StoreWithOperation): void {
  describe(`${name}: notes of the decider`, () => {
    it('are set beside what the worker has written, while the operation is active', async () => {
      const { store, epoch, begin } = at();
      const commit = (change: Change): ReturnType<ClusterStore['commit']> => store.commit([change], { viewVersion: null, leaderEpoch: epoch });
      const begun = await commit(begin);
      const id = begun.ok ? begun.value.operationIds[0] : undefined;
      if (!id) throw new Error('no operation was made');
      const step = { name: 'one', state: 'done' as const, startedAtMs: 1, endedAtMs: 2, note: null };
      await store.claimOperation(id, 'worker', LEASE_MS);
      await store.recordStep(id, 'worker', step, { mine: 1, both: 'worker' });
      await commit({ change: 'note-operation', id, memo: { both: { deep: [1, 2] }, its: true } });
      await store.recordStep(id, 'worker', { ...step, name: 'two' }, null);
      expect((await store.readView()).operations.find((one) => one.id === id)?.memo).toEqual({ mine: 1, both: { deep: [1, 2] }, its: true });
      await store.finishOperation(id, 'worker', { state: 'succeeded', code: null, why: null }, []);
      await commit({ change: 'note-operation', id, memo: { late: true } });
      expect((await store.operation(id))?.memo).not.toHaveProperty('late');
    });
  });
}
