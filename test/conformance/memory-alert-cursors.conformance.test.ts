// The cursors in memory pass the suite of the AlertCursors port.
import { MemoryAlertCursors } from '../../src/sim/memory-alert-cursors.js';
import { MemoryClusterStore } from '../../src/sim/memory-cluster-store.js';
import { alertCursorsConformance } from './alert-cursors.conformance.js';

alertCursorsConformance('memory', async () => {
  const store = new MemoryClusterStore({ nowMs: () => 1_700_000_000_000, monotonicMs: () => 0 });
  return { store, cursors: new MemoryAlertCursors(store) };
});
