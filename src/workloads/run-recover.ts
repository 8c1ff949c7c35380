// Recovery: starts a workload elsewhere after proof that its old host cannot run it.
import type { HostProof } from '../hosts/host.js';
import { runWorkflow, type Journal, type Step, type StepOutcome, type WorkflowOutcome } from '../shared/workflow.js';
import { describeLook, isRunning, isStopped, lookUntil, type Look } from './place.js';
import { checkWanted, confirmRunning, defineAtTarget, startAtTarget, startWayBack, type StartContext } from './start-steps.js';

export interface RecoverContext extends StartContext {
  /** Why the old host cannot run it. Without one nothing is started. */
  readonly proof: HostProof | null;
  readonly fromHost: string;
}

/** The destination of a migration whose source died keeps its paused half up to 16 s (libvirt's keepalive, 3 × 5 s). */
const HALF_MIGRATED = { withinMs: 30_000, everyMs: 500 };

const requireProof: Step<RecoverContext> = {
  name: 'proof',
  run: async ({ proof, fromHost, workload }) => {
    if (proof === null) return { kind: 'failed', code: 'no-proof', why: `no proof that ${fromHost} cannot run ${workload.name}: it is started nowhere else` };
    return { kind: 'done', note: `${proof.kind}: ${proof.evidence}` };
  },
};

const lookAtTarget: Step<RecoverContext> = {
  name: 'look',
  run: async ({ workload, target, clock }) => {
    const seen = await lookUntil({ place: target, uuid: workload.uuid, clock }, HALF_MIGRATED, (one) => !isHalfMigrated(one));
    return judgeTarget(workload.name, target.name, seen);
  },
};

const isHalfMigrated = (seen: Look): boolean => seen.kind === 'seen' && seen.observed?.runState === 'migrating-in';

function judgeTarget(workload: string, target: string, seen: Look): StepOutcome {
  if (isRunning(seen)) return { kind: 'enough', note: `already runs on ${target}` };
  if (isStopped(seen)) return { kind: 'done' };
  // Nothing was done there yet: another target may be tried.
  if (seen.kind === 'blind') return { kind: 'failed', code: 'target-unreachable', why: `${target} does not answer: ${seen.why}` };
  return { kind: 'unknown', code: 'process-at-target', why: `${workload} on ${target} is ${describeLook(seen)}: its process is there and was not started by this recovery; resume or stop it by hand` };
}

export const RECOVER_STEPS: readonly Step<RecoverContext>[] = [requireProof, checkWanted, lookAtTarget, defineAtTarget, startAtTarget, confirmRunning];

export function runRecover(context: RecoverContext, journal: Journal): Promise<WorkflowOutcome> {
  return runWorkflow(RECOVER_STEPS, context, journal, startWayBack);
}
