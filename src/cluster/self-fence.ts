// SelfFence: what an agent owes to its host's lease. While the lease holds, the watchdog is fed; when it ends, the workloads under it
// are ended, and until they are seen gone the watchdog gets nothing: then it resets the host.

export interface LeaseSight {
  readonly nowMs: number;
  readonly leaseUntilMs: number;
  /** Workloads under the lease whose processes run, or may be about to (their start was announced just now). */
  readonly under: readonly string[];
  /** Those of them whose processes run; null: the processes can't be listed. */
  readonly running: readonly string[] | null;
  /** Since the lease ended it was seen that no command is under way on this host that could still start one. */
  readonly isQuiet: boolean;
}

export type LeasePhase =
  | 'free' // nothing here is under the lease: no watchdog is held
  | 'waiting' // the agent before gave the lease up in order: what runs under it runs on until the lease holds, and nothing is enforced
  | 'held'
  | 'ending' // the lease is over and something may still run
  | 'ended'; // the lease is over and nothing under it runs

export interface LeaseDuty {
  readonly phase: LeasePhase;
  /** feed: arm it if need be; starve: neither feed nor release, nor arm anew (that would give time away); release: in order. */
  readonly watchdog: 'feed' | 'starve' | 'release';
  readonly kill: readonly string[];
}

export class SelfFence {
  #endedAtMs: number | null = null;

  /** When the lease ended; null while it holds. What was asked before that says nothing about quiet. */
  get endedAtMs(): number | null {
    return this.#endedAtMs;
  }

  duty({ nowMs, leaseUntilMs, under, running, isQuiet }: LeaseSight): LeaseDuty {
    const isFree = under.length === 0 && running !== null;
    if (nowMs < leaseUntilMs) {
      this.#endedAtMs = null;
      return isFree ? { phase: 'free', watchdog: 'release', kill: [] } : { phase: 'held', watchdog: 'feed', kill: [] };
    }
    // Quiet counts only when it was asked for after the end: a command let through before may start something yet.
    const isNew = this.#endedAtMs === null;
    this.#endedAtMs ??= nowMs;
    const gone = running !== null && running.length === 0 && isQuiet && !isNew;
    if (!gone) return { phase: 'ending', watchdog: 'starve', kill: running ?? under };
    return isFree ? { phase: 'free', watchdog: 'release', kill: [] } : { phase: 'ended', watchdog: 'feed', kill: [] };
  }
}
