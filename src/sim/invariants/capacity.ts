// Room on a host, held against where processes really begin: nothing is given more than it has.
import type { Operation } from '../../cluster/operation.js';
import type { PlacementPolicy } from '../../scheduler/placement.js';
import { ordinaryMemoryMiB } from '../../workloads/hugepage-needs.js';
import type { Workload, WorkloadNeeds } from '../../workloads/workload.js';
import type { MemoryClusterStore } from '../memory-cluster-store.js';
import { localRootMiB, PAGE_KIB, pagesOf } from '../simulated-resources.js';
import type { SimulatedDomain, SimulatedHost } from '../simulated-world.js';
import { placingOperation } from './placing-operations.js';

export interface CapacityParts {
  readonly store: MemoryClusterStore;
  readonly placement: Pick<PlacementPolicy, 'reservedMemoryMiB' | 'memoryOvercommit' | 'cpuOvercommit'>;
  /** Is this guest being handled by a person (the scenario), so that automation is not to blame? */
  readonly byHand: (workload: string) => boolean;
}

interface Room {
  readonly of: (needs: WorkloadNeeds) => number;
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
    const reservedMiB = [...host.hugepages].reduce((sum, [sizeKiB, total]) => sum + (sizeKiB * total) / 1024, 0);
    const rooms: readonly Room[] = [
      { of: ordinaryMemoryMiB, unit: 'MiB', limit: Math.floor((host.memoryMiB - reservedMiB - reservedMemoryMiB) * memoryOvercommit) },
      { of: ({ vcpus }) => vcpus, unit: 'vCPUs', limit: Math.floor(host.cpus * cpuOvercommit) },
      ...Object.entries(PAGE_KIB).map(([name, sizeKiB]): Room => ({ of: (needs) => pagesOf(needs, sizeKiB), unit: `hugepages of ${name}`, limit: host.hugepages.get(sizeKiB) ?? 0 })),
      ...(host.localDiskMiB === null ? [] : [{ of: localRootMiB, unit: 'MiB on its own disk', limit: host.localDiskMiB }]),
    ];
    return rooms.flatMap((room) => this.#lacks(host, domain, decided, room));
  }

  /** What was too much before is nobody's doing now: a file that begins so, or a guest that a person made larger meanwhile. */
  #lacks(host: SimulatedHost, domain: SimulatedDomain, decided: Operation | null, { of, unit, limit }: Room): readonly string[] {
    // What a person has just put there could not be known to who decided.
    const managed = [...host.domains.values()].filter((one) => one.running && this.#workload(one.name) && (one === domain || !this.parts.byHand(one.name)));
    const used = managed.reduce((sum, one) => sum + this.#neededThen(one.name, of, decided), 0);
    const own = this.#neededThen(domain.name, of, decided);
    return used > limit && used - own <= limit ? [`${host.name} has ${limit} ${unit} for workloads and is given ${used} with ${domain.name}`] : [];
  }

  #neededThen(name: string, of: Room['of'], decided: Operation | null): number {
    const workload = this.#workload(name);
    if (!workload) return 0;
    const then = decided === null ? undefined : this.#needs.get(workload.id)?.findLast((one) => one.sinceMs <= decided.createdAtMs);
    return of(then?.needs ?? workload.needs);
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
