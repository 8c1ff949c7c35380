// What happened, for people and for Server-Sent Events. Stored in order; never deleted while an operation it belongs to is kept.

export interface ClusterEvent {
  /** Rises by one or more with each event. */
  readonly seq: number;
  readonly atMs: number;
  /** Dotted, e.g. host.silent, host.fenced, workload.recovered, operation.step, hold. */
  readonly type: string;
  readonly severity: 'info' | 'notice' | 'warning' | 'alert';
  readonly host: string | null;
  readonly workload: string | null;
  readonly operationId: string | null;
  /** A sentence for people. */
  readonly message: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export type NewClusterEvent = Omit<ClusterEvent, 'seq' | 'atMs'>;

export function event(type: string, message: string, more: Partial<Omit<NewClusterEvent, 'type' | 'message'>> = {}): NewClusterEvent {
  return { severity: 'info', host: null, workload: null, operationId: null, data: {}, ...more, type, message };
}
