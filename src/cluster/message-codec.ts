// The messages of members as bytes, signed with the sender's key; whatever is not whole, ours and genuine is refused by name.
import { fail, ok, type Result } from '../shared/result.js';
import { MAX_LINKS, type GoingDown, type Heartbeat, type Leaving, type Message, type MessageHead, type Report } from './heartbeat-message.js';
import { ByteReader, ByteWriter, EndOfBytes, uuidBytes, uuidText } from './wire.js';

/** HMAC-SHA256 of the data with the key: 32 bytes. Passed in, so that this file needs no library. */
export type Hmac = (key: Uint8Array, data: Uint8Array) => Uint8Array;

export type MessageRefusal = 'size' | 'not-reeve' | 'version' | 'other-cluster' | 'unknown-sender' | 'other-recipient' | 'signature' | 'malformed';

const MAGIC = 0x52657665; // "Reve"
const VERSION = 2;
const SIGNATURE_BYTES = 32;
/** Stays in one frame on every network with an MTU of 1500, tunnels included. */
export const MAX_MESSAGE_BYTES = 1_400;
/** Ages above are all the same: long ago. */
export const MAX_AGE_MS = 65_535;
const NONE = 0xffff_ffff;

const FLAG = { blind: 1, witness: 2, leaseHeld: 4, enforcing: 8, excludes: 16, atWork: 128 };
const LEAVING_SHIFT = 5;
const LEAVINGS: readonly (Leaving | null)[] = [null, 'stop', 'shutdown', 'reboot'];
const LEAVING_MASK = 0b11;
const KINDS: readonly Message['kind'][] = ['heartbeat', 'report', 'exclude', 'promise'];
const ENFORCING: readonly (boolean | null)[] = [null, false, true];

export function encodeMessage(message: Message, key: Uint8Array, hmac: Hmac): Uint8Array {
  const writer = new ByteWriter(MAX_MESSAGE_BYTES);
  writeHead(writer, message);
  writeBody(writer, message);
  writer.bytes(hmac(key, writer.written()));
  return writer.written();
}

function writeHead(writer: ByteWriter, head: Message): void {
  writer.u32(MAGIC);
  writer.u8(VERSION);
  writer.u8(KINDS.indexOf(head.kind));
  writer.u8(flagsOf(head));
  writer.u8(head.link);
  writer.u64(head.cluster);
  writer.u64(head.sender);
  writer.u64(head.recipient);
  writer.bytes(uuidBytes(head.bootId));
  writer.u64(BigInt(head.startStamp));
  writer.u64(BigInt(head.sequence));
  writer.u64(BigInt(Math.floor(head.monotonicMs)));
  writer.u32(head.hostEpoch ?? NONE);
  writer.u32(head.voterEpoch ?? NONE);
}

function flagsOf(head: MessageHead): number {
  const set = (is: boolean, flag: number): number => (is ? flag : 0);
  return (
    set(head.blind, FLAG.blind) | set(head.role === 'witness', FLAG.witness) | set(head.leaseHeld, FLAG.leaseHeld) | set(head.enforcing, FLAG.enforcing) |
    set(head.excludes, FLAG.excludes) | set(head.leaving === null && head.goingDown !== null, FLAG.atWork) | (LEAVINGS.indexOf(head.leaving ?? head.goingDown) << LEAVING_SHIFT)
  );
}

function writeBody(writer: ByteWriter, message: Message): void {
  switch (message.kind) {
    case 'heartbeat':
      return writeHeartbeat(writer, message);
    case 'report':
      return writeReport(writer, message);
    case 'exclude':
      writer.u64(message.member);
      writer.u32(message.epoch);
      return writer.u32(message.leaderEpoch);
    case 'promise':
      writer.u64(message.member);
      writer.u32(message.epoch);
      return writer.u8(ENFORCING.indexOf(message.memberEnforcing));
  }
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
  const kind = KINDS[bytes.u8()];
  const flags = bytes.u8();
  const link = bytes.u8();
  const [cluster, sender, recipient] = [bytes.u64(), bytes.u64(), bytes.u64()];
  if (cluster !== reader.cluster) return fail('other-cluster');
  const key = reader.keyOf(sender);
  if (!key) return fail('unknown-sender');
  if (!isSignedWith(key)) return fail('signature');
  if (recipient !== reader.recipient) return fail('other-recipient');
  const [bootId, startStamp, sequence, monotonicMs] = [uuidText(bytes.bytes(16)), Number(bytes.u64()), Number(bytes.u64()), Number(bytes.u64())];
  const [epoch, voterEpoch] = [bytes.u32(), bytes.u32()];
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const going = goingOf(LEAVINGS[(flags >> LEAVING_SHIFT) & LEAVING_MASK] ?? null, has(FLAG.atWork));
  if (kind === undefined || going === null || link >= MAX_LINKS) return fail('malformed');
  const head: MessageHead = {
    cluster, sender, recipient, role: has(FLAG.witness) ? 'witness' : 'host', link, ...going, blind: has(FLAG.blind),
    bootId, startStamp, sequence, monotonicMs, hostEpoch: orNone(epoch), voterEpoch: orNone(voterEpoch),
    leaseHeld: has(FLAG.leaseHeld), enforcing: has(FLAG.enforcing), excludes: has(FLAG.excludes),
  };
  const message = readBody(kind, bytes, head);
  return bytes.left === 0 && message !== null ? ok(message) : fail('malformed');
}

/** Only a host that goes down can be at work still; null: that makes no sense. */
function goingOf(purpose: Leaving | null, isAtWork: boolean): { readonly leaving: Leaving | null; readonly goingDown: GoingDown | null } | null {
  if (!isAtWork) return { leaving: purpose, goingDown: null };
  return purpose === null || purpose === 'stop' ? null : { leaving: null, goingDown: purpose };
}

const orNone = (value: number): number | null => (value === NONE ? null : value);

function readBody(kind: Message['kind'], bytes: ByteReader, head: MessageHead): Message | null {
  switch (kind) {
    case 'heartbeat':
      return readHeartbeat(bytes, head);
    case 'report':
      return readReport(bytes, head);
    case 'exclude':
      return { ...head, kind, member: bytes.u64(), epoch: bytes.u32(), leaderEpoch: bytes.u32() };
    case 'promise': {
      const [member, epoch, enforcing] = [bytes.u64(), bytes.u32(), ENFORCING[bytes.u8()]];
      return enforcing === undefined ? null : { ...head, kind, member, epoch, memberEnforcing: enforcing };
    }
  }
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
