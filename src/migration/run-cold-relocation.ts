// Relocation of what does not run, and stays so: it is defined, copied or moved where it is to be, and forgotten at its source. Nothing is started, on the way back either.
import { OperationalError } from '../shared/errors.js';
import type { Step } from '../shared/workflow.js';
import { look } from '../workloads/place.js';
import { defineAtTarget } from '../workloads/start-steps.js';
import { copySteps, type CopyRelocationContext } from './run-copy-relocation.js';
import { memberSteps, type MemberRelocationContext } from './run-member-relocation.js';
import { atTarget, forgetAtSource, precheck, proveStopped, whyNotProven, type RelocationContext } from './run-relocation.js';

/** Somebody may have started it at the source since: then it is there, and what was defined at the target goes again. Once it is forgotten there, it does not. */
function ifStopped<C extends RelocationContext>(step: Step<C>): Step<C> {
  return {
    name: step.name,
    run: async (context, journal) => (await whyNotProven(context)) ?? step.run(context, journal),
    undo: async ({ workload, source, target }) => {
      const here = await look(source, workload.uuid);
      if (here.kind === 'seen' && here.observed === null && !here.isProvenOff) throw new OperationalError('failed', `${workload.name} is not on ${source.name} any more; it stays on ${target.name}`);
      return null;
    },
  };
}

export const COLD_RELOCATION_STEPS: readonly Step<RelocationContext>[] = [precheck, proveStopped, atTarget(defineAtTarget, whyNotProven), ifStopped(forgetAtSource)];

export const COLD_COPY_STEPS: readonly Step<CopyRelocationContext>[] = [copySteps.canBeCopied, precheck, copySteps.lastCopy, atTarget(defineAtTarget, whyNotProven), ifStopped(copySteps.leaveSource)];

/** Where it is there is nothing to take back: it is the only one. */
const { undo: _undo, ...define } = defineAtTarget;

export const COLD_MEMBER_STEPS: readonly Step<MemberRelocationContext>[] = [memberSteps.areMembers, precheck, proveStopped, memberSteps.move, atTarget(define)];
