// Relocation of what does not run, and stays so: it is defined, copied or moved where it is to be, and forgotten at its source. Nothing is started, on the way back either.
import { messageOf, OperationalError } from '../shared/errors.js';
import type { Step } from '../shared/workflow.js';
import { look, unlessBusy } from '../workloads/place.js';
import { defineAtTarget } from '../workloads/start-steps.js';
import { copyParts, type CopyRelocationContext } from './run-copy-relocation.js';
import { memberParts, type MemberRelocationContext } from './run-member-relocation.js';
import { atTarget, forgetAtSource, precheck, proveStopped, whyNotProven, type RelocationContext } from './run-relocation.js';

/** Somebody may have started it at the source since: then it is there, and what was defined at the target goes again. Once it is forgotten there, it does not. */
function ifStopped<C extends RelocationContext>(step: Step<C>): Step<C> {
  return {
    name: step.name,
    run: async (context, journal) => (await whyNotProven(context)) ?? step.run(context, journal),
    undo: async ({ workload, source, target }) => {
      const here = await look(source, workload.uuid);
      // A run that was killed may have forgotten it there: then what is at the target is the only one.
      if (here.kind === 'blind') throw new OperationalError('unreachable', `${source.name} does not say whether it still has ${workload.name}; it stays on ${target.name}, too: ${here.why}`);
      if (here.observed === null && !here.isProvenOff) throw new OperationalError('failed', `${workload.name} is not on ${source.name} any more; it stays on ${target.name}`);
      return null;
    },
  };
}

/** For the operation's ending. */
export const UNLEASED = 'unleased';

/** Whoever starts it there finds it under the lease of its host, where that has one now; the end of that lease is a proof for it, as it was at its source. */
const noteLease: Step<RelocationContext> = {
  name: 'note-lease',
  run: async ({ target }) => {
    if (target.token.lease !== true) return { kind: 'done' };
    try {
      await unlessBusy(() => target.hypervisor.announce(target.token));
      return { kind: 'done', note: `under the lease of ${target.name}` };
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      return { kind: 'done', note: `not under the lease of ${target.name} yet: ${messageOf(error)}`, memo: { [UNLEASED]: true } };
    }
  },
};

export const COLD_RELOCATION_STEPS: readonly Step<RelocationContext>[] = [precheck, proveStopped, atTarget(defineAtTarget, whyNotProven), ifStopped(forgetAtSource), noteLease];

export const COLD_COPY_STEPS: readonly Step<CopyRelocationContext>[] = [copyParts.canBeCopied, precheck, copyParts.lastCopy, atTarget(defineAtTarget, whyNotProven), ifStopped(copyParts.leaveSource), noteLease];

/** Where it is there is nothing to take back: it is the only one. */
const { undo: _undo, ...define } = defineAtTarget;

export const COLD_MEMBER_STEPS: readonly Step<MemberRelocationContext>[] = [memberParts.areMembers, precheck, proveStopped, memberParts.move, atTarget(define), noteLease];
