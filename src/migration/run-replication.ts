// Replication: the copy of a workload on another host is made anew, while it runs or not. The workload itself is never touched.
import { runWorkflow, type Journal, type Step, type WorkflowOutcome } from '../shared/workflow.js';
import { describeLook, look } from '../workloads/place.js';
import { copyInstance, type CopyContext } from './copy-instance.js';
import { settleCopies } from './settle-copies.js';

export interface ReplicationContext extends CopyContext {
  readonly operationId: string;
  /** Reads the store anew: null while the source is its home, else why it is not copied from there. */
  readonly stillWanted: () => Promise<string | null>;
}

/** A copy that is older than a day when it is done protects nobody. */
const WITHIN_MS = 24 * 3_600_000;

const checkTarget: Step<ReplicationContext> = {
  name: 'check',
  run: async (context) => {
    const { workload, source, target, stillWanted } = context;
    const unwanted = await stillWanted();
    if (unwanted !== null) return { kind: 'cancelled', why: unwanted };
    const here = await look(source, workload.uuid);
    if (here.kind === 'seen' && here.observed === null) return { kind: 'failed', code: 'not-there', why: `${source.name} does not have ${workload.name}` };
    const there = await look(target, workload.uuid);
    if (there.kind === 'blind') return { kind: 'failed', code: 'target-unreachable', why: `${target.name} does not answer: ${there.why}` };
    // Not a replica: the workload itself, and nobody copies over that.
    if (there.observed !== null) return { kind: 'failed', code: 'already-there', why: `${workload.name} itself is on ${target.name}, ${describeLook(there)}: it is not overwritten by a copy from ${source.name}` };
    // A copy after whose end nobody was left to put it in its place: else it would be written over now, and it is the newest.
    return settleCopies(context);
  },
};

const copy: Step<ReplicationContext> = {
  name: 'copy',
  run: async (context, journal) => {
    const unwanted = await context.stillWanted();
    if (unwanted !== null) return { kind: 'cancelled', why: unwanted };
    return copyInstance(context, journal, { id: `${context.operationId}-${context.source.token.workload?.epoch ?? 0}`, withinMs: WITHIN_MS, line: `copying it to ${context.target.name}` });
  },
};

/** From here on the new copy is what it would be recovered from, and the one before it is written into next time. */
const takeItsPlace: Step<ReplicationContext> = { name: 'settle', run: settleCopies };

export const REPLICATION_STEPS: readonly Step<ReplicationContext>[] = [checkTarget, copy, takeItsPlace];

export function runReplication(context: ReplicationContext, journal: Journal): Promise<WorkflowOutcome> {
  return runWorkflow(REPLICATION_STEPS, context, journal);
}
