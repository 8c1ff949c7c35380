// Start: a workload that does not run is started at its host; one that is paused there goes on.
import { runWorkflow, type Journal, type Step, type WorkflowOutcome } from '../shared/workflow.js';
import { describeLook, isRunning, look } from './place.js';
import { checkWanted, confirmRunning, defineAtTarget, removeDefinition, startAtTarget, startOrAsk, startWayBack, type StartContext } from './start-steps.js';

const lookAtHost: Step<StartContext> = {
  name: 'look',
  run: async ({ workload, target }) => {
    const seen = await look(target, workload.uuid);
    if (seen.kind === 'blind') return { kind: 'failed', code: 'target-unreachable', why: `${target.name} does not answer: ${seen.why}` };
    if (isRunning(seen)) return { kind: 'enough', note: `already runs on ${target.name}` };
    const state = seen.observed?.runState ?? 'absent';
    if (state === 'stopped' || state === 'paused' || state === 'absent') return { kind: 'done', memo: { found: state, autostart: seen.observed?.autostart ?? false, otherName: seen.observed !== null && seen.observed.driver !== 'libvirt' && seen.observed.name !== workload.name } };
    return { kind: 'failed', code: 'busy', why: `${workload.name} on ${target.name} is ${describeLook(seen)}; try again when that has ended` };
  },
};

/** Only where it is missing: a definition that a person edited on the host is not overwritten. */
const defineIfMissing: Step<StartContext> = {
  name: defineAtTarget.name,
  run: async (context, journal) => {
    if (journal.memo['found'] === 'absent') return defineAtTarget.run(context, journal);
    // A move that was cut may have left it without its name: its driver knows, and leaves any other name alone.
    if (journal.memo['otherName'] === true) await context.target.hypervisor.define(context.target.token, context.workload.definition);
    if (journal.memo['autostart'] !== true) return { kind: 'done', note: 'already defined' };
    await context.target.hypervisor.setAutostart(context.target.token, context.workload.uuid, false);
    return { kind: 'done', note: 'already defined; its autostart was on and is off now' };
  },
  undo: async (context, journal) => (journal.memo['found'] === 'absent' ? removeDefinition(context) : null),
};

const startOrResume: Step<StartContext> = {
  name: startAtTarget.name,
  run: async (context, journal) => {
    if (journal.memo['found'] !== 'paused') return startAtTarget.run(context, journal);
    const { workload, target } = context;
    return startOrAsk(context, () => target.hypervisor.resume(target.token, workload.uuid));
  },
  undo: async (context, journal) => (journal.memo['found'] === 'absent' ? (startAtTarget.undo?.(context, journal) ?? null) : null),
};

export const START_STEPS: readonly Step<StartContext>[] = [checkWanted, lookAtHost, defineIfMissing, startOrResume, confirmRunning];

export function runStart(context: StartContext, journal: Journal): Promise<WorkflowOutcome> {
  return runWorkflow(START_STEPS, context, journal, startWayBack);
}
