// The store in memory passes the suite of the ClusterStore port.
import { expect, it } from 'vitest';
import { OperationalError } from '../../src/shared/errors.js';
import { MemoryClusterStore } from '../../src/sim/memory-cluster-store.js';
import { clusterStoreConformance } from './cluster-store.conformance.js';

function steppedClock(): { nowMs: () => number; monotonicMs: () => number; pass: (ms: number) => Promise<void> } {
  let passed = 0;
  return { nowMs: () => 1_700_000_000_000 + passed, monotonicMs: () => passed, pass: async (ms) => void (passed += ms) };
}

clusterStoreConformance('memory', async () => {
  const clock = steppedClock();
  return { store: new MemoryClusterStore(clock), pass: clock.pass, close: async () => undefined };
});

it('can be away, as a database can', async () => {
  const store = new MemoryClusterStore(steppedClock());
  store.setAway(true);
  await expect(store.readView()).rejects.toBeInstanceOf(OperationalError);
  store.setAway(false);
  expect((await store.readView()).version).toBe(1);
});
