// Self-fence before take-over, on two clocks that differ in speed: what each term of the margin is for. With the default settings no run
// of the simulator can miss the share for clocks: nothing there stands still unnoticed, and the two stalls are wider (300 ms of 54).
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Exclusion, type ExclusionState } from './exclusion.js';
import { QuorumLease } from './quorum-lease.js';
import { SelfFence } from './self-fence.js';
import { DEFAULT_TIMING_SETTINGS, deriveTiming, type Timing, type TimingSettings } from './timing.js';

/** As the product allows it between two clocks. */
const DRIFT = 0.01;

interface Clocks {
  /** Of the lost host, against true time. */
  readonly host: number;
  /** Of the leader that waits. */
  readonly leader: number;
  /** Too short to be noticed, as the host counts: from the look at the clock to the feeding, and until the reset is through. */
  readonly stallsMs: readonly [number, number];
}

const WORST: Clocks = { host: 1, leader: 1 + DRIFT, stallsMs: [150, 150] };

/** What the leader says at the true moment when the last process on the host is gone; a hundredth of a millisecond before, for rounding. */
function saidAtTheReset(timing: Timing, { host, leader, stallsMs: [late, slow] }: Clocks): ExclusionState['kind'] {
  const voters = { epoch: 1, ids: ['host-1', 'host-2', 'host-3'] };
  const exclusion = new Exclusion({ hostId: 'host-1', epoch: 1, leaderEpoch: 1 }, timing);
  exclusion.setVoters([voters]);
  // The host's heartbeat and the promise that ends its majority meet at the voter at one moment: nothing is left over between them.
  for (const voter of ['host-2', 'host-3']) exclusion.promised(voter, 1, true, 0);
  const lease = new QuorumLease('host-1', timing.leaseMs);
  lease.setVoters(voters);
  lease.acknowledged('host-2', 0);
  const leaseUntilMs = lease.untilMs(0);
  const sight = { leaseUntilMs, under: ['vm'], running: ['vm'], isQuiet: false };
  // Its last look comes just before the end, and then its agent is stuck.
  expect(new SelfFence().duty({ ...sight, nowMs: leaseUntilMs - 0.001 }).watchdog).toBe('feed');
  expect(new SelfFence().duty({ ...sight, nowMs: leaseUntilMs }).watchdog).toBe('starve');
  const resetAtMs = (leaseUntilMs + timing.watchdogMs + late + slow) / host;
  return exclusion.state(resetAtMs * leader - 0.01).kind;
}

function timingOf(settings: TimingSettings): Timing {
  const timing = deriveTiming(settings);
  if (!timing.ok) throw new Error(timing.error.join('; '));
  return timing.value;
}

const withoutDrift = (timing: Timing): Timing => ({ ...timing, takeOverMs: timing.leaseMs + timing.watchdogMs + 2 * timing.stallMs });
const withoutStalls = (timing: Timing): Timing => ({ ...timing, takeOverMs: timing.takeOverMs - 2 * timing.stallMs });

const settings = fc
  .record({ heartbeatMs: fc.integer({ min: 50, max: 5_000 }), silentMs: fc.integer({ min: 200, max: 60_000 }), watchdogS: fc.integer({ min: 2, max: 60 }) })
  .map(({ heartbeatMs, silentMs, watchdogS }): TimingSettings => ({ heartbeatMs, silentMs, watchdogMs: watchdogS * 1_000 }))
  .filter((one) => deriveTiming(one).ok);

/** Any two clocks whose speeds differ by the bound at most, whichever of them is the fast one. */
const clocks = fc
  .record({ host: fc.double({ min: 0.99, max: 1.01, noNaN: true }), between: fc.double({ min: 1 / (1 + DRIFT), max: 1 + DRIFT, noNaN: true }), late: fc.integer({ min: 0, max: 150 }), slow: fc.integer({ min: 0, max: 150 }) })
  .map(({ host, between, late, slow }): Clocks => ({ host, leader: host * between, stallsMs: [late, slow] }));

describe('self-fence before take-over', () => {
  it('holds for all settings and all clocks within the bound', () => {
    fc.assert(fc.property(settings, clocks, (set, by) => saidAtTheReset(timingOf(set), by) === 'running-out'));
  });

  it('holds at the bound itself', () => {
    fc.assert(fc.property(settings, (set) => saidAtTheReset(timingOf(set), WORST) === 'running-out'));
  });

  it.each([
    ['the share for clocks', withoutDrift],
    ['the stalls', withoutStalls],
  ])('without %s it does not: a workload would run twice', (_what, without) => {
    fc.assert(fc.property(settings, (set) => saidAtTheReset(without(timingOf(set)), WORST) === 'over'));
  });

  it('needs each term alone once it is large enough: by clocks when leases are long, by stalls when they are short', () => {
    const long = timingOf({ heartbeatMs: 1_000, silentMs: 30_000, watchdogMs: 30_000 });
    expect(saidAtTheReset(withoutDrift(long), { ...WORST, stallsMs: [0, 0] })).toBe('over');
    const byDefault = timingOf(DEFAULT_TIMING_SETTINGS);
    expect(saidAtTheReset(withoutDrift(byDefault), { ...WORST, stallsMs: [0, 0] })).toBe('running-out');
    expect(saidAtTheReset(withoutStalls(byDefault), { host: 1, leader: 1, stallsMs: [150, 150] })).toBe('over');
  });
});
