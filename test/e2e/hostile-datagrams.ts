// What a stranger who knows everything but the keys may send: forged with a key of its own, copied, sent to somebody else, damaged, and noise.
import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import type { Datagram } from '../../lab/hostile-udp.js';
import type { Message, MessageHead } from '../../src/cluster/heartbeat-message.js';
import { encodeMessage, MAX_MESSAGE_BYTES } from '../../src/cluster/message-codec.js';
import { hash64 } from '../../src/cluster/wire.js';
import type { AgentConfig, AgentMember } from '../../src/hosts/host-agent.js';

const hmac = (key: Uint8Array, data: Uint8Array): Uint8Array => createHmac('sha256', key).update(data).digest();
/** Higher than anything that is in use: were it believed, it would be the newest. */
const HIGHEST = 2 ** 31;

type Body = { [K in Message['kind']]: Omit<Extract<Message, { kind: K }>, keyof MessageHead> }[Message['kind']];

export function hostileDatagrams(config: AgentConfig, recorded: readonly Datagram[]): readonly Datagram[] {
  const self: AgentMember = { id: config.hostId, name: config.name, role: 'host', keyHex: config.keyHex, links: config.listen };
  const members = [...config.members.filter((one) => one.id !== self.id), self];
  const addresses = members.flatMap((one) => one.links);
  const noise = (): readonly string[] => [0, 1, 31, 32, 33, 64, 200, 1_200, MAX_MESSAGE_BYTES + 1].map((size) => randomBytes(size).toString('hex'));
  return [
    ...members.flatMap((to) => forgedTo(to, config, members)),
    ...recorded,
    ...recorded.flatMap(({ hex, address }) => addresses.filter((at) => at.address !== address).map((at) => ({ ...at, hex }))),
    ...recorded.flatMap((one) => [2, 4, 6, 40, 80].map((at) => ({ ...one, hex: flipped(one.hex, at) }))),
    ...recorded.slice(0, 5).flatMap((one) => [40, 100, one.hex.length - 2].map((length) => ({ ...one, hex: one.hex.slice(0, length) }))),
    ...addresses.flatMap((at) => noise().map((hex) => ({ ...at, hex }))),
  ];
}

/** In the name of each other member, of nobody we know, and of another cluster. */
function forgedTo(to: AgentMember, { clusterId }: AgentConfig, members: readonly AgentMember[]): readonly Datagram[] {
  const others = members.filter((one) => one.id !== to.id);
  const frames = [
    ...others.flatMap((from) => bodiesAgainst(others).map((body) => frame({ cluster: hash64(clusterId), sender: hash64(from.id), recipient: hash64(to.id), role: from.role }, body))),
    frame({ cluster: hash64(clusterId), sender: hash64('nobody'), recipient: hash64(to.id), role: 'witness' }, LAST_WORDS),
    frame({ cluster: hash64('another'), sender: hash64(others[0]?.id ?? ''), recipient: hash64(to.id), role: 'host' }, LAST_WORDS),
  ];
  return frames.flatMap((hex) => to.links.map(({ address, port }) => ({ address, port, hex })));
}

const LAST_WORDS: Body = { kind: 'heartbeat', load1: 0, freeMemoryMiB: 0, ack: null, hearing: [] };

/** A good-bye, nothing running, every host excluded, and everybody's promise to that. */
function bodiesAgainst(members: readonly AgentMember[]): readonly Body[] {
  return [
    LAST_WORDS,
    { kind: 'report', number: HIGHEST, chunk: 0, chunks: 1, uuids: [] },
    ...members.flatMap(({ id }): readonly Body[] => [
      { kind: 'exclude', member: hash64(id), epoch: HIGHEST, leaderEpoch: HIGHEST },
      { kind: 'promise', member: hash64(id), epoch: HIGHEST, memberEnforcing: true },
    ]),
  ];
}

function frame(who: Pick<MessageHead, 'cluster' | 'sender' | 'recipient' | 'role'>, body: Body): string {
  const head: MessageHead = {
    ...who, link: 0, leaving: 'shutdown', goingDown: null, blind: false, bootId: randomUUID(), startStamp: HIGHEST * 1_000, sequence: HIGHEST, monotonicMs: HIGHEST,
    hostEpoch: HIGHEST, voterEpoch: HIGHEST, leaseHeld: false, enforcing: true, excludes: true,
  };
  return Buffer.from(encodeMessage({ ...head, ...body } as Message, randomBytes(32), hmac)).toString('hex');
}

function flipped(hex: string, at: number): string {
  const bytes = Buffer.from(hex, 'hex');
  bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ 0x55;
  return bytes.toString('hex');
}
