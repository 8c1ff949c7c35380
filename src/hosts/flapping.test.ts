// How often is too often, and how the quarantine grows.
import { describe, expect, it } from 'vitest';
import { DEFAULT_QUARANTINE, lossesWithin, lostOnceMore, quarantineDue, released } from './flapping.js';
import { NEVER_LOST, type HostFlapping } from './host.js';

const HOUR = 3_600_000;
const lostAt = (...at: readonly number[]): HostFlapping => at.reduce((flapping, atMs) => lostOnceMore(flapping, atMs, DEFAULT_QUARANTINE), NEVER_LOST);

describe('flapping', () => {
  it('counts losses within the window only', () => {
    expect(lossesWithin(lostAt(0, 10, HOUR), HOUR, DEFAULT_QUARANTINE)).toBe(2);
    expect(lostAt(0, 10, 2 * HOUR).lostAtMs).toEqual([2 * HOUR]);
  });

  it('quarantines at the third, for ten minutes', () => {
    expect(quarantineDue(lostAt(0, 10), 20, DEFAULT_QUARANTINE)).toBeNull();
    expect(quarantineDue(lostAt(0, 10, 20), 20, DEFAULT_QUARANTINE)).toEqual({ sinceMs: 20, untilMs: 600_020, times: 1, isOver: false });
  });

  it('for longer each time, up to a bound, and starts over after long good behaviour', () => {
    const after = (times: number, sinceMs: number): number | undefined => {
      const due = quarantineDue({ ...lostAt(sinceMs, sinceMs, sinceMs), quarantine: { sinceMs: 0, untilMs: 0, times, isOver: true } }, sinceMs, DEFAULT_QUARANTINE);
      return due ? due.untilMs - due.sinceMs : undefined;
    };
    expect([1, 2, 3, 20].map((times) => after(times, 1))).toEqual([1_200_000, 2_400_000, 4_800_000, 24 * HOUR]);
    expect(after(5, 24 * HOUR)).toBe(600_000);
  });

  it('does not quarantine twice at once; a release forgets the losses', () => {
    const held: HostFlapping = { ...lostAt(0, 0, 0), quarantine: { sinceMs: 0, untilMs: 9, times: 1, isOver: false } };
    expect(quarantineDue(held, 1, DEFAULT_QUARANTINE)).toBeNull();
    expect(released(held)).toEqual({ lostAtMs: [], quarantine: { sinceMs: 0, untilMs: 9, times: 1, isOver: true } });
  });
});
