// Room on a host, held against where processes really begin: nothing is given more than it has.
import type { Operation } from '../../cluster/operation.js';
import type { PlacementPolicy } from '../../scheduler/placement.js';
import type { Workload, WorkloadNeeds } from '../../workloads/workload.js';
import type { MemoryClusterStore } from '../memory-cluster-store.js';
import type { SimulatedDomain, SimulatedHost } from '../simulated-world.js';
import { placingOperation } from './placing-operations.js';

export interface CapacityParts {
  readonly store: MemoryClusterStore;
  readonly placement: Pick<PlacementPolicy, 'reservedMemoryMiB' | 'memoryOvercommit' | 'cpuOvercommit'>;
  /** Is this guest being handled by a person (the scenario), so that automation is not to blame? */
  readonly byHand: (workload: string) => boolean;
}

interface Room {
  readonly what: 'memoryMiB' | 'vcpus';
  readonly unit: string;
  readonly limit: number;
}

export class Capacity {
  /** What each workload needed, and since when on the wall clock; the newest last. */
  readonly #needs = new Map<string, { readonly sinceMs: number; readonly needs: WorkloadNeeds }[]>();

  constructor(private readonly parts: CapacityParts) {}

  /** The store changed. */
  follow(wallMs: number): void {
    for (const { id, needs } of this.parts.store.peek().workloads.values()) {
      const known = this.#needs.get(id);
      if (!known) this.#needs.set(id, [{ sinceMs: wallMs, needs }]);
      else if (known.at(-1)?.needs !== needs) known.push({ sinceMs: wallMs, needs });
    }
  }

  /** What is too much on this host with a process that began there, as sentences. */
  exceededBy(host: SimulatedHost, domain: SimulatedDomain): readonly string[] {
    const { reservedMemoryMiB, memoryOvercommit, cpuOvercommit } = this.parts.placement;
    const decided = this.#decided(host, domain.name);
    return [
      ...this.#lacks(host, domain, decided, { what: 'memoryMiB', unit: 'MiB', limit: Math.floor((host.memoryMiB - reservedMemoryMiB) * memoryOvercommit) }),
      ...this.#lacks(host, domain, decided, { what: 'vcpus', unit: 'vCPUs', limit: Math.floor(host.cpus * cpuOvercommit) }),
    ];
  }

  /** What was too much before is nobody's doing now: a file that begins so, or a guest that a person made larger meanwhile. */
  #lacks(host: SimulatedHost, domain: SimulatedDomain, decided: Operation | null, { what, unit, limit }: Room): readonly string[] {
    // What a person has just put there could not be known to who decided.
    const managed = [...host.domains.values()].filter((one) => one.running && this.#workload(one.name) && (one === domain || !this.parts.byHand(one.name)));
    const used = managed.reduce((sum, one) => sum + this.#neededThen(one.name, what, decided), 0);
    const own = this.#neededThen(domain.name, what, decided);
    return used > limit && used - own <= limit ? [`${host.name} has ${limit} ${unit} for workloads and is given ${used} with ${domain.name}`] : [];
  }

  #neededThen(name: string, what: Room['what'], decided: Operation | null): number {
    const workload = this.#workload(name);
    if (!workload) return 0;
    const then = decided === null ? undefined : this.#needs.get(workload.id)?.findLast((one) => one.sinceMs <= decided.createdAtMs);
    return (then?.needs ?? workload.needs)[what];
  }

  #decided(host: SimulatedHost, name: string): Operation | null {
    const workload = this.#workload(name);
    const row = this.parts.store.peek().hosts.get(host.name);
    return workload && row ? placingOperation(this.parts.store, workload.id, row.id) : null;
  }

  #workload(name: string): Workload | undefined {
    return this.parts.store.peek().workloads.get(name);
  }
}
