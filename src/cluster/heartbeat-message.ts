// What members of a cluster tell each other over UDP: heartbeats, reports, exclusions and promises.

/** How a whole host goes down in order. */
export type GoingDown = 'shutdown' | 'reboot';

/** Why a member goes silent on purpose: its process is stopped, or the whole host goes down. */
export type Leaving = 'stop' | GoingDown;

/** What every message says about its sender. A message is made for one recipient, so that a copy sent to another is refused. */
export interface MessageHead {
  /** hash64 of the cluster's, the sender's and the recipient's id. */
  readonly cluster: bigint;
  readonly sender: bigint;
  readonly recipient: bigint;
  readonly role: 'host' | 'witness';
  /** Index of the link it is sent on. */
  readonly link: number;
  /** The sender stops in order: silence that follows is meant. Null: it stays. */
  readonly leaving: Leaving | null;
  /** The sender's host is going down in order, and the sender works on until it says good-bye (`leaving`). Null together with a good-bye. */
  readonly goingDown: GoingDown | null;
  /** The sender has just started or stalled: what it does not hear says nothing. */
  readonly blind: boolean;
  readonly bootId: string;
  /** Rises with each start of the sender's process; with `sequence` it refuses replays. */
  readonly startStamp: number;
  readonly sequence: number;
  readonly monotonicMs: number;
  readonly hostEpoch: number | null;
  /** The set of voters by which the sender judges its lease; null: it has none. */
  readonly voterEpoch: number | null;
  /** The sender holds its quorum lease now. */
  readonly leaseHeld: boolean;
  /** The sender ends its protected workloads when the lease does, and a watchdog does it if the sender can't. */
  readonly enforcing: boolean;
  /** The recipient's lease is not acknowledged: the sender has promised to exclude it at its epoch. */
  readonly excludes: boolean;
}

/** The recipient's newest message that the sender has received on this link. */
export interface Ack {
  readonly startStamp: number;
  readonly sequence: number;
  readonly ageMs: number;
}

/** How long ago the sender last had a two-way exchange with a member, per link. */
export interface PeerHearing {
  /** Low 32 bits of hash64 of the member's id. */
  readonly member: number;
  readonly ageMs: readonly number[];
}

export interface Heartbeat extends MessageHead {
  readonly kind: 'heartbeat';
  readonly load1: number;
  readonly freeMemoryMiB: number;
  readonly ack: Ack | null;
  readonly hearing: readonly PeerHearing[];
}

/** The workloads that run at the sender, in chunks that fit a datagram. */
export interface Report extends MessageHead {
  readonly kind: 'report';
  /** The same for all chunks of one report. */
  readonly number: number;
  readonly chunk: number;
  readonly chunks: number;
  readonly uuids: readonly string[];
}

/** A witness asks a voter never again to acknowledge a host at this epoch or an older one. */
export interface Exclude extends MessageHead {
  readonly kind: 'exclude';
  /** hash64 of the host's id. */
  readonly member: bigint;
  readonly epoch: number;
  readonly leaderEpoch: number;
}

/** A voter has written down that it acknowledges this host at no epoch up to this one. */
export interface PromiseMade extends MessageHead {
  readonly kind: 'promise';
  readonly member: bigint;
  readonly epoch: number;
  /** What the host last said to this voter about its own enforcing; null: it said nothing since. */
  readonly memberEnforcing: boolean | null;
}

export type Message = Heartbeat | Report | Exclude | PromiseMade;

/** Hosts and witnesses together; with four links their hearing just fits one message. */
export const MAX_MEMBERS = 96;
export const MAX_LINKS = 4;
export const UUIDS_PER_CHUNK = 60;
export const MAX_CHUNKS = 255;
