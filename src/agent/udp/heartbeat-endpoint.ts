// HeartbeatEndpoint: sends signed messages to all members on every link, and hands over those of theirs that are genuine.
// Agents and the control plane (as a witness) use the same one.
import { createHmac } from 'node:crypto';
import type { AgentMember } from '../../hosts/host-agent.js';
import type { MessageHead } from '../../cluster/heartbeat-message.js';
import { decodeMessage, encodeMessage, type MessageRefusal } from '../../cluster/message-codec.js';
import { ReplayGuard } from '../../cluster/replay-guard.js';
import { hash64, hexBytes } from '../../cluster/wire.js';
import type { EndpointIdentity, Flags, MessageBody, OpenTransport, SocketAddress, Transport, TransportEvents } from '../transport.js';
import { LinkSocket } from './link-socket.js';

/** Refused messages are said at most so often per cause, or a stranger could fill the log. */
const REFUSAL_LOG_MS = 60_000;

const hmac = (key: Uint8Array, data: Uint8Array): Uint8Array => createHmac('sha256', key).update(data).digest();

interface Known {
  readonly member: AgentMember;
  readonly hash: bigint;
  readonly key: Uint8Array;
}

export const openUdp: OpenTransport = (identity, events) => new HeartbeatEndpoint(identity, events);

class HeartbeatEndpoint implements Transport {
  #identity: EndpointIdentity;
  /** Made of the identity once, not for each of hundreds of messages a second. */
  #own: { readonly cluster: bigint; readonly self: bigint; readonly key: Uint8Array };
  #sockets: readonly LinkSocket[] = [];
  #known = new Map<bigint, Known>();
  #byId = new Map<string, Known>();
  readonly #replays = new ReplayGuard();
  readonly #refusalSaidAt = new Map<string, number>();
  #sequence = 0;

  constructor(
    identity: EndpointIdentity,
    private readonly ports: TransportEvents,
  ) {
    this.#identity = identity;
    this.#own = ownOf(identity);
  }

  /** Another key or cluster; start stamp and sequence go on. */
  setIdentity(identity: Omit<EndpointIdentity, 'startStamp' | 'bootId'>): void {
    this.#identity = { ...this.#identity, ...identity };
    this.#own = ownOf(identity);
  }

  /** One socket per link. Sockets on addresses that stay are kept open. */
  async listen(addresses: readonly SocketAddress[]): Promise<void> {
    const old = [...this.#sockets];
    const wanted = (socket: LinkSocket): boolean => addresses.some((at) => isSame(at, socket.at));
    for (const socket of old.filter((one) => !wanted(one))) socket.close();
    this.#sockets = addresses.map((at) => old.find((socket) => isSame(at, socket.at)) ?? this.#openSocket(at));
    await Promise.all(this.#sockets.map((socket) => socket.ready()));
  }

  setMembers(members: readonly AgentMember[]): void {
    const known = members
      .filter((member) => member.id !== this.#identity.id)
      .map((member): Known => ({ member, hash: hash64(member.id), key: hexBytes(member.keyHex) }));
    const next = new Map(known.map((one) => [one.hash, one]));
    for (const [hash, before] of this.#known) {
      if (next.get(hash)?.member.keyHex !== before.member.keyHex) this.#replays.forget(hash);
    }
    this.#known = next;
    this.#byId = new Map(known.map((one) => [one.member.id, one]));
  }

  get members(): readonly AgentMember[] {
    return [...this.#known.values()].map((one) => one.member);
  }

  get nextSequence(): number {
    return this.#sequence + 1;
  }

  /** Sends to one member on each link that we share; the body is made for each link. */
  send(toId: string, flags: Flags, bodyFor: (link: number) => MessageBody): void {
    const to = this.#byId.get(toId);
    if (!to || this.#sockets.length === 0) return;
    to.member.links.forEach((address, link) => {
      // One socket on a wildcard address may serve all links.
      const socket = this.#sockets[Math.min(link, this.#sockets.length - 1)];
      socket?.send(encodeMessage({ ...this.#head(to.hash, link, flags), ...bodyFor(link) }, this.#own.key, hmac), address);
    });
  }

  /** Addresses that are not open, with the cause. */
  troubles(): readonly string[] {
    return this.#sockets.flatMap((socket) => socket.trouble ?? []);
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
    this.#sockets = [];
  }

  #head(recipient: bigint, link: number, flags: Flags): MessageHead {
    const { role, bootId, startStamp } = this.#identity;
    const { cluster, self } = this.#own;
    this.#sequence += 1;
    return { cluster, sender: self, recipient, role, link, bootId, startStamp, sequence: this.#sequence, monotonicMs: this.ports.monotonicMs(), ...flags };
  }

  #openSocket(at: SocketAddress): LinkSocket {
    return new LinkSocket(at, { onMessage: (bytes) => this.#received(bytes, at), onTrouble: this.ports.log });
  }

  #received(bytes: Uint8Array, at: SocketAddress): void {
    const { cluster, self } = this.#own;
    const decoded = decodeMessage(bytes, { cluster, recipient: self, keyOf: (sender) => this.#known.get(sender)?.key ?? null, hmac });
    if (!decoded.ok) {
      this.#refused(decoded.error, at);
      return;
    }
    const from = this.#known.get(decoded.value.sender);
    if (!from) return;
    if (this.#replays.accept(decoded.value)) this.ports.onMessage(from.member.id, decoded.value);
    else this.#refused('replay', at);
  }

  #refused(why: MessageRefusal | 'replay', at: SocketAddress): void {
    const nowMs = this.ports.monotonicMs();
    if (nowMs - (this.#refusalSaidAt.get(why) ?? -Infinity) < REFUSAL_LOG_MS) return;
    this.#refusalSaidAt.set(why, nowMs);
    this.ports.log(`a message on ${at.address} was refused: ${REFUSALS[why]}`);
  }
}

const REFUSALS: { readonly [R in MessageRefusal | 'replay']: string } = {
  size: 'its size is not that of a heartbeat',
  'not-reeve': 'it is not from Reeve',
  version: 'it has another protocol version; is an agent older than the control plane?',
  'other-cluster': 'it is from another cluster on the same network',
  'unknown-sender': 'its sender is no member of this cluster',
  'other-recipient': 'it was made for another member',
  signature: 'its signature is wrong; the keys differ, or somebody forges heartbeats',
  malformed: 'it is malformed',
  replay: 'it is a copy, or older than one that came before',
};

function ownOf({ clusterId, id, keyHex }: Pick<EndpointIdentity, 'clusterId' | 'id' | 'keyHex'>): { cluster: bigint; self: bigint; key: Uint8Array } {
  return { cluster: hash64(clusterId), self: hash64(id), key: hexBytes(keyHex) };
}

function isSame(left: SocketAddress, right: SocketAddress): boolean {
  return left.address === right.address && left.port === right.port;
}
