// What a migration works with: both sides, and how to ask whether one of them is gone for good.
import type { Clock } from '../shared/clock.js';
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

export async function sideOf(context: MigrationContext, side: 'source' | 'destination'): Promise<Side> {
  const provenOff = await context.provenOff(side);
  return { look: await look(context[side], context.workload.uuid), provenOff };
}
