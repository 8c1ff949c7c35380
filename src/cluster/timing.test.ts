// Timing: the defaults, and the settings that are refused.
import { describe, expect, it } from 'vitest';
import { DEFAULT_TIMING_SETTINGS, deriveTiming } from './timing.js';

describe('timing', () => {
  it('derives everything from three numbers', () => {
    expect(deriveTiming(DEFAULT_TIMING_SETTINGS)).toEqual({
      ok: true,
      value: { heartbeatMs: 300, suspectMs: 900, silentMs: 1_800, startupGraceMs: 2_100, tickMs: 50, stallMs: 150, stallGraceMs: 600, reportMs: 1_000, watchdogMs: 3_000, leaseMs: 2_400, takeOverMs: 5_757 },
    });
  });

  it.each([
    ['a window of fewer than four heartbeats', { heartbeatMs: 300, silentMs: 1_199 }, /silentMs is 1199; with heartbeatMs 300 it must be at least 1200/],
    ['a window that an unnoticed stall fills', { heartbeatMs: 50, silentMs: 300 }, /at least 350/],
    ['heartbeats faster than timers are', { heartbeatMs: 10, silentMs: 1_000 }, /heartbeatMs is 10; it must be a whole number from 50 to 5000/],
    ['half milliseconds', { heartbeatMs: 100.5, silentMs: 1_000 }, /heartbeatMs is 100.5/],
    ['a window longer than ages can say', { heartbeatMs: 1_000, silentMs: 61_000 }, /silentMs is 61000; it must be a whole number of at most 60000/],
    ['half seconds of the watchdog', { heartbeatMs: 300, silentMs: 1_800, watchdogMs: 2_500 }, /watchdogMs is 2500; it must be whole seconds/],
    ['a watchdog that is faster than the detector', { heartbeatMs: 1_000, silentMs: 6_000, watchdogMs: 5_000 }, /watchdogMs is 5000; it must be at least silentMs \(6000\)/],
    ['no number', { heartbeatMs: Number.NaN, silentMs: 1_000 }, /heartbeatMs is NaN/],
  ])('refuses %s', (_what, settings, why) => {
    const timing = deriveTiming({ watchdogMs: 60_000, ...settings });
    expect(timing.ok).toBe(false);
    expect(timing.ok ? '' : timing.error.join('; ')).toMatch(why);
  });

  it('names every reason at once', () => {
    const timing = deriveTiming({ heartbeatMs: 6_000, silentMs: 0, watchdogMs: 3_000 });
    expect(timing.ok ? [] : timing.error).toHaveLength(2);
  });
});
