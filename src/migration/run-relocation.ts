// Relocation: stop, define and start at the target, forget at the source. Undone: it runs at the source again.
import { runWorkflow, type Journal, type Step, type WorkflowOutcome } from '../shared/workflow.js';
import { isStopped, look, type Place } from '../workloads/place.js';
import { STOP_STEPS, type StopContext } from '../workloads/run-stop.js';
import { confirmRunning, defineAtTarget, startAtTarget, type StartContext } from '../workloads/start-steps.js';

export interface RelocationContext extends StartContext {
  readonly source: Place;
  readonly graceMs: number;
  readonly killAfter: boolean;
}

/** The stop's own steps, looking at the source; each is safe to run twice. */
const stopAtSource: Step<RelocationContext> = {
  name: 'stop',
  run: async (context, journal) => {
    const stop: StopContext = { workload: context.workload, target: context.source, clock: context.clock, graceMs: context.graceMs, killAfter: context.killAfter };
    for (const step of STOP_STEPS) {
      const outcome = await step.run(stop, journal);
      if (outcome.kind === 'enough') return { kind: 'done', note: outcome.note };
      if (outcome.kind !== 'done') return outcome;
    }
    return { kind: 'done', note: `does not run on ${context.source.name}` };
  },
  undo: async ({ workload, source, target }) => {
    if (!isStopped(await look(target, workload.uuid))) return `it runs on ${target.name}; not started at ${source.name}`;
    const seen = await look(source, workload.uuid);
    if (seen.kind === 'seen' && seen.observed === null) await source.hypervisor.define(source.token, workload.definition);
    await source.hypervisor.start(source.token, workload.uuid);
    return `started again on ${source.name}`;
  },
};

/** Looked at again right before the start elsewhere: what does not run there is the proof. */
const proveStopped: Step<RelocationContext> = {
  name: 'prove-stopped',
  run: async ({ workload, source }) => {
    const seen = await look(source, workload.uuid);
    if (isStopped(seen)) return { kind: 'done', note: `${source.name} was asked: it does not run there` };
    return { kind: 'failed', code: 'not-stopped', why: `${source.name} does not confirm that ${workload.name} is stopped; it is started nowhere else` };
  },
};

const forgetAtSource: Step<RelocationContext> = {
  name: 'forget-at-source',
  run: async ({ workload, source }) => {
    await source.hypervisor.undefine(source.token, workload.uuid);
    return { kind: 'done', note: `its definition on ${source.name} was removed` };
  },
};

export const RELOCATION_STEPS: readonly Step<RelocationContext>[] = [stopAtSource, proveStopped, defineAtTarget, startAtTarget, confirmRunning, forgetAtSource];

export function runRelocation(context: RelocationContext, journal: Journal): Promise<WorkflowOutcome> {
  return runWorkflow(RELOCATION_STEPS, context, journal);
}
