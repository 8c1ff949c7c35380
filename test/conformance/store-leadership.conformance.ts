// What every ClusterStore must do for the leader's lease, held by `leader` at `epoch` when a test begins.
import { describe, expect, it } from 'vitest';
import type { ClusterStore } from '../../src/cluster/cluster-store.js';

/** Long enough that a slow machine does not let it run out by accident in the middle of a test. */
export const LEASE_MS = 20_000;
/** A lease that is meant to run out. */
export const SHORT_MS = 60;

interface LeaderAtStart {
  readonly store: ClusterStore;
  readonly epoch: number;
  /** Lets this much time pass on the store's clock. */
  pass(ms: number): Promise<void>;
}

export function storeLeadershipConformance(name: string, at: () => LeaderAtStart): void {
  describe(`${name}: leadership`, () => {
    it('is held by one, who may renew it without a new epoch', async () => {
      const { store, epoch } = at();
      expect(await store.acquireLease('other', LEASE_MS)).toEqual({ epoch, held: false, holder: 'leader' });
      expect(await store.acquireLease('leader', LEASE_MS)).toEqual({ epoch, held: true, holder: 'leader' });
    });

    it('goes to another with a higher epoch once it ran out or was given back', async () => {
      const { store, epoch, pass } = at();
      await store.acquireLease('leader', SHORT_MS);
      await pass(SHORT_MS + 20);
      const second = await store.acquireLease('other', LEASE_MS);
      expect(second).toMatchObject({ held: true, holder: 'other' });
      expect(second.epoch).toBeGreaterThan(epoch);
      await store.releaseLease('leader');
      expect((await store.acquireLease('third', LEASE_MS)).held).toBe(false);
      await store.releaseLease('other');
      expect((await store.acquireLease('third', LEASE_MS)).epoch).toBeGreaterThan(second.epoch);
    });

    it('has a higher epoch also for the same holder who was late', async () => {
      const { store, epoch, pass } = at();
      await store.acquireLease('leader', SHORT_MS);
      await pass(SHORT_MS + 20);
      expect((await store.acquireLease('leader', LEASE_MS)).epoch).toBeGreaterThan(epoch);
    });

    it('goes to one only of several who ask at once', async () => {
      const { store } = at();
      await store.releaseLease('leader');
      const asked = await Promise.all(['a', 'b', 'c'].map((holder) => store.acquireLease(holder, LEASE_MS)));
      expect(asked.filter((lease) => lease.held)).toHaveLength(1);
    });
  });
}
