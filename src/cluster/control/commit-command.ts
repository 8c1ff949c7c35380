// Commits what a person asked for: on the newest view, which nobody changes meanwhile, and audited.
import { UserError } from '../../shared/errors.js';
import type { OperationId } from '../../shared/ids.js';
import type { Change } from '../change.js';
import type { ClusterStore } from '../cluster-store.js';
import type { ClusterView } from '../cluster-view.js';

export interface CommandPorts {
  readonly store: ClusterStore;
  readonly audit: { append(entry: { actor: string; action: string; target: string; details: Readonly<Record<string, unknown>> }): Promise<void> };
  /** Called after a commit: operations go to the queue, the controller looks. Never throws. */
  readonly committed: () => Promise<void>;
}

export interface Command {
  readonly actor: string;
  readonly action: string;
  readonly target: string;
  readonly details?: Readonly<Record<string, unknown>>;
  /** From the newest view to the changes; throws UserError. */
  readonly changes: (view: ClusterView) => readonly Change[];
}

export async function commitCommand({ store, audit, committed }: CommandPorts, command: Command): Promise<{ readonly operationIds: readonly OperationId[] }> {
  let changed = false;
  const result = await store.decideAndCommit((view) => {
    const changes = command.changes(view);
    changed = changes.length > 0;
    return changes;
  });
  if (!result.ok) throw new UserError('conflict', result.error.why);
  if (!changed) return { operationIds: [] };
  await audit.append({ actor: command.actor, action: command.action, target: command.target, details: command.details ?? {} });
  // The answer does not wait for the queue: what was committed is in the outbox.
  void committed();
  return { operationIds: result.value.operationIds };
}
