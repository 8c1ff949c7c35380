// The controller: holds the leader's lease and runs rounds of the loop, one at a time, as soon as something changed.
import type { Clock } from '../../shared/clock.js';
import { messageOf } from '../../shared/errors.js';
import { BalanceWatch } from '../balance-watch.js';
import { event } from '../cluster-event.js';
import type { ClusterPolicy } from '../cluster-policy.js';
import type { ClusterStore } from '../cluster-store.js';
import type { Hold } from '../decision.js';
import { holdEvents, reconcile } from '../reconcile.js';
import type { ClusterVerdict } from '../verdict.js';
import type { Log } from '../../shared/log.js';

/** The lease outlives a slow database for a while; a new leader waits at most this long. */
export const LEADER_LEASE_MS = 5_000;
export const LEADER_RENEW_MS = 1_000;
/** Rounds happen on every change; this one catches what no change announces (time passing). */
export const ROUND_MS = 250;

export interface ControllerPorts {
  readonly store: ClusterStore;
  readonly clock: Clock;
  readonly policy: ClusterPolicy;
  readonly verdict: () => ClusterVerdict;
  readonly dispatch: () => Promise<void>;
  readonly onHolds: (holds: readonly Hold[]) => Promise<void>;
}

export class Controller {
  #epoch: number | null = null;
  #leaseUntilMs = -Infinity;
  #holds: readonly Hold[] = [];
  #running: Promise<void> | null = null;
  #again = false;
  #stopped = false;
  #trouble: string | null = null;
  readonly #balance = new BalanceWatch();

  constructor(
    private readonly ports: ControllerPorts,
    private readonly replica: string,
    private readonly log: Log,
  ) {}

  get holds(): readonly Hold[] {
    return this.#holds;
  }

  /** The epoch while this replica surely leads, by its own clock; null otherwise. */
  get leaderEpoch(): number | null {
    return this.ports.clock.monotonicMs() < this.#leaseUntilMs ? this.#epoch : null;
  }

  async renewLease(): Promise<void> {
    if (this.#stopped) return;
    const askedAt = this.ports.clock.monotonicMs();
    try {
      const lease = await this.ports.store.acquireLease(this.replica, LEADER_LEASE_MS);
      if (lease.held && lease.epoch !== this.#epoch) await this.#becomeLeader(lease.epoch);
      this.#epoch = lease.held ? lease.epoch : null;
      this.#leaseUntilMs = lease.held ? askedAt + LEADER_LEASE_MS : -Infinity;
      this.#note(null);
    } catch (error) {
      this.#note(`leader lease: ${messageOf(error)}`);
    }
  }

  /** Runs a round soon; calls during a round ask for one more. Never throws. */
  kick(): void {
    if (this.#stopped) return;
    this.#again = true;
    this.#running ??= this.#rounds().finally(() => {
      this.#running = null;
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    if (this.#epoch !== null) await this.ports.store.releaseLease(this.replica).catch((error: unknown) => this.#note(messageOf(error)));
  }

  async #rounds(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      const epoch = this.leaderEpoch;
      if (epoch === null) return;
      try {
        const round = await reconcile({ ...this.ports, balance: this.#balance }, epoch);
        await this.#keepHolds(round.decision.holds);
        for (const action of round.committed > 0 ? round.decision.actions : []) this.log.info({ rule: action.rule, about: action.about }, action.why);
        if (round.committed > 0) this.#again = true;
        this.#note(null);
      } catch (error) {
        this.#note(`round: ${messageOf(error)}`);
      }
    }
  }

  async #becomeLeader(epoch: number): Promise<void> {
    this.log.info({ epoch }, 'this replica leads');
    await this.ports.store.appendEvents([event('leader', `${this.replica} leads with epoch ${epoch}`, { data: { replica: this.replica, epoch } })]);
  }

  async #keepHolds(holds: readonly Hold[]): Promise<void> {
    const told = holdEvents(this.#holds, holds);
    this.#holds = holds;
    if (told.length > 0) await this.ports.store.appendEvents(told);
    await this.ports.onHolds(holds);
  }

  /** Says a trouble once, and once that it is over. */
  #note(trouble: string | null): void {
    if (trouble === this.#trouble) return;
    if (trouble) this.log.warn(trouble);
    else this.log.info('the store answers again');
    this.#trouble = trouble;
  }
}
