// A decision: what to do now, and what not to do and why.
import type { Change } from './change.js';

export type HoldCode =
  | 'no-quorum' | 'too-many-silent-hosts' | 'start-up-grace' | 'own-stall' | 'disarmed'
  | 'no-fence-device' | 'fence-failing' | 'fence-under-way' | 'agent-only' // the agent is gone, the host is not
  | 'leaving' | 'frozen' | 'quarantined' | 'unhealthy' | 'maintenance' | 'not-admitted' | 'looking-around' | 'no-lease' | 'not-under-lease'
  | 'no-capacity' | 'no-legal-host' | 'rule-broken' | 'operation-active' | 'too-many-in-flight' | 'cooldown' | 'start-after' | 'predecessor-in-error'
  | 'locked' | 'cannot-move' | 'stopped-by-hand' | 'paused' | 'missing' | 'undefined-by-hand' | 'in-error' | 'duplicate' | 'autostart-on' | 'making-room' | 'no-replica' | 'replica-late' | 'pool-not-taken'
  | 'plan-outdated' | 'balance-advised';

/** A reasoned non-action, shown wherever a person looks. */
export interface Hold {
  readonly code: HoldCode;
  /** Name of the host or workload it is about; '' for the whole cluster. */
  readonly about: string;
  /** A sentence that says what is waited for and what a person can do. */
  readonly why: string;
}

export function hold(code: HoldCode, about: string, why: string): Hold {
  return { code, about, why };
}

/** One thing a rule wants done, as changes that stand or fall together. */
export interface Action {
  readonly rule: string;
  readonly about: string;
  readonly why: string;
  readonly changes: readonly Change[];
}

export interface Decision {
  readonly actions: readonly Action[];
  readonly holds: readonly Hold[];
}
