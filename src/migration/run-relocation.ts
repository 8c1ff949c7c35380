// Relocation: stop, define and start at the target, forget at the source. Undone: it runs at the source again.
import { messageOf, OperationalError } from '../shared/errors.js';
import { runWorkflow, type Journal, type Step, type StepOutcome, type Undone, type WorkflowOutcome } from '../shared/workflow.js';
import { describeLook, isStopped, lastLook, look, onTheWayBack, type Look, type Place } from '../workloads/place.js';
import { STOP_STEPS, type StopContext } from '../workloads/run-stop.js';
import { startAtSource } from './start-at-source.js';
import { confirmRunning, defineAtTarget, startAtTarget, type StartContext } from '../workloads/start-steps.js';

export interface RelocationContext extends StartContext {
  readonly source: Place;
  readonly graceMs: number;
  readonly killAfter: boolean;
}

export const relocationWayBack = (context: RelocationContext): RelocationContext => ({ ...context, source: onTheWayBack(context.source), target: onTheWayBack(context.target) });

/** Before anything is stopped: could the target run it at all? What it was, and its definition as it is now, are remembered. */
export const precheck: Step<RelocationContext> = {
  name: 'precheck',
  run: async (context) => {
    const { workload, source, target } = context;
    if (source.name === target.name) return refused('same-host', `${workload.name} is on ${source.name} already`);
    const here = await look(source, workload.uuid);
    if (here.kind === 'blind') return refused('source-unreachable', `${source.name} does not answer: ${here.why}`);
    const there = await look(target, workload.uuid);
    if (there.kind === 'blind') return refused('target-unreachable', `${target.name} does not answer: ${there.why}`);
    if (!isStopped(there)) return refused('already-there', `${target.name} already has a process of ${workload.name}: ${describeLook(there)}`);
    const definition = here.observed === null ? workload.definition : await source.hypervisor.definition(workload.uuid);
    const reasons = await target.hypervisor.compatibility(definition);
    const first = reasons[0];
    if (!first) return { kind: 'done', memo: { wasRunning: !isStopped(here), definition } };
    const all = reasons.map(({ why, remedy }) => (remedy === null ? why : `${why} (${remedy})`)).join('; ');
    return refused(first.code, `${target.name} can't run ${workload.name}: ${all}`);
  },
};

export const refused = (code: string, why: string): StepOutcome => ({ kind: 'failed', code, why });

/** The stop's own steps, looking at the source; each is safe to run twice. */
export const stopAtSource: Step<RelocationContext> = {
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
  undo: (context, journal) => startAgain(current(context, journal), journal),
};

/** Nowhere else may it run, or might a start that is still under way make it run, when it is started at the source again. */
async function startAgain(context: RelocationContext, journal: Journal): Promise<string | Undone> {
  const { workload, source, target } = context;
  if (journal.memo['wasRunning'] !== true) return `it did not run on ${source.name} before`;
  const there = await lastLook(target, workload.uuid);
  if (there.kind === 'blind') throw new OperationalError('unreachable', `${workload.name} may run on ${target.name}, which does not answer: ${there.why}; not started on ${source.name}`);
  if (!isStopped(there)) return `it is ${describeLook(there)} on ${target.name}; not started on ${source.name}`;
  return startAtSource(context, journal);
}

/** What does not run at the source, and will not by an older command that is still under way, is the proof that it may be started elsewhere. */
export async function whyNotProven(context: RelocationContext): Promise<StepOutcome | null> {
  return whyNotStopped(context, await lastLook(context.source, context.workload.uuid));
}

export function whyNotStopped({ workload, source }: RelocationContext, seen: Look): StepOutcome | null {
  if (isStopped(seen)) return null;
  return refused('not-stopped', `${source.name} does not confirm that ${workload.name} is stopped (${describeLook(seen)}); it is started nowhere else`);
}

export const proveStopped: Step<RelocationContext> = {
  name: 'prove-stopped',
  run: async (context) => (await whyNotProven(context)) ?? { kind: 'done', note: `${context.source.name} was asked: it does not run there` },
};

/** A step of starting, with the definition as it was when the relocation began. */
export function atTarget(step: Step<StartContext>, first: (context: RelocationContext) => Promise<StepOutcome | null> = async () => null): Step<RelocationContext> {
  const { undo } = step;
  return {
    name: step.name,
    run: async (context, journal) => (await first(context)) ?? step.run(current(context, journal), journal),
    ...(undo ? { undo: (context: RelocationContext, journal: Journal) => undo(current(context, journal), journal) } : {}),
  };
}

/** With the definition as it was when the relocation began. */
export function current(context: RelocationContext, journal: Journal): RelocationContext {
  const { definition } = journal.memo;
  return typeof definition === 'string' ? { ...context, workload: { ...context.workload, definition } } : context;
}

/** It runs at the target: what may be left at the source is no reason to undo that. Re-admission and the inventory name it. */
export const forgetAtSource: Step<RelocationContext> = {
  name: 'forget-at-source',
  run: async ({ workload, source }) => {
    try {
      await source.hypervisor.undefine(source.token, workload.uuid);
      return { kind: 'done', note: `its definition on ${source.name} was removed` };
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      return { kind: 'done', note: `a stopped definition may be left on ${source.name}: ${messageOf(error)}` };
    }
  },
};

/** Looked at again right before the start: a run that was resumed may have proven it long ago. */
export const RELOCATION_STEPS: readonly Step<RelocationContext>[] = [
  precheck, stopAtSource, proveStopped, atTarget(defineAtTarget), atTarget(startAtTarget, whyNotProven), atTarget(confirmRunning), forgetAtSource,
];

export function runRelocation(context: RelocationContext, journal: Journal): Promise<WorkflowOutcome> {
  return runWorkflow(RELOCATION_STEPS, context, journal, relocationWayBack);
}
