// Adoption: a workload that a person made by hand becomes known to Reeve, as it is and where it is.
import type { ObservedWorkload } from '../hosts/hypervisor.js';
import type { HostId, WorkloadId } from '../shared/ids.js';
import { fail, ok, type Result } from '../shared/result.js';
import { byHand } from './by-hand.js';
import { NO_FAILURES, WORKLOAD_DEFAULTS, type Workload, type WorkloadNeeds, type WorkloadState } from './workload.js';

export interface Adoption {
  readonly id: WorkloadId;
  readonly hostId: HostId;
  readonly host: string;
  readonly observed: ObservedWorkload;
  readonly definition: string;
  /** Read from the definition by the driver. */
  readonly needs: WorkloadNeeds;
  readonly settings: Partial<Pick<Workload, 'labels'>> & Pick<Workload, 'isProtected' | 'priority' | 'maxRestarts' | 'maxRelocations' | 'drainPolicy'>;
  /** All workloads that Reeve knows already. */
  readonly known: readonly Pick<Workload, 'uuid' | 'name'>[];
  /** Other hosts that show a process of the same uuid. */
  readonly alsoRunsOn: readonly string[];
}

export interface AdoptionRefusal {
  readonly code: 'known' | 'name-taken' | 'transient' | 'migrating' | 'duplicate' | 'pinned';
  readonly why: string;
}

export function adopt(adoption: Adoption): Result<Workload, AdoptionRefusal> {
  const refusal = whyNot(adoption);
  if (refusal) return fail(refusal);
  const { id, hostId, observed, definition, needs, settings } = adoption;
  const stopped = observed.runState === 'stopped';
  return ok({
    id, hostId, uuid: observed.uuid, name: observed.name, kind: observed.kind,
    // What it does now is what is wanted: an adoption starts and stops nothing.
    desired: stopped ? 'stopped' : 'running',
    ...WORKLOAD_DEFAULTS,
    ...settings,
    leasedOn: null,
    workloadEpoch: 1,
    state: stateOf(observed),
    why: null,
    needs,
    definition,
    failures: NO_FAILURES,
  });
}

function whyNot({ observed, known, settings, needs, alsoRunsOn, host }: Adoption): AdoptionRefusal | null {
  const { name, uuid } = observed;
  if (known.some((one) => one.uuid === uuid)) return { code: 'known', why: `${name} is known to Reeve already` };
  if (known.some((one) => one.name === name)) return { code: 'name-taken', why: `another workload is named ${name}; rename one of them: ${byHand('rename', observed.driver, name)} (while it is stopped)` };
  if (alsoRunsOn.length > 0) return { code: 'duplicate', why: `${name} also runs on ${alsoRunsOn.join(', ')}: stop the wrong one first` };
  if (observed.runState === 'migrating-in' || observed.runState === 'migrating-out') return { code: 'migrating', why: `${name} is being migrated; adopt it when that has ended` };
  if (!observed.persistent) return { code: 'transient', why: `${name} is ${observed.driver === 'libvirt' ? 'transient' : 'ephemeral'}, gone once it stops; on ${host}: ${byHand('keep', observed.driver, name)}` };
  if (settings.isProtected && needs.pinnedBy.length > 0) return { code: 'pinned', why: `${name} cannot be protected, it is tied to ${host} by ${needs.pinnedBy.join(', ')}; adopt it unprotected` };
  return null;
}

function stateOf({ runState }: ObservedWorkload): WorkloadState {
  if (runState === 'stopped') return 'stopped';
  return runState === 'paused' ? 'paused' : 'running';
}
