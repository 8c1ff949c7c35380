// Of the copies that a host has of a workload, the newest whole one is put in the place from which it would be recovered.
import { messageOf, OperationalError } from '../shared/errors.js';
import type { StepOutcome } from '../shared/workflow.js';
import type { Place } from '../workloads/place.js';

export async function settleCopies({ workload, target }: { readonly workload: { readonly uuid: string; readonly name: string }; readonly target: Place }): Promise<StepOutcome> {
  try {
    await target.hypervisor.copies?.settle(target.token, workload.uuid, workload.name);
    return { kind: 'done' };
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return { kind: 'failed', code: codeOf(error), why: `the copies of ${workload.name} on ${target.name} could not be put in their places: ${messageOf(error)}` };
  }
}

function codeOf({ code }: OperationalError): string {
  if (code === 'guard-refused') return code;
  return code === 'unreachable' || code === 'timeout' ? 'target-unreachable' : 'not-settled';
}
