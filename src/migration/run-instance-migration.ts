// Live move of an instance of LXD or Incus: its daemons copy disk and memory and delete the source; then both hosts are asked what is true, whatever the daemon said.
import { runWorkflow, type Journal, type Step, type WorkflowOutcome } from '../shared/workflow.js';
import { clientOf } from '../workloads/by-hand.js';
import { describeLook, look, unlessRefused } from '../workloads/place.js';
import type { MigrationContext } from './migration-context.js';
import { precheckMigration } from './precheck.js';
import { settleStep, start, watch } from './run-migration.js';
import { concludeInstance } from './settle-instance.js';

export interface InstanceMigrationContext extends MigrationContext {
  /** Null: nothing in its settings, and nothing of both hosts, is known against a live move. */
  readonly notLive: { readonly why: string; readonly remedy: string | null } | null;
}

const refused = (code: string, why: string, remedy: string | null): { readonly kind: 'failed'; readonly code: string; readonly why: string } => ({ kind: 'failed', code, why: remedy === null ? why : `${why} (${remedy})` });

const precheck: Step<InstanceMigrationContext> = {
  name: 'precheck',
  run: async (context, journal) => {
    if (await journal.cancelRequested()) return { kind: 'cancelled', why: 'cancelled on request, before it began' };
    const { workload, notLive } = context;
    if (notLive !== null) return refused('not-live', `${workload.name} does not move while it runs: ${notLive.why}`, notLive.remedy);
    const refusal = await precheckMigration(context);
    return refusal === null ? freePlace(context) : refused(refusal.code, refusal.why, refusal.remedy);
  },
};

/** The daemons make it there by its own name and identity; nothing is taken out of the way for that. */
async function freePlace({ workload, destination }: InstanceMigrationContext): ReturnType<Step<InstanceMigrationContext>['run']> {
  const there = await look(destination, workload.uuid);
  if (!(there.kind === 'seen' && there.observed === null)) return refused('already-there', `${destination.name} has it already: ${describeLook(there)}`, `look at it there; when it is not needed, on ${destination.name}: ${clientOf(workload.needs.driver)} delete ${workload.name}`);
  const copies = (await destination.hypervisor.copies?.replicas(workload.uuid)) ?? [];
  if (copies.length === 0) return { kind: 'done' };
  const kinds = copies.map(({ kind }) => kind).join(' and ');
  return refused('replica-there', `${destination.name} has a copy of ${workload.name} (${kinds}), which is not moved over`, `reeve workload relocate ${workload.name} --to ${destination.name}; or reeve workload replicas ${workload.name} --discard ${destination.name} --kind ${copies[0]?.kind ?? ''}`);
}

/** What arrives under a lease is under it from its first moment there. The host knows it by nothing yet: the definition says how it will be called. */
const announce: Step<InstanceMigrationContext> = {
  name: 'announce',
  run: async ({ source, destination, workload }) => {
    if (!destination.token.lease) return { kind: 'done', note: 'not under a lease there' };
    const definition = await source.hypervisor.definition(workload.uuid);
    return (await unlessRefused(() => destination.hypervisor.announce(destination.token, definition))) ?? { kind: 'done', note: `under the lease of ${destination.name}` };
  },
};

export const INSTANCE_MIGRATION_STEPS: readonly Step<InstanceMigrationContext>[] = [precheck, announce, start, watch, settleStep(concludeInstance)];

export function runInstanceMigration(context: InstanceMigrationContext, journal: Journal): Promise<WorkflowOutcome> {
  return runWorkflow(INSTANCE_MIGRATION_STEPS, context, journal);
}
