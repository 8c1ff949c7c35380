// Heartbeats and reports as bytes: what members of a cluster send each other over UDP, signed with the sender's key.
import { fail, ok, type Result } from '../shared/result.js';
import { ByteReader, ByteWriter, EndOfBytes, uuidBytes, uuidText } from './wire.js';

/** What every message says about its sender. A message is made for one recipient, so that a copy sent to another is refused. */
export interface MessageHead {
  /** hash64 of the cluster's, the sender's and the recipient's id. */
  readonly cluster: bigint;
  readonly sender: bigint;
  readonly recipient: bigint;
  readonly role: 'host' | 'witness';
  /** Index of the link it is sent on. */
  readonly link: number;
  /** The sender stops in order: silence that follows is meant. */
  readonly leaving: boolean;
  /** The sender has just started or stalled: what it does not hear says nothing. */
  readonly blind: boolean;
  readonly bootId: string;
  /** Rises with each start of the sender's process; with `sequence` it refuses replays. */
  readonly startStamp: number;
  readonly sequence: number;
  readonly monotonicMs: number;
  readonly hostEpoch: number | null;
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

export type Message = Heartbeat | Report;

/** HMAC-SHA256 of the data with the key: 32 bytes. Passed in, so that this file needs no library. */
export type Hmac = (key: Uint8Array, data: Uint8Array) => Uint8Array;

export type MessageRefusal = 'size' | 'not-reeve' | 'version' | 'other-cluster' | 'unknown-sender' | 'other-recipient' | 'signature' | 'malformed';

const MAGIC = 0x52657665; // "Reve"
const VERSION = 1;
const SIGNATURE_BYTES = 32;
/** Stays in one frame on every network with an MTU of 1500, tunnels included. */
export const MAX_MESSAGE_BYTES = 1_400;
/** Hosts and witnesses together; with four links their hearing just fits one message. */
export const MAX_MEMBERS = 96;
export const MAX_LINKS = 4;
export const UUIDS_PER_CHUNK = 60;
export const MAX_CHUNKS = 255;
/** Ages above are all the same: long ago. */
export const MAX_AGE_MS = 65_535;
const NONE = 0xffff_ffff;

const LEAVING = 1;
const BLIND = 2;
const WITNESS = 4;
const REPORT = 8;
const KNOWN_FLAGS = LEAVING | BLIND | WITNESS | REPORT;

export function encodeMessage(message: Message, key: Uint8Array, hmac: Hmac): Uint8Array {
  const writer = new ByteWriter(MAX_MESSAGE_BYTES);
  writeHead(writer, message);
  if (message.kind === 'heartbeat') writeHeartbeat(writer, message);
  else writeReport(writer, message);
  writer.bytes(hmac(key, writer.written()));
  return writer.written();
}

function writeHead(writer: ByteWriter, head: Message): void {
  writer.u32(MAGIC);
  writer.u8(VERSION);
  writer.u8((head.leaving ? LEAVING : 0) | (head.blind ? BLIND : 0) | (head.role === 'witness' ? WITNESS : 0) | (head.kind === 'report' ? REPORT : 0));
  writer.u8(head.link);
  writer.u64(head.cluster);
  writer.u64(head.sender);
  writer.u64(head.recipient);
  writer.bytes(uuidBytes(head.bootId));
  writer.u64(BigInt(head.startStamp));
  writer.u64(BigInt(head.sequence));
  writer.u64(BigInt(Math.floor(head.monotonicMs)));
  writer.u32(head.hostEpoch ?? NONE);
}

function writeHeartbeat(writer: ByteWriter, { load1, freeMemoryMiB, ack, hearing }: Heartbeat): void {
  writer.u32(Math.min(Math.round(load1 * 100), NONE));
  writer.u32(Math.min(Math.round(freeMemoryMiB), NONE));
  writer.u64(BigInt(ack?.startStamp ?? 0));
  writer.u64(BigInt(ack?.sequence ?? 0));
  writer.u32(ack ? Math.min(Math.round(ack.ageMs), NONE - 1) : NONE);
  writer.u8(hearing.length);
  for (const peer of hearing) {
    writer.u32(peer.member);
    writer.u8(peer.ageMs.length);
    for (const ageMs of peer.ageMs) writer.u16(Math.min(Math.round(ageMs), MAX_AGE_MS));
  }
}

function writeReport(writer: ByteWriter, report: Report): void {
  writer.u32(report.number);
  writer.u8(report.chunk);
  writer.u8(report.chunks);
  writer.u8(report.uuids.length);
  for (const uuid of report.uuids) writer.bytes(uuidBytes(uuid));
}

export interface Reader {
  /** hash64 of our cluster's id and of our own. */
  readonly cluster: bigint;
  readonly recipient: bigint;
  /** The key of a member by its hash; null: no member of ours. */
  readonly keyOf: (sender: bigint) => Uint8Array | null;
  readonly hmac: Hmac;
}

/** The message, if it is whole, meant for us and signed by a member. Replays are for the ReplayGuard to refuse. */
export function decodeMessage(bytes: Uint8Array, reader: Reader): Result<Message, MessageRefusal> {
  if (bytes.byteLength <= SIGNATURE_BYTES || bytes.byteLength > MAX_MESSAGE_BYTES) return fail('size');
  const signed = bytes.subarray(0, bytes.byteLength - SIGNATURE_BYTES);
  try {
    return decodeSigned(new ByteReader(signed), reader, (key) => sameBytes(reader.hmac(key, signed), bytes.subarray(signed.byteLength)));
  } catch (error) {
    if (error instanceof EndOfBytes) return fail('malformed');
    throw error;
  }
}

function decodeSigned(bytes: ByteReader, reader: Reader, isSignedWith: (key: Uint8Array) => boolean): Result<Message, MessageRefusal> {
  if (bytes.u32() !== MAGIC) return fail('not-reeve');
  if (bytes.u8() !== VERSION) return fail('version');
  const flags = bytes.u8();
  const link = bytes.u8();
  const [cluster, sender, recipient] = [bytes.u64(), bytes.u64(), bytes.u64()];
  if (cluster !== reader.cluster) return fail('other-cluster');
  const key = reader.keyOf(sender);
  if (!key) return fail('unknown-sender');
  if (!isSignedWith(key)) return fail('signature');
  if (recipient !== reader.recipient) return fail('other-recipient');
  const [bootId, startStamp, sequence, monotonicMs, epoch] = [uuidText(bytes.bytes(16)), Number(bytes.u64()), Number(bytes.u64()), Number(bytes.u64()), bytes.u32()];
  if ((flags & ~KNOWN_FLAGS) !== 0 || link >= MAX_LINKS) return fail('malformed');
  const head: MessageHead = {
    cluster, sender, recipient, role: flags & WITNESS ? 'witness' : 'host', link, leaving: (flags & LEAVING) !== 0, blind: (flags & BLIND) !== 0,
    bootId, startStamp, sequence, monotonicMs, hostEpoch: epoch === NONE ? null : epoch,
  };
  const message = flags & REPORT ? readReport(bytes, head) : readHeartbeat(bytes, head);
  return bytes.left === 0 ? ok(message) : fail('malformed');
}

function readHeartbeat(bytes: ByteReader, head: MessageHead): Heartbeat {
  const [load1, freeMemoryMiB] = [bytes.u32() / 100, bytes.u32()];
  const [startStamp, sequence, ageMs] = [Number(bytes.u64()), Number(bytes.u64()), bytes.u32()];
  const hearing = Array.from({ length: bytes.u8() }, () => {
    const member = bytes.u32();
    return { member, ageMs: Array.from({ length: bytes.u8() }, () => bytes.u16()) };
  });
  return { ...head, kind: 'heartbeat', load1, freeMemoryMiB, ack: ageMs === NONE ? null : { startStamp, sequence, ageMs }, hearing };
}

function readReport(bytes: ByteReader, head: MessageHead): Report {
  const [number, chunk, chunks] = [bytes.u32(), bytes.u8(), bytes.u8()];
  const uuids = Array.from({ length: bytes.u8() }, () => uuidText(bytes.bytes(16)));
  return { ...head, kind: 'report', number, chunk, chunks, uuids };
}

/** In constant time: how far a forged signature is right must not show. */
function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.byteLength !== right.byteLength) return false;
  let difference = 0;
  for (let at = 0; at < left.byteLength; at++) difference |= (left[at] ?? 0) ^ (right[at] ?? 0);
  return difference === 0;
}
