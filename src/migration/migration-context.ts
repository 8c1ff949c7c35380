// What a migration works with: both sides, and how to ask whether one of them is gone for good.
import type { Clock } from '../shared/clock.js';
import { messageOf, OperationalError } from '../shared/errors.js';
import { JournalLost } from '../shared/workflow.js';
import { look, type Place } from '../workloads/place.js';
import type { WorkloadNeeds } from '../workloads/workload.js';
import type { MigrationPolicy } from './migration-policy.js';
import type { Side } from './settle-migration.js';

export interface MigrationContext {
  /** Names the detached command on the source. */
  readonly operationId: string;
  readonly workload: { readonly uuid: string; readonly name: string; readonly definition: string; readonly needs: WorkloadNeeds };
  readonly source: Place;
  readonly destination: Place & { readonly sshUser: string; readonly sshPort: number; readonly address: string };
  readonly clock: Clock;
  readonly policy: MigrationPolicy;
  /** Disks that the destination does not share are copied along. */
  readonly copyStorage: boolean;
  /** Reads the store: was this side proven off since? */
  readonly provenOff: (side: 'source' | 'destination') => Promise<boolean>;
}

/** A store that can't be asked ends the run, with nothing concluded: whoever resumes it asks again. */
export async function isProvenOff({ provenOff }: MigrationContext, side: 'source' | 'destination'): Promise<boolean> {
  try {
    return await provenOff(side);
  } catch (error) {
    throw new JournalLost(`was the ${side} proven off? ${messageOf(error)}`);
  }
}

export async function sideOf(context: MigrationContext, side: 'source' | 'destination'): Promise<Side> {
  const provenOff = await isProvenOff(context, side);
  // In this order: a source without a transfer that still executes afterwards has handed nothing over.
  const isSending = side === 'source' && !provenOff && (await maybeSends(context));
  return { look: await look(context[side], context.workload.uuid), provenOff, isSending };
}

/** What can't be told counts as sending: it is asked again. */
async function maybeSends({ source, workload }: MigrationContext): Promise<boolean> {
  try {
    return (await source.hypervisor.migrationProgress(workload.uuid)) !== null;
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return true;
  }
}
