// Does a transfer get anywhere? Passes that shrink do; passes that stay as large do not, however fast they copy.
import { describe, expect, it } from 'vitest';
import type { MigrationProgress } from '../hosts/hypervisor.js';
import { beginConvergence, followConvergence, whyAbort, type Convergence } from './convergence.js';
import { DEFAULT_MIGRATION_POLICY } from './migration-policy.js';

const policy = { ...DEFAULT_MIGRATION_POLICY, stallMs: 30_000, timeoutMs: 600_000 };
const GIB = 1024 ** 3;
const progress = (iteration: number, remainingBytes: number): MigrationProgress => ({ elapsedMs: 0, totalBytes: 64 * GIB, processedBytes: 0, remainingBytes, iteration, dirtyRatePagesPerSecond: null });

/** Passes of these sizes, each copied evenly within its time, looked at every second. */
function play(passes: readonly { readonly bytes: number; readonly s: number }[]): { readonly end: Convergence; readonly abortedAtS: number | null } {
  let convergence = beginConvergence(0);
  let nowMs = 0;
  for (const [index, { bytes, s }] of passes.entries()) {
    for (let second = 0; second < s; second += 1) {
      nowMs += 1000;
      convergence = followConvergence(convergence, progress(index + 1, bytes * (1 - second / s)), nowMs);
      if (whyAbort(convergence, policy, { nowMs, elapsedMs: nowMs }) !== null) return { end: convergence, abortedAtS: nowMs / 1000 };
    }
  }
  return { end: convergence, abortedAtS: null };
}

describe('convergence', () => {
  it('a long first pass is no stall', () => {
    expect(play([{ bytes: 64 * GIB, s: 500 }]).abortedAtS).toBeNull();
  });

  it('long passes that shrink are no stall, though each ends with nothing left', () => {
    expect(play([64, 32, 16, 8, 4].map((gib) => ({ bytes: gib * GIB, s: gib * 4 }))).abortedAtS).toBeNull();
  });

  it('passes of the same size are a stall, after the bound', () => {
    const played = play([{ bytes: 64 * GIB, s: 60 }, ...Array.from({ length: 30 }, () => ({ bytes: GIB, s: 3 }))]);
    expect(played.abortedAtS).toBeGreaterThan(60 + 30);
    expect(played.abortedAtS).toBeLessThan(60 + 40);
  });

  it('a pass that copies nothing is a stall', () => {
    let convergence = followConvergence(beginConvergence(0), progress(1, GIB), 1_000);
    for (let s = 2; s <= 40; s += 1) convergence = followConvergence(convergence, progress(1, GIB), s * 1000);
    expect(whyAbort(convergence, policy, { nowMs: 40_000, elapsedMs: 40_000 })).toMatch(/nothing gained for 30 s/);
  });

  it('the total time counts from where the hypervisor counts it', () => {
    expect(whyAbort(beginConvergence(0), policy, { nowMs: 1_000, elapsedMs: 600_001 })).toMatch(/not done within 600 s/);
  });
});
