// Asks each host's hypervisor what exists there, in turn, and keeps the answer in the store.
import type { Clock } from '../../shared/clock.js';
import { messageOf } from '../../shared/errors.js';
import type { HostId } from '../../shared/ids.js';
import type { Host } from '../../hosts/host.js';
import type { Hypervisor } from '../../hosts/hypervisor.js';
import type { ClusterStore } from '../cluster-store.js';
import type { ClusterVerdict } from '../verdict.js';
import type { Log } from '../../shared/log.js';

export interface PollerPorts {
  readonly store: Pick<ClusterStore, 'saveInventory'>;
  readonly clock: Clock;
  readonly hypervisorOf: (host: Host) => Pick<Hypervisor, 'inventory'>;
  /** Called when an inventory differs from the one before. */
  readonly onNews: () => void;
}

/** A healthy host is asked this often: people use virsh by hand. One ask costs the host about 30 ms. */
const EVERY_MS = 2_000;

export class InventoryPoller {
  readonly #inFlight = new Set<HostId>();
  readonly #lastAt = new Map<HostId, number>();
  readonly #lastSeen = new Map<HostId, string>();

  constructor(
    private readonly ports: PollerPorts,
    private readonly log: Log,
  ) {}

  poll(hosts: readonly Host[], verdict: ClusterVerdict): void {
    for (const host of hosts) {
      const heard = verdict.hosts.find((one) => one.hostId === host.id);
      if (host.condition !== 'online' || heard?.hearing !== 'heard' || heard.bootId === null) continue;
      if (heard.bootId === host.bootId && this.#due(host.id)) void this.#ask(host, heard.bootId);
    }
  }

  /** The next poll asks this host at once. */
  hint(hostId: HostId): void {
    this.#lastAt.delete(hostId);
  }

  #due(hostId: HostId): boolean {
    return !this.#inFlight.has(hostId) && this.ports.clock.monotonicMs() - (this.#lastAt.get(hostId) ?? -Infinity) >= EVERY_MS;
  }

  async #ask(host: Host, bootId: string): Promise<void> {
    const { clock, store, hypervisorOf, onNews } = this.ports;
    this.#inFlight.add(host.id);
    this.#lastAt.set(host.id, clock.monotonicMs());
    try {
      // The time before the question: what is seen was true at or after it.
      const atMs = clock.nowMs();
      const workloads = await hypervisorOf(host).inventory();
      await store.saveInventory({ hostId: host.id, atMs, bootId, workloads });
      const seen = JSON.stringify(workloads);
      if (this.#lastSeen.get(host.id) !== seen) onNews();
      this.#lastSeen.set(host.id, seen);
    } catch (error) {
      this.log.debug({ host: host.name }, `inventory: ${messageOf(error)}`);
    } finally {
      this.#inFlight.delete(host.id);
    }
  }
}
