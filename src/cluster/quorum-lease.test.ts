// The lease and its end: counted from sending, by majorities; self-fence always comes before take-over.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Exclusion } from './exclusion.js';
import { majority } from './membership-votes.js';
import { NO_PROMISES, Promises, type KeptPromises } from './promises.js';
import { QuorumLease, type VoterSet } from './quorum-lease.js';
import { DEFAULT_TIMING_SETTINGS, deriveTiming, type Timing } from './timing.js';

const derived = deriveTiming(DEFAULT_TIMING_SETTINGS);
const timing: Timing = derived.ok ? derived.value : expect.fail('the defaults are safe');
const set = (...ids: readonly string[]): VoterSet => ({ epoch: 1, ids });

describe('the quorum lease', () => {
  const lease = (...ids: readonly string[]): QuorumLease => {
    const made = new QuorumLease('a', timing.leaseMs);
    made.setVoters(set(...ids));
    return made;
  };

  it('is not held before a majority has acknowledged anything', () => {
    const three = lease('a', 'b', 'c');
    expect(three.isHeld(0)).toBe(false);
    three.acknowledged('b', 1_000);
    expect(three.untilMs(1_100)).toBe(1_000 + timing.leaseMs);
  });

  it('counts from the sending of what a majority acknowledged, not from what one voter did', () => {
    const five = lease('a', 'b', 'c', 'd', 'e');
    five.acknowledged('b', 5_000);
    five.acknowledged('c', 3_000);
    five.acknowledged('d', 1_000);
    expect(five.untilMs(5_000)).toBe(3_000 + timing.leaseMs);
  });

  it('is not prolonged by an older acknowledgement, nor by one from outside the set', () => {
    const three = lease('a', 'b', 'c');
    three.acknowledged('b', 2_000);
    three.acknowledged('b', 1_000);
    three.acknowledged('x', 9_000);
    expect(three.untilMs(9_000)).toBe(2_000 + timing.leaseMs);
  });

  it('cannot be had by a host that is not in the set, and always by one that is alone', () => {
    expect(lease('b', 'c', 'd').isHeld(0)).toBe(false);
    expect(lease('a').isHeld(123_456)).toBe(true);
  });

  it('ignores a set that is older than the one it has', () => {
    const one = lease('a', 'b', 'c');
    one.setVoters({ epoch: 0, ids: ['a'] });
    expect(one.isHeld(0)).toBe(false);
  });
});

describe('promises', () => {
  function kept(initial: KeptPromises = NO_PROMISES): { promises: Promises; saved: () => KeptPromises } {
    let now = initial;
    return { promises: new Promises({ load: () => initial, save: (next) => void (now = next) }), saved: () => now };
  }

  it('hold through a restart', () => {
    const { promises, saved } = kept();
    expect(promises.promise({ hostId: 'h', epoch: 4, leaderEpoch: 2 })).toBe(true);
    const again = kept(saved()).promises;
    expect([again.isExcluded('h', 4), again.isExcluded('h', 3), again.isExcluded('h', 5), again.isExcluded('other', 1)]).toEqual([true, true, false, false]);
  });

  it('are refused to an older leader', () => {
    const { promises } = kept({ ...NO_PROMISES, leaderEpoch: 7 });
    expect(promises.promise({ hostId: 'h', epoch: 4, leaderEpoch: 6 })).toBe(false);
    expect(promises.isExcluded('h', 4)).toBe(false);
  });

  it('are not made when they cannot be written down', () => {
    const promises = new Promises({ load: () => NO_PROMISES, save: () => { throw new Error('disk full'); } });
    expect(() => promises.promise({ hostId: 'h', epoch: 1, leaderEpoch: 1 })).toThrow('disk full');
    expect(promises.isExcluded('h', 1)).toBe(false);
  });

  it('acknowledge no host that was not admitted, and no epoch that is over', () => {
    const { promises } = kept();
    promises.setLeastEpochs(new Map([['h', 3]]));
    expect([promises.isExcluded('h', null), promises.isExcluded('h', 2), promises.isExcluded('h', 3)]).toEqual([true, true, false]);
  });

  it('remember through a restart who enforces its lease no more, until it does again', () => {
    const first = kept();
    first.promises.heard('h', 1, true);
    first.promises.heard('h', 1, false);
    const second = kept(first.saved());
    expect(second.promises.isEnforcing('h')).toBe(false);
    second.promises.heard('h', 2, true);
    expect([second.promises.isEnforcing('h'), kept(second.saved()).promises.isEnforcing('h')]).toEqual([true, null]);
  });
});

describe('an exclusion', () => {
  const asked = { hostId: 'a', epoch: 5, leaderEpoch: 1 };
  const exclusion = (...sets: readonly VoterSet[]): Exclusion => {
    const made = new Exclusion(asked, timing);
    made.setVoters(sets);
    return made;
  };

  it('is over only after lease, watchdog and margin have passed since the promise that was needed', () => {
    const one = exclusion(set('a', 'b', 'c'));
    one.promised('b', 5, true, 1_000);
    expect(one.state(90_000)).toMatchObject({ kind: 'asking' });
    one.promised('c', 5, true, 2_000);
    expect(one.state(2_000 + timing.takeOverMs - 1)).toMatchObject({ kind: 'running-out' });
    expect(one.state(2_000 + timing.takeOverMs)).toMatchObject({ kind: 'over' });
  });

  it('counts no promise about an older epoch', () => {
    const one = exclusion(set('a', 'b', 'c'));
    one.promised('b', 4, true, 0);
    one.promised('c', 4, true, 0);
    expect(one.state(90_000).kind).toBe('asking');
  });

  it('must hold in every set of voters by which the host may judge', () => {
    const one = exclusion({ epoch: 1, ids: ['a', 'b', 'c'] }, { epoch: 2, ids: ['a', 'c', 'd', 'e', 'f'] });
    for (const id of ['c', 'd', 'e']) one.promised(id, 5, true, 0);
    expect(one.state(90_000).kind).toBe('asking');
    one.promised('b', 5, true, 1_000);
    expect(one.state(1_000 + timing.takeOverMs).kind).toBe('over');
  });

  it('proves nothing about a host that is in no set, or that does not enforce its lease', () => {
    expect(exclusion(set('b', 'c')).state(90_000).kind).toBe('asking');
    const stopped = exclusion(set('a', 'b', 'c'));
    stopped.promised('b', 5, true, 0);
    stopped.promised('c', 5, false, 0);
    expect(stopped.state(90_000).kind).toBe('unenforced');
    const unknown = exclusion(set('a', 'b', 'c'));
    unknown.promised('b', 5, null, 0);
    unknown.promised('c', 5, null, 0);
    expect(unknown.state(90_000).kind).toBe('unenforced');
  });

  it('a voter that once knew better does not forget by asking it again', () => {
    const one = exclusion(set('a', 'b', 'c'));
    one.promised('b', 5, false, 0);
    one.promised('b', 5, null, 0);
    one.promised('c', 5, true, 0);
    expect(one.state(90_000).kind).toBe('unenforced');
  });
});

/** What a host sees and what the other side concludes, in one history: voters acknowledge, promise, and their messages take their time. */
describe('self-fence comes before take-over', () => {
  const history = fc.record({
    size: fc.integer({ min: 2, max: 7 }),
    steps: fc.array(fc.record({ who: fc.nat(6), what: fc.constantFrom('ack' as const, 'ack' as const, 'promise' as const), afterMs: fc.nat(900), delayMs: fc.nat(4_000) }), { maxLength: 60 }),
  });

  it('whatever the order of acknowledgements and promises, and however late they arrive', () => {
    fc.assert(fc.property(history, ({ size, steps }) => {
      const ids = Array.from({ length: size }, (_, at) => (at === 0 ? 'a' : `v${at}`));
      const lease = new QuorumLease('a', timing.leaseMs);
      lease.setVoters(set(...ids));
      const exclusion = new Exclusion({ hostId: 'a', epoch: 1, leaderEpoch: 1 }, timing);
      exclusion.setVoters([set(...ids)]);
      const promised = new Set<string>();
      let nowMs = 0;
      for (const { who, what, afterMs, delayMs } of steps) {
        nowMs += afterMs;
        const voter = ids[1 + (who % (size - 1))] ?? '';
        // A voter acknowledges what was sent up to now, and after its promise nothing; its word reaches the other side later.
        if (what === 'ack' && !promised.has(voter)) lease.acknowledged(voter, Math.max(0, nowMs - delayMs));
        if (what === 'promise' && !promised.has(voter)) {
          promised.add(voter);
          exclusion.promised(voter, 1, true, nowMs + delayMs);
        }
      }
      const closes = promised.size >= size - majority(size) + 1;
      const overAtMs = [...Array(20_000).keys()].map((at) => at * 10).find((at) => exclusion.state(at).kind === 'over');
      expect(overAtMs !== undefined).toBe(closes);
      // The lease, and a watchdog fed until its last moment, end before the other side may act.
      if (overAtMs !== undefined) expect(lease.untilMs(0) + timing.watchdogMs).toBeLessThan(overAtMs);
    }), { numRuns: 60 });
  });
});
