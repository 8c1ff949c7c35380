// The AlertCursors in memory, beside the store in memory: who leads is its word.
import type { AlertCursor, AlertCursors, KeptCursor } from '../cluster/alert-cursor.js';
import type { NewClusterEvent } from '../cluster/cluster-event.js';
import type { MemoryClusterStore } from './memory-cluster-store.js';

export class MemoryAlertCursors implements AlertCursors {
  readonly #kept = new Map<string, KeptCursor>();

  constructor(private readonly store: Pick<MemoryClusterStore, 'peek' | 'appendEvents'>) {}

  async list(): Promise<readonly KeptCursor[]> {
    return [...this.#kept.values()].sort((a, b) => (a.target < b.target ? -1 : 1));
  }

  async save(cursor: AlertCursor, { leaderEpoch, events }: { readonly leaderEpoch: number; readonly events: readonly NewClusterEvent[] }): Promise<boolean> {
    const before = this.#kept.get(cursor.target);
    if (this.store.peek().leader.epoch !== leaderEpoch || (before && before.seq > cursor.seq)) return false;
    this.#kept.set(cursor.target, { ...cursor, testedAtMs: before?.testedAtMs ?? null });
    await this.store.appendEvents(events);
    return true;
  }

  async tested(target: string, testedAtMs: number): Promise<void> {
    const before = this.#kept.get(target);
    if (before) this.#kept.set(target, { ...before, testedAtMs });
  }
}
