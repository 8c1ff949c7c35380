// Does a transfer get anywhere? Judged by passes: each copies what was changed during the one before, so it must become less.
import type { MigrationProgress } from '../hosts/hypervisor.js';
import type { MigrationPolicy } from './migration-policy.js';

/** What is remembered of a transfer from one look to the next. */
export interface Convergence {
  /** When something was gained last. */
  readonly gainedAtMs: number;
  /** The pass under way: its number, and what was left at the last look. */
  readonly iteration: number;
  readonly lastBytes: number;
  /** Does this pass have less to copy than the best one before? The first one does. */
  readonly isGaining: boolean;
  /** The least that a pass had to copy at its begin. */
  readonly bestPassBytes: number;
}

/** A pass counts as smaller from this share on: dirty memory varies by a little without getting less. */
const SMALLER = 0.95;

export const beginConvergence = (nowMs: number): Convergence => ({ gainedAtMs: nowMs, iteration: 0, lastBytes: Infinity, isGaining: true, bestPassBytes: Infinity });

/** In the last moments of every pass next to nothing is left: only the begins of passes can be compared. */
export function followConvergence(before: Convergence, { iteration, remainingBytes }: MigrationProgress, nowMs: number): Convergence {
  const isNewPass = iteration > before.iteration || remainingBytes > before.lastBytes;
  const isGaining = isNewPass ? remainingBytes < before.bestPassBytes * SMALLER : before.isGaining;
  const hasGained = isGaining && (isNewPass || remainingBytes < before.lastBytes);
  return {
    gainedAtMs: hasGained ? nowMs : before.gainedAtMs,
    iteration,
    lastBytes: remainingBytes,
    isGaining,
    bestPassBytes: isNewPass ? Math.min(before.bestPassBytes, remainingBytes) : before.bestPassBytes,
  };
}

export interface TransferAge {
  readonly nowMs: number;
  /** Since the transfer began, as the hypervisor or we know it: the longer of both. */
  readonly elapsedMs: number;
}

/** Null: let it go on. Else a sentence with the cause and what to change. */
export function whyAbort(convergence: Convergence, policy: MigrationPolicy, { nowMs, elapsedMs }: TransferAge): string | null {
  if (elapsedMs > policy.timeoutMs) return `not done within ${Math.round(policy.timeoutMs / 1000)} s; raise migration.timeoutS or the bandwidth`;
  if (nowMs - convergence.gainedAtMs <= policy.stallMs) return null;
  return `its memory changes faster than it is copied: nothing gained for ${Math.round(policy.stallMs / 1000)} s; raise the bandwidth or the downtime limit`;
}
