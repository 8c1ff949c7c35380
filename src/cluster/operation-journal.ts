// The journal of one operation, kept in the store; it ends the run when the store is away or the lease is lost.
import { messageOf } from '../shared/errors.js';
import { JournalLost, type Journal, type ProgressUpdate } from '../shared/workflow.js';
import type { Clock } from '../shared/clock.js';
import type { ClusterStore } from './cluster-store.js';
import type { Operation, OperationStep } from './operation.js';

interface JournalPorts {
  readonly store: ClusterStore;
  readonly clock: Clock;
  readonly worker: string;
}

export function operationJournal(operation: Operation, { store, clock, worker }: JournalPorts): Journal {
  const startedAt = new Map(operation.steps.map((step) => [step.name, step.startedAtMs]));
  const write = async (what: string, attempt: () => Promise<boolean>): Promise<void> => {
    let written = false;
    try {
      written = await attempt();
    } catch (error) {
      throw new JournalLost(`${what}: ${messageOf(error)}`);
    }
    if (!written) throw new JournalLost(`${what}: another worker took operation ${operation.id} over`);
  };
  const record = (name: string, state: OperationStep['state'], note: string | null, memo: Readonly<Record<string, unknown>> | null): Promise<void> => {
    const now = clock.nowMs();
    if (state === 'running') startedAt.set(name, now);
    const step: OperationStep = { name, state, startedAtMs: startedAt.get(name) ?? now, endedAtMs: state === 'running' ? null : now, note };
    return write(`step ${name}`, () => store.recordStep(operation.id, worker, step, memo));
  };
  return {
    doneSteps: operation.steps.filter((step) => step.state === 'done').map((step) => step.name),
    memo: operation.memo,
    stepStarted: (name) => record(name, 'running', null, null),
    stepDone: (name, note, memo) => record(name, 'done', note, memo),
    stepFailed: (name, why) => record(name, 'failed', why, null),
    stepUndone: (name, note) => record(name, 'undone', note, null),
    progress: (update: ProgressUpdate) => write('progress', () => store.recordProgress(operation.id, worker, update)),
    cancelRequested: async () => {
      let now: Operation | null = null;
      await write('looking for a cancel', async () => {
        now = await store.operation(operation.id);
        return now !== null;
      });
      return (now as Operation | null)?.cancelRequested ?? false;
    },
  };
}
