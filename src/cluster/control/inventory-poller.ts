// Asks each host's hypervisor what exists there, in turn, and keeps the answer in the store.
import type { Clock } from '../../shared/clock.js';
import { messageOf } from '../../shared/errors.js';
import type { HostId } from '../../shared/ids.js';
import type { Host } from '../../hosts/host.js';
import type { DriverName, Hypervisor, MuteDriver, ObservedWorkload } from '../../hosts/hypervisor.js';
import type { ClusterStore } from '../cluster-store.js';
import type { HostInventory } from '../cluster-view.js';
import type { ClusterVerdict } from '../verdict.js';
import type { Log } from '../../shared/log.js';

export interface PollerPorts {
  readonly store: Pick<ClusterStore, 'saveInventory'>;
  readonly clock: Clock;
  readonly hypervisorOf: (host: Host) => Pick<Hypervisor, 'inventory'>;
  /** Null: another replica leads, and asks. */
  readonly leaderEpoch: () => number | null;
  /** Called when an inventory differs from the one before, or was waited for. */
  readonly onNews: () => void;
}

/** A healthy host is asked this often: people use virsh by hand. One ask costs the host about 30 ms. */
const EVERY_MS = 2_000;

export class InventoryPoller {
  readonly #inFlight = new Set<HostId>();
  readonly #lastAt = new Map<HostId, number>();
  readonly #lastSeen = new Map<HostId, readonly ObservedWorkload[]>();
  readonly #muteSince = new Map<HostId, ReadonlyMap<DriverName, number>>();
  readonly #lost = new Set<HostId>();
  /** To be asked anew since something was lost: recovery waits for the answers. */
  readonly #awaited = new Set<HostId>();

  constructor(
    private readonly ports: PollerPorts,
    private readonly log: Log,
  ) {}

  poll(hosts: readonly Host[], verdict: ClusterVerdict): void {
    if (this.ports.leaderEpoch() === null) {
      for (const state of [this.#lastAt, this.#lost, this.#awaited, this.#muteSince]) state.clear();
      return;
    }
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
      if (isLost && !this.#lost.has(id)) {
        this.#lastAt.clear();
        for (const host of hosts) this.#awaited.add(host.id);
      }
      if (isLost) this.#lost.add(id);
      else this.#lost.delete(id);
    }
  }

  #due(hostId: HostId): boolean {
    return !this.#inFlight.has(hostId) && this.ports.clock.monotonicMs() - (this.#lastAt.get(hostId) ?? -Infinity) >= EVERY_MS;
  }

  async #ask(host: Host, bootId: string): Promise<void> {
    const { clock, store, hypervisorOf, onNews } = this.ports;
    const isAwaited = this.#awaited.delete(host.id);
    this.#inFlight.add(host.id);
    this.#lastAt.set(host.id, clock.monotonicMs());
    try {
      // The time before the question: what is seen was true at or after it.
      const atMs = clock.nowMs();
      const { workloads, mute } = await hypervisorOf(host).inventory();
      const since = this.#sinceWhen(host.id, mute, atMs);
      await store.saveInventory({ hostId: host.id, atMs, bootId, workloads, ...(since.length > 0 ? { mute: since } : {}) });
      const before = this.#lastSeen.get(host.id) ?? [];
      // What a mute hypervisor runs has not ended for that.
      const now = [...workloads, ...before.filter((one) => mute.some(({ driver }) => driver === one.driver))];
      if (isAwaited || JSON.stringify(before) !== JSON.stringify(now)) onNews();
      this.#lastSeen.set(host.id, now);
      if (this.#isHalfOfAMove(host.id, before, now)) this.#lastAt.clear();
    } catch (error) {
      this.log.debug({ host: host.name }, `inventory: ${messageOf(error)}`);
    } finally {
      this.#inFlight.delete(host.id);
      // It was being asked when something was lost: what it said may be older than that.
      if (this.#awaited.has(host.id) && !this.#lost.has(host.id)) void this.#ask(host, bootId);
    }
  }

  #sinceWhen(hostId: HostId, mute: readonly MuteDriver[], atMs: number): NonNullable<HostInventory['mute']> {
    const before = this.#muteSince.get(hostId) ?? new Map<DriverName, number>();
    const since = new Map(mute.map(({ driver }) => [driver, before.get(driver) ?? atMs]));
    this.#muteSince.set(hostId, since);
    return mute.map(({ driver, why }) => ({ driver, why, sinceMs: since.get(driver) ?? atMs }));
  }

  /** What left one host, or came to one while another still showed it: looks that are not taken together don't tell where it is. */
  #isHalfOfAMove(hostId: HostId, before: readonly ObservedWorkload[], now: readonly ObservedWorkload[]): boolean {
    const [was, is] = [processes(before), processes(now)];
    const elsewhere = [...this.#lastSeen].flatMap(([id, seen]) => (id === hostId ? [] : processes(seen)));
    return was.some((uuid) => !is.includes(uuid)) || is.some((uuid) => !was.includes(uuid) && elsewhere.includes(uuid));
  }
}

const processes = (seen: readonly ObservedWorkload[]): readonly string[] => seen.filter((one) => one.runState !== 'stopped').map((one) => one.uuid);
