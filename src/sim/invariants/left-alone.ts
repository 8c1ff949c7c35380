// What is in error waits for a person: neither begins a rule anything with it, nor does its state change without a command.
import type { Change } from '../../cluster/change.js';
import type { Workload } from '../../workloads/workload.js';
import type { MemoryClusterStore } from '../memory-cluster-store.js';

export interface LeftAloneParts {
  readonly store: MemoryClusterStore;
  /** Is this guest being handled by a person (the scenario), so that automation is not to blame? */
  readonly byHand: (workload: string) => boolean;
}

export class LeftAlone {
  /** By workload, as of the commit before. */
  #states = new Map<string, Workload['state']>();
  #knownOperations = 0;
  /** Workloads that a person's commit has touched since the store was looked at last. */
  readonly #commanded = new Set<string>();

  constructor(private readonly parts: LeftAloneParts) {}

  /** A person commits this now. */
  commanded(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.change === 'workload' && (change.set.state !== undefined || change.set.desired !== undefined)) this.#commanded.add(change.id);
      if (change.change === 'operation' && change.operation.workloadId !== null) this.#commanded.add(change.operation.workloadId);
    }
  }

  /** The store changed: what is wrong with how, as sentences. */
  follow(): readonly string[] {
    const before = this.#states;
    const { workloads } = this.parts.store.peek();
    this.#states = new Map([...workloads.values()].map((one) => [one.id, one.state]));
    const touched = [...workloads.values()].filter((one) => before.get(one.id) === 'error' && !this.#commanded.has(one.id) && !this.parts.byHand(one.name));
    this.#commanded.clear();
    const begun = this.#newByRule();
    return touched.flatMap(({ id, name, state, why }) => [
      ...begun.filter((one) => one.workloadId === id).map((one) => `${name} was in error, and ${one.requestedBy} began to ${one.kind} it: ${one.reason}`),
      ...(state !== 'error' && !this.#isOperated(id) ? [`${name} was in error and is ${state} (${why ?? 'no reason'}), and nobody cleared it`] : []),
    ]);
  }

  #newByRule(): ReturnType<MemoryClusterStore['peekOperations']> {
    const operations = this.parts.store.peekOperations();
    const fresh = operations.slice(this.#knownOperations);
    this.#knownOperations = operations.length;
    return fresh.filter((one) => one.requestedBy.startsWith('rule:'));
  }

  /** What a person began (a stop, a deletion) ends with a state of its own. */
  #isOperated(id: Workload['id']): boolean {
    return this.parts.store.peekOperations().some((one) => one.workloadId === id && !one.requestedBy.startsWith('rule:') && (one.endedAtMs === null || this.parts.store.ageMs(one.endedAtMs) < 1_000));
  }
}
