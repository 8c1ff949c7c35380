// Heartbeat messages: nothing is lost on the way, and nothing that was touched gets in.
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_LINKS, MAX_MEMBERS, UUIDS_PER_CHUNK, type Message } from './heartbeat-message.js';
import { decodeMessage, encodeMessage, MAX_AGE_MS, MAX_MESSAGE_BYTES, type Reader } from './message-codec.js';
import { hash64, hexBytes } from './wire.js';

const hmac = (key: Uint8Array, data: Uint8Array): Uint8Array => createHmac('sha256', key).update(data).digest();
const key = hexBytes('ab'.repeat(32));
const reader: Reader = { cluster: hash64('cluster'), recipient: hash64('me'), keyOf: (sender) => (sender === hash64('you') ? key : null), hmac };

const going = fc.constantFrom(
  ...([null, 'stop', 'shutdown', 'reboot'] as const).map((leaving) => ({ leaving, goingDown: null })),
  ...(['shutdown', 'reboot'] as const).map((goingDown) => ({ leaving: null, goingDown })),
);
const head = fc.tuple(going, fc.record({
  cluster: fc.constant(hash64('cluster')), sender: fc.constant(hash64('you')), recipient: fc.constant(hash64('me')), role: fc.constantFrom('host' as const, 'witness' as const),
  link: fc.nat(MAX_LINKS - 1), blind: fc.boolean(), bootId: fc.uuid(), startStamp: fc.maxSafeNat(), sequence: fc.maxSafeNat(), monotonicMs: fc.maxSafeNat(),
  hostEpoch: fc.option(fc.nat(), { nil: null }), voterEpoch: fc.option(fc.nat(), { nil: null }), leaseHeld: fc.boolean(), enforcing: fc.boolean(), excludes: fc.boolean(),
})).map(([first, rest]) => ({ ...first, ...rest }));
const age = fc.nat(MAX_AGE_MS);
const heartbeat = fc.tuple(head, fc.record({
  load1: fc.nat(100_000).map((hundredths) => hundredths / 100), freeMemoryMiB: fc.nat(), ack: fc.option(fc.record({ startStamp: fc.maxSafeNat(), sequence: fc.maxSafeNat(), ageMs: fc.nat() }), { nil: null }),
  hearing: fc.array(fc.record({ member: fc.nat(), ageMs: fc.array(age, { maxLength: MAX_LINKS }) }), { maxLength: MAX_MEMBERS }),
})).map(([first, rest]): Message => ({ ...first, kind: 'heartbeat', ...rest }));
const report = fc.tuple(head, fc.record({ number: fc.nat(), chunk: fc.nat(255), chunks: fc.nat(255), uuids: fc.array(fc.uuid(), { maxLength: UUIDS_PER_CHUNK }) }))
  .map(([first, rest]): Message => ({ ...first, kind: 'report', ...rest }));
const hash = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const exclude = fc.tuple(head, fc.record({ member: hash, epoch: fc.nat(), leaderEpoch: fc.nat() })).map(([first, rest]): Message => ({ ...first, kind: 'exclude', ...rest }));
const promise = fc.tuple(head, fc.record({ member: hash, epoch: fc.nat(), memberEnforcing: fc.constantFrom(null, true, false) })).map(([first, rest]): Message => ({ ...first, kind: 'promise', ...rest }));
const message = fc.oneof(heartbeat, report, exclude, promise);

describe('heartbeat messages', () => {
  it('arrive as they were sent, and fit a datagram', () => {
    fc.assert(fc.property(message, (sent) => {
      const bytes = encodeMessage(sent, key, hmac);
      expect(bytes.byteLength).toBeLessThanOrEqual(MAX_MESSAGE_BYTES);
      expect(decodeMessage(bytes, reader)).toEqual({ ok: true, value: sent });
    }));
  });

  it('are refused when any one bit was flipped', () => {
    fc.assert(fc.property(message, fc.nat(), fc.nat(7), (sent, where, bit) => {
      const bytes = Uint8Array.from(encodeMessage(sent, key, hmac));
      const at = where % bytes.byteLength;
      bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
      expect(decodeMessage(bytes, reader).ok).toBe(false);
    }), { numRuns: 400 });
  });

  it('are refused when cut short or made longer', () => {
    fc.assert(fc.property(message, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 40 }), (sent, where, more) => {
      const bytes = encodeMessage(sent, key, hmac);
      expect(decodeMessage(bytes.subarray(0, where % bytes.byteLength), reader).ok).toBe(false);
      expect(decodeMessage(Uint8Array.from([...bytes, ...more]), reader).ok).toBe(false);
    }));
  });

  it('are refused when a member signs more than belongs there', () => {
    fc.assert(fc.property(message, (sent) => {
      const body = encodeMessage(sent, key, hmac).subarray(0, -32);
      const longer = Uint8Array.from([...body, 0]);
      const refusal = longer.byteLength + 32 > MAX_MESSAGE_BYTES ? 'size' : 'malformed';
      expect(decodeMessage(Uint8Array.from([...longer, ...hmac(key, longer)]), reader)).toEqual({ ok: false, error: refusal });
    }));
  });

  it('never make the reader throw, whatever arrives', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 1_500 }), (bytes) => {
      expect(decodeMessage(bytes, reader).ok).toBe(false);
    }));
    // The same behind a right beginning and a right signature: a member of ours with a bug.
    fc.assert(fc.property(message, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 30 }), (sent, where, junk) => {
      const whole = encodeMessage(sent, key, hmac);
      const body = Uint8Array.from([...whole.subarray(0, 47 + (where % (whole.byteLength - 47 - 32))), ...junk]).subarray(0, MAX_MESSAGE_BYTES - 32);
      expect(() => decodeMessage(Uint8Array.from([...body, ...hmac(key, body)]), reader)).not.toThrow();
    }));
  });

  it.each([
    ['another cluster', { cluster: hash64('other') }, 'other-cluster'],
    ['a stranger', { sender: hash64('stranger') }, 'unknown-sender'],
    ['a message to somebody else', { recipient: hash64('her') }, 'other-recipient'],
  ])('refuse %s', (_what, change, refusal) => {
    const [sent] = fc.sample(heartbeat, { numRuns: 1, seed: 1 });
    if (!sent) throw new Error('no sample');
    expect(decodeMessage(encodeMessage({ ...sent, ...change }, key, hmac), reader)).toEqual({ ok: false, error: refusal });
  });

  it('refuse a wrong key', () => {
    const [sent] = fc.sample(heartbeat, { numRuns: 1, seed: 2 });
    if (!sent) throw new Error('no sample');
    expect(decodeMessage(encodeMessage(sent, hexBytes('cd'.repeat(32)), hmac), reader)).toEqual({ ok: false, error: 'signature' });
  });
});
