// Commits what a person asked for: on the newest view, again when something changed meanwhile, audited.
import { UserError } from '../../shared/errors.js';
import type { OperationId } from '../../shared/ids.js';
import type { Change } from '../change.js';
import type { ClusterStore } from '../cluster-store.js';
import type { ClusterView } from '../cluster-view.js';

export interface CommandPorts {
  readonly store: ClusterStore;
  readonly audit: { append(entry: { actor: string; action: string; target: string; details: Readonly<Record<string, unknown>> }): Promise<void> };
  /** Called after a commit: operations go to the queue, the controller looks. */
  readonly committed: () => Promise<void>;
}

export interface Command {
  readonly actor: string;
  readonly action: string;
  readonly target: string;
  readonly details?: Readonly<Record<string, unknown>>;
  /** From the newest view to the changes; throws UserError. Called again when the view is stale. */
  readonly changes: (view: ClusterView) => readonly Change[];
}

/** Workers and the loop commit in bursts of a few milliseconds each; a person's command finds a gap. */
const TRIES = 50;

export async function commitCommand({ store, audit, committed }: CommandPorts, command: Command): Promise<{ readonly operationIds: readonly OperationId[] }> {
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const view = await store.readView();
    const changes = command.changes(view);
    if (changes.length === 0) return { operationIds: [] };
    const result = await store.commit(changes, { viewVersion: view.version, leaderEpoch: view.leaderEpoch });
    if (result.ok) {
      await audit.append({ actor: command.actor, action: command.action, target: command.target, details: command.details ?? {} });
      await committed();
      return { operationIds: result.value.operationIds };
    }
    if (result.error.code === 'name-taken') throw new UserError('conflict', result.error.why);
  }
  throw new UserError('conflict', 'the cluster is changing too fast to decide on a fresh view; try again', 'reeve status');
}
