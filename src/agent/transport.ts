// The Transport port: how a member's messages reach the others. Real adapter: udp/; simulated: sim/.
import type { Exclude, Heartbeat, Message, MessageHead, PromiseMade, Report } from '../cluster/heartbeat-message.js';
import type { AgentMember } from '../hosts/host-agent.js';

export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

export interface EndpointIdentity {
  readonly clusterId: string;
  readonly id: string;
  readonly role: 'host' | 'witness';
  readonly keyHex: string;
  readonly bootId: string;
  /** Rises with each start of this process, see nextStartStamp. */
  readonly startStamp: number;
}

export interface TransportEvents {
  readonly monotonicMs: () => number;
  /** A genuine message of a member, each at most once. */
  readonly onMessage: (fromId: string, message: Message) => void;
  readonly log: (line: string) => void;
}

/** What a message says besides who sends it to whom. */
export type HeartbeatBody = Pick<Heartbeat, 'kind' | 'load1' | 'freeMemoryMiB' | 'ack' | 'hearing'>;
export type ReportBody = Pick<Report, 'kind' | 'number' | 'chunk' | 'chunks' | 'uuids'>;
export type ExcludeBody = Pick<Exclude, 'kind' | 'member' | 'epoch' | 'leaderEpoch'>;
export type PromiseBody = Pick<PromiseMade, 'kind' | 'member' | 'epoch' | 'memberEnforcing'>;
export type MessageBody = HeartbeatBody | ReportBody | ExcludeBody | PromiseBody;
export type Flags = Pick<MessageHead, 'leaving' | 'goingDown' | 'blind' | 'hostEpoch' | 'voterEpoch' | 'leaseHeld' | 'enforcing' | 'excludes'>;

export interface Transport {
  readonly members: readonly AgentMember[];
  /** The sequence that the next message gets. */
  readonly nextSequence: number;
  /** Another key or cluster; start stamp and sequence go on. */
  setIdentity(identity: Omit<EndpointIdentity, 'startStamp' | 'bootId'>): void;
  setMembers(members: readonly AgentMember[]): void;
  /** One address per link. Resolves once each was tried. */
  listen(addresses: readonly SocketAddress[]): Promise<void>;
  /** Sends to one member on each link that we share; the body is made for each link. What gets lost is lost. */
  send(toId: string, flags: Flags, bodyFor: (link: number) => MessageBody): void;
  /** Addresses that are not open, with the cause. */
  troubles(): readonly string[];
  close(): void;
}

export type OpenTransport = (identity: EndpointIdentity, events: TransportEvents) => Transport;
