// The quorum lease: how long a host may run protected workloads, by what a majority of voters has acknowledged of what it sent.
//
// It counts from the sending of a heartbeat, on the host's own monotonic clock: an answer that was long on its way prolongs
// nothing. Who has promised to exclude the host acknowledges nothing any more (Promises), and so the lease ends by itself.
import { majority } from './membership-votes.js';

/** Who has a vote on leases. Rises with each change: a host says by which one it judges. */
export interface VoterSet {
  readonly epoch: number;
  /** Ids of hosts and witnesses, in order. */
  readonly ids: readonly string[];
}

export class QuorumLease {
  #voters: VoterSet | null = null;
  readonly #ackedAtMs = new Map<string, number>();
  /** When what the last one of a majority has acknowledged was sent; null: to be worked out anew. It is asked for with each message that is sent. */
  #majorityAtMs: number | null = null;

  constructor(
    private readonly selfId: string,
    private readonly leaseMs: number,
  ) {}

  /** An older set is ignored: a configuration may arrive late. */
  setVoters(voters: VoterSet | null): void {
    if (voters && this.#voters && voters.epoch < this.#voters.epoch) return;
    this.#voters = voters;
    this.#majorityAtMs = null;
  }

  get voters(): VoterSet | null {
    return this.#voters;
  }

  /** A voter says that it has received what we sent at `sentAtMs`. */
  acknowledged(voterId: string, sentAtMs: number): void {
    this.#ackedAtMs.set(voterId, Math.max(sentAtMs, this.#ackedAtMs.get(voterId) ?? -Infinity));
    this.#majorityAtMs = null;
  }

  /** Until when we may run protected workloads; -Infinity when no majority has acknowledged anything. */
  untilMs(nowMs: number): number {
    const voters = this.#voters;
    if (!voters?.ids.includes(this.selfId)) return -Infinity;
    // Our own vote is one of the majority.
    const needed = majority(voters.ids.length) - 1;
    if (needed === 0) return nowMs + this.leaseMs;
    this.#majorityAtMs ??= this.#sentToMajorityMs(voters, needed);
    return this.#majorityAtMs + this.leaseMs;
  }

  #sentToMajorityMs({ ids }: VoterSet, needed: number): number {
    const times = ids.filter((id) => id !== this.selfId).map((id) => this.#ackedAtMs.get(id) ?? -Infinity);
    return times.sort((left, right) => right - left)[needed - 1] ?? -Infinity;
  }

  /** True when a majority, we included, has received something that we sent at this time or later. */
  isKnownSince(sentAtMs: number, nowMs: number): boolean {
    return this.untilMs(nowMs) - this.leaseMs >= sentAtMs;
  }

  isHeld(nowMs: number): boolean {
    return nowMs < this.untilMs(nowMs);
  }
}
