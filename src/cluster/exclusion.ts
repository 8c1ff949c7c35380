// Exclusion: when is a host's lease surely over? Once so many voters have promised to acknowledge it no more that no majority
// is left to it in any set of voters by which it may judge, and then its lease, its watchdog and a margin have run out.
//
// Silence would prove nothing: links that fail in turn can keep a majority alive throughout.
import { plural, seconds } from './membership-evidence.js';
import { majority } from './membership-votes.js';
import type { VoterSet } from './quorum-lease.js';
import type { Timing } from './timing.js';

export interface ExclusionAsked {
  readonly hostId: string;
  readonly epoch: number;
  readonly leaderEpoch: number;
}

interface Promised {
  readonly atMs: number;
  readonly memberEnforcing: boolean | null;
}

export type ExclusionState =
  | { readonly kind: 'asking'; readonly why: string }
  | { readonly kind: 'running-out'; readonly leftMs: number; readonly why: string }
  | { readonly kind: 'over'; readonly evidence: string }
  /** The lease proves nothing about this host: it does not enforce it. */
  | { readonly kind: 'unenforced'; readonly why: string };

export class Exclusion {
  readonly #promised = new Map<string, Promised>();
  #sets: readonly VoterSet[] = [];

  constructor(
    readonly asked: ExclusionAsked,
    private readonly timing: Timing,
  ) {}

  /** Every set of voters by which the host may judge its lease: from the one it last named to the newest that anybody may have sent it. */
  setVoters(sets: readonly VoterSet[]): void {
    this.#sets = sets.filter((set) => set.ids.includes(this.asked.hostId));
  }

  /** A voter's promise for this host, at this epoch or a later one. Its arrival is later than its making: the wait counts from here. */
  promised(voterId: string, epoch: number, memberEnforcing: boolean | null, nowMs: number): void {
    if (epoch < this.asked.epoch) return;
    const before = this.#promised.get(voterId);
    // A voter that once knew better does not forget it by a restart.
    this.#promised.set(voterId, { atMs: before?.atMs ?? nowMs, memberEnforcing: memberEnforcing ?? before?.memberEnforcing ?? null });
  }

  /** Voters that are still to be asked. */
  get missing(): readonly string[] {
    return this.#voters.filter((id) => id !== this.asked.hostId && !this.#promised.has(id));
  }

  state(nowMs: number): ExclusionState {
    const promised = [...this.#promised.values()];
    const count = `${promised.length} of ${plural(this.#voters.length, 'voter')} promised to acknowledge epoch ${this.asked.epoch} no more`;
    const closedAtMs = this.#closedAtMs();
    if (closedAtMs === null) return { kind: 'asking', why: `${count}; a majority is still left to it` };
    if (promised.some((one) => one.memberEnforcing === false) || !promised.some((one) => one.memberEnforcing === true)) {
      return { kind: 'unenforced', why: 'its agent does not enforce the lease (stopped in order, or without a watchdog): its end proves nothing' };
    }
    const leftMs = closedAtMs + this.timing.takeOverMs - nowMs;
    if (leftMs > 0) return { kind: 'running-out', leftMs, why: `${count}, no majority is left to it; its lease and watchdog run out in ${seconds(leftMs)}` };
    return { kind: 'over', evidence: `${count}, no majority is left to it; ${seconds(this.timing.takeOverMs)} later its lease (${seconds(this.timing.leaseMs)}) and its watchdog (${seconds(this.timing.watchdogMs)}) are over` };
  }

  get #voters(): readonly string[] {
    return [...new Set(this.#sets.flatMap((set) => set.ids))].sort();
  }

  /** When the last promise came that was needed in any of the sets; null: in one of them a majority is still left. A host in no set proves nothing. */
  #closedAtMs(): number | null {
    if (this.#sets.length === 0) return null;
    const times = this.#sets.map((set) => this.#closingMs(set));
    return times.some((time) => time === undefined) ? null : Math.max(...times.map((time) => time ?? 0));
  }

  #closingMs({ ids }: VoterSet): number | undefined {
    const needed = ids.length - majority(ids.length) + 1;
    const times = ids.flatMap((id) => (id === this.asked.hostId ? [] : (this.#promised.get(id)?.atMs ?? [])));
    return times.sort((left, right) => left - right)[needed - 1];
  }
}
