// The detector's verdicts: what the heartbeats of all observers say about each host, at one moment.
import type { HostId } from '../shared/ids.js';
import type { GoingDown, Leaving } from './heartbeat-message.js';

export type Hearing = 'heard' | 'suspect' | 'silent' | 'unknown';

export interface HostVerdict {
  readonly hostId: HostId;
  readonly hearing: Hearing;
  /** Since when (wall clock) it has this hearing. */
  readonly sinceMs: number;
  /** When its last doubt or silence ended, on the wall clock; null: none since our start. */
  readonly heardAgainMs: number | null;
  /** Boot id in the newest heartbeat; null: none heard since our start. */
  readonly bootId: string | null;
  /** One sentence with the evidence: "controller and 2 of 2 peers heard nothing for 1.8 s on 2 links". */
  readonly evidence: string;
  /** Votes: who says it is silent, out of whom. */
  readonly silentVotes: number;
  readonly voters: number;
  /** Result of the SSH look that was taken when it became suspect; null: none yet. */
  readonly probe: { readonly answered: boolean; readonly bootId: string | null; readonly runningUuids: readonly string[]; readonly atMs: number } | null;
  /** An agent that says good-bye before an orderly stop. */
  readonly leaving: boolean;
  /** What it says good-bye for; null: it says none. `stop`: the agent alone, its host stays. */
  readonly leavingPurpose: Leaving | null;
  /** Its host is going down in order, and its agent works on until the good-bye; null: it says no such thing, or has said good-bye. */
  readonly goingDown: GoingDown | null;
  /** Workloads whose processes ran there by its newest word; null: it did not say. */
  readonly runningUuids: readonly string[] | null;
  /** What its newest heartbeat says about its lease; null: none heard since our start. */
  readonly lease: { readonly held: boolean; readonly enforcing: boolean; readonly voterEpoch: number | null; readonly hostEpoch: number | null } | null;
  readonly load: { readonly load1: number; readonly freeMemoryMiB: number } | null;
}

export interface ClusterVerdict {
  /** Rises with each judgement. */
  readonly hosts: readonly HostVerdict[];
  /** Do we hear a majority of voters (us included)? */
  readonly quorum: boolean;
  readonly quorumEvidence: string;
  /** False during start-up grace or after an own stall: nobody may be declared silent. */
  readonly trusted: boolean;
  /** Not trusted because we did not listen ourselves for a while, not because we have just started. */
  readonly ownStall: boolean;
  readonly trustEvidence: string;
  /** Ids of the witnesses that are heard, ourselves included, in order. */
  readonly witnesses: readonly string[];
}
