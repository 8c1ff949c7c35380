// The JobQueue port: carries operation ids from the controller to workers. At least once, maybe late, maybe never: the store is the truth.
import type { OperationId } from '../shared/ids.js';
import type { OperationKind } from './operation.js';

/** Recovery and fencing never wait behind drains. */
export type JobClass = 'urgent' | 'normal';

export const JOB_CLASS: { readonly [K in OperationKind]: JobClass } = {
  fence: 'urgent', 'take-pool': 'urgent', recover: 'urgent', readmit: 'normal', start: 'normal', stop: 'normal', create: 'normal',
  delete: 'normal', lease: 'normal', enrol: 'normal', remove: 'normal', migrate: 'normal', relocate: 'normal', replicate: 'normal', 'renew-trust': 'normal', 'carry-out': 'normal', drain: 'normal',
};

export interface JobQueue {
  enqueue(jobs: readonly { readonly id: OperationId; readonly jobClass: JobClass; readonly priority: number }[]): Promise<void>;
  /** Calls the handler for each delivered id; a handler that throws has the id delivered again later. */
  work(handler: (id: OperationId) => Promise<void>, concurrency: { readonly [C in JobClass]: number }): Promise<void>;
  /** Stops taking new jobs, waits for those in hand at most `graceMs`. */
  close(graceMs: number): Promise<void>;
  /** One line for health pages: which backend, whether it answers. */
  health(): Promise<{ readonly ok: boolean; readonly detail: string }>;
}
