// Counting votes: who misses a host, who hears it, and who cannot be asked.
import type { Heartbeat, PeerHearing } from './heartbeat-message.js';
import type { Opinion } from './membership-links.js';
import type { Timing } from './timing.js';

/** One voter's word on one host. `none`: it cannot be asked, or has not listened long enough to know. */
export type Vote = 'hears' | 'misses' | 'none';

/** What a voter last said about others. */
export interface VoterReport {
  readonly blind: boolean;
  readonly leaving: boolean;
  readonly hearing: ReadonlyMap<number, PeerHearing>;
  /** Any of them is missed. */
  readonly missesSomebody: boolean;
}

/** By one heartbeat. Worked out when it is asked for: hosts judge nobody and never ask, and while all is well witnesses ask for one of both only. */
export class HeartbeatReport implements VoterReport {
  #hearing: ReadonlyMap<number, PeerHearing> | null = null;
  #missesSomebody: boolean | null = null;

  constructor(
    private readonly heartbeat: Heartbeat,
    private readonly timing: Timing,
  ) {}

  get blind(): boolean {
    return this.heartbeat.blind;
  }

  get leaving(): boolean {
    return this.heartbeat.leaving !== null;
  }

  get hearing(): ReadonlyMap<number, PeerHearing> {
    this.#hearing ??= new Map(this.heartbeat.hearing.map((one) => [one.member, one]));
    return this.#hearing;
  }

  get missesSomebody(): boolean {
    this.#missesSomebody ??= this.heartbeat.hearing.some((one) => isMissed(one.ageMs, this.timing));
    return this.#missesSomebody;
  }
}

export interface Tally {
  /** Votes `misses`, ours included. */
  readonly misses: number;
  readonly peersMissing: number;
  readonly peersHearing: number;
  /** Peers that cannot be asked. */
  readonly peersUnasked: number;
  readonly voters: number;
}

export function majority(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/**
 * A peer's vote. It counts only while we hear the peer itself, both ways and without doubt: whoever is in trouble
 * would call everybody else silent. That it hears the host counts even while it is blind; that it misses it does not.
 */
export function peerVote(peer: Opinion, report: VoterReport | null, host: number, timing: Timing): Vote {
  if (peer !== 'heard' || !report || report.leaving) return 'none';
  const ages = report.hearing.get(host)?.ageMs;
  if (!ages || ages.length === 0) return 'none';
  if (!isMissed(ages, timing)) return 'hears';
  return report.blind ? 'none' : 'misses';
}

/** The best link decides. */
export const isMissed = (ageMs: readonly number[], { silentMs }: Timing): boolean => ageMs.length > 0 && ageMs.every((age) => age > silentMs);

export function tally(own: Opinion, peers: readonly Vote[], voters: number): Tally {
  const count = (vote: Vote): number => peers.filter((one) => one === vote).length;
  const peersMissing = count('misses');
  return { misses: peersMissing + (own === 'silent' ? 1 : 0), peersMissing, peersHearing: count('hears'), peersUnasked: count('none'), voters };
}

/**
 * Silent: we miss it, and a majority of all voters does. Once silent, it stays so until somebody who can be asked
 * hears it: voters that drop out later do not bring it back.
 */
export function isSilent(own: Opinion, votes: Tally, wasSilent: boolean): boolean {
  if (own !== 'silent') return false;
  return votes.misses >= majority(votes.voters) || (wasSilent && votes.peersHearing === 0);
}
