// The steps that starting and recovering share: define, start, confirm. After any error the target is asked what is true.
import type { Clock } from '../shared/clock.js';
import { OperationalError, withRemedy } from '../shared/errors.js';
import type { Journal, Step, StepOutcome } from '../shared/workflow.js';
import { byHand } from './by-hand.js';
import { describeLook, isRunning, isStopped, lastLook, look, lookUntil, onTheWayBack, unlessBusy, type Look, type Place } from './place.js';

export interface StartContext {
  readonly workload: { readonly uuid: string; readonly name: string; readonly definition: string };
  /** Where it is to run. */
  readonly target: Place;
  readonly clock: Clock;
  /** Reads the store anew: null when the start is still wanted, else why not. */
  readonly stillWanted: () => Promise<string | null>;
}

/** What taking back works with. */
export const startWayBack = <C extends { readonly target: Place }>(context: C): C => ({ ...context, target: onTheWayBack(context.target) });

/** A start whose answer was lost mostly takes effect within this time, the bound that the driver puts on the command at the host. One that is later still is overtaken. */
const LATE_START = { withinMs: 30_000, everyMs: 500 };
/** From the start command's answer to "running"; QEMU is there in under a second, a loaded host takes some. */
const CONFIRM = { withinMs: 20_000, everyMs: 200 };

export const checkWanted: Step<StartContext> = {
  name: 'check',
  run: async ({ stillWanted }) => {
    const why = await stillWanted();
    return why === null ? { kind: 'done' } : { kind: 'cancelled', why };
  },
};

/** Defines it at the target, never to be started by the host itself. Undone unless it runs. */
export const defineAtTarget: Step<StartContext> = {
  name: 'define',
  run: async ({ workload, target }) => {
    try {
      await target.hypervisor.define(target.token, workload.definition);
      await target.hypervisor.setAutostart(target.token, workload.uuid, false);
      return { kind: 'done', note: `defined on ${target.name}, autostart off` };
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      return { kind: 'failed', code: codeOf(error, 'define-failed'), why: `${workload.name} was not defined on ${target.name}: ${withRemedy(error)}` };
    }
  },
  undo: async (context) => removeDefinition(context),
};

/**
 * Removing the definition also takes the ground from a start command that is still on its way.
 * Throws when it runs after all: then there is nothing to undo, and a person is told.
 * A definition that can't be reached is left: it does not start by itself, and re-admission of the host cleans it up.
 */
export async function removeDefinition({ workload, target }: Pick<StartContext, 'workload' | 'target'>): Promise<string> {
  const before = await look(target, workload.uuid);
  if (before.kind === 'blind') return `${target.name} does not answer; a definition may be left there`;
  if (before.observed === null) return `not defined on ${target.name}`;
  if (!isStopped(before)) throw leftRunning(workload.name, target.name, before);
  const refusal = await refusalOf(() => target.hypervisor.undefine(target.token, workload.uuid));
  if (refusal?.code === 'guard-refused') return `a newer command governs ${workload.name} on ${target.name}; left to it`;
  const after = await look(target, workload.uuid);
  if (after.kind === 'blind') return `${target.name} does not answer any more; a definition may be left there`;
  if (!isStopped(after)) throw leftRunning(workload.name, target.name, after);
  // While it is there, a start that is still on its way could find it.
  if (after.observed !== null && refusal !== null) throw refusal;
  return `definition removed from ${target.name}`;
}

async function refusalOf(command: () => Promise<void>): Promise<OperationalError | null> {
  try {
    await unlessBusy(command);
    return null;
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return error;
  }
}

function leftRunning(workload: string, target: string, seen: Look): OperationalError {
  return new OperationalError('failed', `${workload} on ${target} is ${describeLook(seen)}; it was left there`);
}

export const startAtTarget: Step<StartContext> = {
  name: 'start',
  run: async (context, journal) => {
    const unwanted = await whyStop(context, journal);
    if (unwanted !== null) return { kind: 'cancelled', why: unwanted };
    return startOrAsk(context, () => startDefined(context));
  },
  undo: async ({ workload, target }) => {
    const seen = await lastLook(target, workload.uuid);
    if (seen.kind === 'blind') throw new OperationalError('unreachable', `${workload.name} may run on ${target.name}, which does not answer: ${seen.why}`);
    if (!isStopped(seen)) throw leftRunning(workload.name, target.name, seen);
    return `does not run on ${target.name}`;
  },
};

/** A run that was killed while it undid itself has removed the definition of a step that counts as done: it is put there again. */
async function startDefined({ workload, target }: StartContext): Promise<void> {
  try {
    await target.hypervisor.start(target.token, workload.uuid);
  } catch (error) {
    if (!(error instanceof OperationalError) || error.code !== 'not-found') throw error;
    await target.hypervisor.define(target.token, workload.definition);
    await target.hypervisor.setAutostart(target.token, workload.uuid, false);
    await target.hypervisor.start(target.token, workload.uuid);
  }
}

/** The last look before something irreversible: cancelled by a person, or no longer wanted? */
async function whyStop({ stillWanted }: StartContext, journal: Journal): Promise<string | null> {
  if (await journal.cancelRequested()) return 'cancelled on request, before it was started';
  return stillWanted();
}

/** Runs the start command; when it fails, the target says whether it runs. */
export async function startOrAsk(context: StartContext, command: () => Promise<void>): Promise<StepOutcome> {
  try {
    await command();
    return { kind: 'done', note: `started on ${context.target.name}` };
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return afterRefusal(context, error);
  }
}

async function afterRefusal(context: StartContext, error: OperationalError): Promise<StepOutcome> {
  const { workload, target } = context;
  const effectUnknown = error.code === 'timeout' || error.code === 'unreachable';
  const seen = effectUnknown ? await lookForLateStart(context) : await look(target, workload.uuid);
  if (isRunning(seen)) return { kind: 'done', note: `the start command failed (${error.message}), yet it runs on ${target.name}` };
  if (seen.kind === 'blind') return targetUnknown(context, seen.why);
  if (seen.isProvenOff) return confirmation(context, seen);
  if (!isStopped(seen)) return { kind: 'done', note: `the start command failed (${error.message}); on ${target.name} it is ${describeLook(seen)}` };
  return { kind: 'failed', code: codeOf(error, 'start-failed'), why: whyRefused(context, error) };
}

/** It is called failed, and may be tried elsewhere, only when no start that is still under way can take effect any more. */
async function lookForLateStart({ workload, target, clock }: StartContext): Promise<Look> {
  const seen = await lookUntil({ place: target, uuid: workload.uuid, clock }, LATE_START, isRunning);
  return isStopped(seen) ? lastLook(onTheWayBack(target), workload.uuid) : seen;
}

function codeOf(error: OperationalError, otherwise: string): string {
  if (error.code === 'locked') return 'storage-locked';
  if (error.code === 'guard-refused') return 'guard-refused';
  if (error.code === 'no-data') return 'data-missing';
  return error.code === 'unreachable' || error.code === 'timeout' ? 'target-unreachable' : otherwise;
}

function whyRefused({ workload, target }: StartContext, error: OperationalError): string {
  if (error.code !== 'locked') return withRemedy(error);
  return `${workload.name} was not started on ${target.name}: one of its disks is locked, so something still uses it: ${withRemedy(error)}. Nothing was forced; find the other user of the disk first`;
}

function targetUnknown({ workload, target }: StartContext, why: string): StepOutcome {
  return { kind: 'unknown', code: 'target-unknown', why: `${workload.name} may run on ${target.name}, which does not answer: ${why}. It is started nowhere else until ${target.name} answers or is proven off` };
}

/** Confirmed by looking, not by the command's answer. */
export const confirmRunning: Step<StartContext> = {
  name: 'confirm',
  run: async (context) => {
    const { workload, target, clock } = context;
    const seen = await lookUntil({ place: target, uuid: workload.uuid, clock }, CONFIRM, (one) => isRunning(one) || isStopped(one));
    return confirmation(context, seen);
  },
};

function confirmation(context: StartContext, seen: Look): StepOutcome {
  const { workload, target } = context;
  if (isRunning(seen)) return { kind: 'done', note: `runs on ${target.name}` };
  if (seen.kind === 'blind') return targetUnknown(context, seen.why);
  if (seen.isProvenOff) return { kind: 'failed', code: 'target-lost', why: `${target.name} was lost while ${workload.name} was started there, and is proven off` };
  if (isStopped(seen)) return { kind: 'failed', code: 'ended-at-once', why: `${workload.name} was started on ${target.name} and is ${describeLook(seen)} again` };
  return { kind: 'unknown', code: 'not-executing', why: `${workload.name} on ${target.name} is ${describeLook(seen)}: its process is there and does not execute; look at the host's storage, then resume it there (\`${byHand('resume', seen.observed?.driver ?? 'libvirt', workload.name)}\`) or stop it` };
}
