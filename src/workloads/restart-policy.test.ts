// Restarts here, then elsewhere, then no more; with pauses that grow, and failures that are forgotten.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostId } from '../shared/ids.js';
import { afterFailure, DEFAULT_BACKOFF, forgetFailures } from './restart-policy.js';
import { NO_FAILURES, type WorkloadFailures } from './workload.js';

const failed = (failures: Partial<WorkloadFailures> = {}, maxRestarts = 2, maxRelocations = 1) => ({ failures: { ...NO_FAILURES, ...failures }, maxRestarts, maxRelocations, hostId: hostId('a') });

describe('after a failure', () => {
  it('restarts here at once', () => {
    expect(afterFailure(failed(), 1_000)).toEqual({ kind: 'restart-here', why: 'restart 1 of 2', failures: { restarts: 1, relocations: 0, failedHostIds: [], lastAtMs: 1_000 } });
  });
  it('waits before the second try, longer before the third', () => {
    expect(afterFailure(failed({ restarts: 1, lastAtMs: 0 }), 1_999)).toMatchObject({ kind: 'wait', untilMs: 2_000 });
    expect(afterFailure(failed({ restarts: 1, lastAtMs: 0 }), 2_000)).toMatchObject({ kind: 'restart-here' });
    expect(afterFailure(failed({ restarts: 2, lastAtMs: 0 }, 3), 3_999)).toMatchObject({ kind: 'wait', untilMs: 4_000 });
  });
  it('then goes elsewhere and remembers where it failed', () => {
    expect(afterFailure(failed({ restarts: 2, lastAtMs: 0 }), 90_000)).toMatchObject({ kind: 'relocate', failures: { restarts: 0, relocations: 1, failedHostIds: ['a'], lastAtMs: 90_000 } });
  });
  it('gives up when both are used up, without waiting', () => {
    expect(afterFailure(failed({ restarts: 2, relocations: 1, lastAtMs: 0 }), 1)).toMatchObject({ kind: 'give-up' });
    expect(afterFailure(failed({}, 0, 0), 1)).toMatchObject({ kind: 'give-up' });
  });
  it('ends for any limits, within their number of tries', () => {
    fc.assert(fc.property(fc.nat(6), fc.nat(6), (maxRestarts, maxRelocations) => {
      let state = failed({}, maxRestarts, maxRelocations);
      let tries = 0;
      for (let now = 0; now < 10_000_000; now += DEFAULT_BACKOFF.maxMs) {
        const decision = afterFailure(state, now);
        if (decision.kind === 'give-up') break;
        if (decision.kind === 'wait') continue;
        tries += 1;
        state = { ...state, failures: decision.failures };
      }
      expect(tries).toBe(maxRestarts * (maxRelocations + 1) + maxRelocations);
    }));
  });
});

it('forgets failures after a time of running well', () => {
  expect(forgetFailures(NO_FAILURES, 1_000_000, 600_000)).toBeNull();
  expect(forgetFailures({ ...NO_FAILURES, restarts: 1, lastAtMs: 500_000 }, 1_000_000, 600_000)).toBeNull();
  expect(forgetFailures({ ...NO_FAILURES, restarts: 1, lastAtMs: 400_000 }, 1_000_000, 600_000)).toEqual(NO_FAILURES);
});
