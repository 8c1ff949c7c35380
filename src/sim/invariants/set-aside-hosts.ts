// Who has lost its vote, by the sets of voters: allowed only while no more hosts are silent than the brake allows, or the brake would lift itself.
import type { Host } from '../../hosts/host.js';
import type { MemoryClusterStore } from '../memory-cluster-store.js';

export interface SetAsideParts {
  readonly store: MemoryClusterStore;
  readonly maxSilentShare: number;
}

const ENROLLED: ReadonlySet<Host['condition']> = new Set(['online', 'silent', 'fencing']);

export class SetAsideHosts {
  readonly #ids = new Set<string>();
  /** As of the commit before: one that was proven off by the same commit was counted by who decided it. */
  #conditions = new Map<string, Host['condition']>();

  constructor(private readonly parts: SetAsideParts) {}

  /** Until something protected comes to be there: then it counts at once. */
  has(id: string): boolean {
    return this.#ids.has(id) && ![...this.parts.store.peek().workloads.values()].some((one) => one.hostId === id && one.isProtected && one.desired === 'running');
  }

  /** The store changed: who was set aside and may not be, as sentences. */
  follow(): readonly string[] {
    const { hosts, voters } = this.parts.store.peek();
    const newest = voters.at(-1);
    const without = [...hosts.values()].filter((one) => one.condition === 'silent' && newest !== undefined && !newest.ids.includes(one.id));
    for (const id of this.#ids) if (!without.some((one) => one.id === id)) this.#ids.delete(id);
    const before = this.#conditions;
    this.#conditions = new Map([...hosts.values()].map(({ id, condition }) => [id, condition]));
    const counted = [...hosts.values()].filter((one) => (ENROLLED.has(one.condition) || ENROLLED.has(before.get(one.id) ?? 'enrolling')) && !this.#ids.has(one.id));
    const lost = counted.filter((one) => one.condition === 'silent' || one.condition === 'fencing');
    const begun = without.filter((one) => !this.#ids.has(one.id));
    for (const one of begun) this.#ids.add(one.id);
    return lost.length / Math.max(1, counted.length) <= this.parts.maxSilentShare ? [] : begun.map((one) => `${one.name} loses its vote while ${lost.length} of ${counted.length} hosts are silent`);
  }
}
