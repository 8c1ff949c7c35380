// Why was a guest stopped? An operation on it is an excuse only if it is one that may stop it, decided when that was right.
import type { Operation } from '../../cluster/operation.js';
import type { Host } from '../../hosts/host.js';
import { movesLive, type Workload } from '../../workloads/workload.js';
import type { VirtualTime } from '../engine/virtual-time.js';
import type { MemoryClusterStore } from '../memory-cluster-store.js';
import type { SimulatedHost, SimulatedWorld } from '../simulated-world.js';

export interface StopCausesParts {
  readonly time: VirtualTime;
  readonly world: SimulatedWorld;
  readonly store: MemoryClusterStore;
}

/** What was true when it was decided. */
interface Decided {
  readonly atMs: number;
  readonly desired: Workload['desired'];
  readonly drainPolicy: Workload['drainPolicy'];
  readonly isHostLeft: boolean;
  /** It can't move live, and its host is in trouble, or for all that is known here it stands against a hard rule. */
  readonly isBound: boolean;
  /** Its process was there already. */
  readonly ran: boolean;
}

/** An operation that has just ended may still have effects under way. */
const RECENT_MS = 60_000;

export class StopCauses {
  readonly #decided = new Map<string, Decided>();
  #known = 0;

  constructor(private readonly parts: StopCausesParts) {}

  /** The store changed. */
  follow(): void {
    const operations = this.parts.store.peekOperations();
    for (const one of operations.slice(this.#known)) this.#note(one);
    this.#known = operations.length;
  }

  /** Null: there was a reason to stop it there. Else what there was instead. */
  missingFor(host: SimulatedHost, workload: Workload, beganAtMs: number): string | null {
    const row = this.#host(host.name);
    // What is left over where it does not belong any more, or on a host that is not admitted, is cleared away.
    if (row?.condition !== 'online' || (workload.hostId !== row.id && this.#of(workload).length > 0)) return null;
    const operations = this.#of(workload);
    if (operations.some((one) => this.#mayStop(one, beganAtMs))) return null;
    return operations.length === 0 ? 'without anything to be done with it' : `and what was done with it is no reason to: ${operations.map((one) => `${one.kind} by ${one.requestedBy} (${one.reason})`).join('; ')}`;
  }

  #note(one: Operation): void {
    const workload = one.workloadId === null ? undefined : this.parts.store.peek().workloads.get(one.workloadId);
    if (!workload) return;
    const host = one.hostId === null ? undefined : this.#host(one.hostId);
    const running = host && this.parts.world.host(host.name).domains.get(workload.uuid)?.running;
    this.#decided.set(one.id, { atMs: this.parts.time.nowMs, desired: workload.desired, drainPolicy: workload.drainPolicy, isBound: !movesLive(workload) && ((host?.trouble ?? null) !== null || this.#hasHardRule(workload)), isHostLeft: host?.intent === 'maintenance' || (host?.leaving ?? null) !== null, ran: running !== undefined && running !== null });
  }

  #of({ id }: Workload): readonly Operation[] {
    return this.parts.store.peekOperations().filter((one) => one.workloadId === id && (one.endedAtMs === null || this.parts.store.ageMs(one.endedAtMs) < RECENT_MS));
  }

  #mayStop(one: Operation, beganAtMs: number): boolean {
    const decided = this.#decided.get(one.id);
    if (!decided || !one.requestedBy.startsWith('rule:')) return true;
    // What it has begun itself it may end.
    if (one.kind !== 'migrate' && one.kind !== 'lease' && beganAtMs >= decided.atMs) return true;
    if (one.kind === 'stop') return decided.desired !== 'running';
    if (one.kind !== 'relocate') return false;
    return one.params['isRestart'] === true ? !decided.ran : decided.drainPolicy === 'relocate' && (decided.isHostLeft || decided.isBound);
  }

  #hasHardRule({ id }: Workload): boolean {
    return [...this.parts.store.peek().rules.values()].some((rule) => rule.hard && rule.workloads.includes(id));
  }

  #host(name: string): Host | undefined {
    return this.parts.store.peek().hosts.get(name);
  }
}
