// Asks each host's hypervisor what exists there, in turn, and keeps the answer in the store.
import type { Clock } from '../../shared/clock.js';
import { messageOf } from '../../shared/errors.js';
import type { HostId } from '../../shared/ids.js';
import type { Host } from '../../hosts/host.js';
import type { Hypervisor, ObservedWorkload } from '../../hosts/hypervisor.js';
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
  readonly #lastSeen = new Map<HostId, readonly ObservedWorkload[]>();
  readonly #lost = new Set<HostId>();

  constructor(
    private readonly ports: PollerPorts,
    private readonly log: Log,
  ) {}

  poll(hosts: readonly Host[], verdict: ClusterVerdict): void {
    this.#noticeLost(hosts, verdict);
    for (const host of hosts) {
      const heard = verdict.hosts.find((one) => one.hostId === host.id);
      if (host.condition !== 'online' || heard?.hearing !== 'heard' || heard.bootId === null) continue;
      if (heard.bootId === host.bootId && this.#due(host.id)) void this.#ask(host, heard.bootId);
    }
  }

  /** As soon as a host is lost, all others are asked: a person may have moved a workload from it just before. */
  #noticeLost(hosts: readonly Host[], verdict: ClusterVerdict): void {
    for (const { id, condition } of hosts) {
      const isLost = condition !== 'enrolling' && (condition !== 'online' || verdict.hosts.some((one) => one.hostId === id && one.hearing === 'silent'));
      if (isLost && !this.#lost.has(id)) this.#lastAt.clear();
      if (isLost) this.#lost.add(id);
      else this.#lost.delete(id);
    }
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
      const before = this.#lastSeen.get(host.id) ?? [];
      if (JSON.stringify(before) !== JSON.stringify(workloads)) onNews();
      this.#lastSeen.set(host.id, workloads);
      // What left one host may be on another: looks at the others from before that are not the whole.
      const left = before.some((one) => one.runState !== 'stopped' && !workloads.some((other) => other.uuid === one.uuid && other.runState !== 'stopped'));
      if (left) this.#lastAt.clear();
    } catch (error) {
      this.log.debug({ host: host.name }, `inventory: ${messageOf(error)}`);
    } finally {
      this.#inFlight.delete(host.id);
    }
  }
}
