// What a simulation gives: events in order, the final state, violated invariants, and how much work it was. The format is a contract.

export interface SimEvent {
  /** Seconds of virtual time. */
  readonly t: number;
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface Violation {
  readonly t: number;
  readonly invariant: InvariantName;
  readonly detail: string;
}

export const INVARIANTS = {
  'runs-once': "a workload's process runs on at most one powered host at any moment",
  'proof-before-start': 'no start elsewhere before the old host is fenced, or the stop there was observed',
  'no-fence-without-quorum': 'nothing is fenced without quorum, nor above the mass-failure brake',
  'one-leader-acts': 'no effect of an older leader epoch is accepted after a newer one was seen by that host',
  'newest-placement-acts': 'no command for an older placement of a workload is accepted after one for a newer was seen by that host',
  'no-write-lost': 'one whose data lie at its host begins with all that it had written; if its host was lost, with what its copy was said to have',
  'pool-mounted-once': 'the file system of a pool is never mounted on two hosts',
  'hard-rules-hold': 'automation never breaks a hard rule; waiting beats violating',
  'capacity-holds': 'no host is given more than its policy allows',
  'bystanders-untouched': 'healthy hosts are not reset; workloads outside an action are not stopped or restarted',
  'error-is-left-alone': 'a workload in error is not touched until an operator clears it',
  'failed-move-keeps-running': 'a failed migration leaves the guest running where it was',
  'everything-ends': 'after the last fault is healed, every workload reaches what its desired state and rules allow, within a stated bound, or holds with a reason',
} as const;

export type InvariantName = keyof typeof INVARIANTS;

export interface SimulationResult {
  readonly seed: number;
  readonly events: readonly SimEvent[];
  readonly final: {
    readonly at: number;
    readonly hosts: Readonly<Record<string, { readonly state: string; readonly power: 'on' | 'off'; readonly network: 'up' | 'down' }>>;
    readonly workloads: Readonly<Record<string, { readonly state: string; readonly host: string | null; readonly runningOn: readonly string[]; readonly why: string | null }>>;
  };
  readonly violations: readonly Violation[];
  readonly stats: { readonly virtualSeconds: number; readonly eventsProcessed: number };
}
