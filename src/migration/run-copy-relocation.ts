// Relocation of what must be copied: while it runs, then once more when it is stopped; started at the target, forgotten at the source.
// Nothing that a client was told is written is lost: the last copy begins when nothing can write any more, and what has run at the target never goes back.
import { messageOf, OperationalError } from '../shared/errors.js';
import { runWorkflow, type Journal, type Step, type StepOutcome, type WorkflowOutcome } from '../shared/workflow.js';
import { describeLook, isRunning, lastLook, look, type Place } from '../workloads/place.js';
import { endedByHand } from '../workloads/reconcile-observed.js';
import { defineAtTarget, startAtTarget } from '../workloads/start-steps.js';
import { copyInstance } from './copy-instance.js';
import { settleCopies } from './settle-copies.js';
import { atTarget, current, precheck, refused, relocationWayBack, stopAtSource, whyNotProven, whyNotStopped, type RelocationContext } from './run-relocation.js';
import { confirmMoved, stopNotingGap } from './standstill.js';
import { startAtSource } from './start-at-source.js';

export interface CopyRelocationContext extends RelocationContext {
  readonly operationId: string;
  readonly bandwidthMiBps: number | null;
  /** What is left at the source stays there as a replica; else it is deleted. */
  readonly keepsReplica: boolean;
}

/** While it runs, or did not run before, nobody waits for it: as long as it makes progress that its daemons believe in. */
const PRESEED_WITHIN_MS = 12 * 3_600_000;
/** It stands still meanwhile. What takes longer is better moved at a quieter hour: it runs on at its source. */
const LAST_WITHIN_MS = 5 * 60_000;
/** A long copying leaves much to copy again: another one while it still runs makes the gap shorter. */
const PASSES = { most: 3, untilMs: 20_000 };

/** Of this try: a copy of an earlier one is not of what was written since. */
const copyId = ({ operationId, source }: CopyRelocationContext, which: string): string => `${operationId}-${source.token.workload?.epoch ?? 0}-${which}`;

const preseed: Step<CopyRelocationContext> = {
  name: 'preseed',
  run: async (context, journal) => {
    if (journal.memo['wasRunning'] !== true) return { kind: 'done', note: 'it does not run: it is copied once' };
    for (let pass = 1; ; pass += 1) {
      const began = context.clock.monotonicMs();
      const outcome = await copyInstance(context, journal, { id: copyId(context, `seed-${pass}`), withinMs: PRESEED_WITHIN_MS, line: `copying it to ${context.target.name} while it runs`, whileRunning: true, overNewest: pass > 1 });
      // It may have failed because there is nothing more to read of it.
      if (outcome.kind === 'failed') return (await endedMeanwhile(context)) ?? outcome;
      if (outcome.kind !== 'done') return outcome;
      const tookMs = context.clock.monotonicMs() - began;
      const ended = await endedMeanwhile(context);
      if (ended) return ended.kind === 'done' ? { ...outcome, ...ended } : ended;
      if (pass < PASSES.most && tookMs >= PASSES.untilMs) continue;
      if (tookMs > LAST_WITHIN_MS) return refused('copy-too-slow', tooLongAGap(context, tookMs));
      return { ...outcome, note: `copied while it ran, ${pass} ${pass === 1 ? 'time' : 'times'}` };
    }
  },
};

export const STOPPED_BY_HAND = 'stopped-by-hand';

/** What a person has stopped stays stopped, where it is. What ended by itself is copied as it is, and started at the target. */
async function endedMeanwhile({ workload, source }: CopyRelocationContext): Promise<StepOutcome | null> {
  const seen = await look(source, workload.uuid);
  if (seen.kind === 'blind' || seen.observed?.runState !== 'stopped') return null;
  const byHand = endedByHand(seen.observed.reason);
  if (byHand === null) return { kind: 'done', note: `it ended while it was copied: ${seen.observed.reason}` };
  return { kind: 'cancelled', code: STOPPED_BY_HAND, why: `${byHand} on ${source.name} while it was copied to be moved: it stays stopped there` };
}

/** Known before anything is stopped: each target would cost the same gap for nothing. */
function tooLongAGap({ workload, source, target }: CopyRelocationContext, tookMs: number): string {
  const s = (ms: number): number => Math.round(ms / 1000);
  return `copying to ${target.name} what ${workload.name} had written meanwhile took ${s(tookMs)} s, and it would stand still for about as long; more than ${s(LAST_WITHIN_MS)} s are not waited for. It was not stopped, and runs on at ${source.name}: move it when it writes less, or stop it first`;
}

/** When the gap begins. */
const stop: Step<CopyRelocationContext> = {
  ...stopAtSource,
  run: stopNotingGap,
  // What is still a replica is started by nobody: the target need not be asked, and may be gone.
  undo: async (context, journal) => {
    if (journal.memo['promoting'] === true) return stopAtSource.undo?.(context, journal) ?? null;
    return journal.memo['wasRunning'] === true ? startAtSource(current(context, journal), journal) : `it did not run on ${context.source.name} before`;
  },
};

/** From here on nothing can write to it at the source. */
const lastCopy: Step<CopyRelocationContext> = {
  name: 'copy',
  run: async (context, journal) => {
    const seen = await lastLook(context.source, context.workload.uuid);
    if (seen.kind === 'seen' && seen.isProvenOff) return refused('source-lost', `${context.source.name} was proven off before ${context.workload.name} was copied as it was when it stopped`);
    const unproven = whyNotStopped(context, seen) ?? (seen.kind === 'seen' && seen.observed === null ? await madeWhole(current(context, journal)) : null);
    if (unproven) return unproven;
    const withinMs = journal.memo['wasRunning'] === true ? LAST_WITHIN_MS : PRESEED_WITHIN_MS;
    const outcome = await copyInstance(context, journal, { id: copyId(context, 'last'), withinMs, line: `copying to ${context.target.name} what was written since`, overNewest: typeof journal.memo['copiedAsOfMs'] === 'number' });
    return outcome.kind === 'done' ? { ...outcome, note: 'copied as it was when it stopped' } : outcome;
  },
  // Nothing is to be done, and it must be known before the source writes again: a later try has to copy anew.
  undo: async () => null,
};

/** A start there that failed, or a way back that was killed, may have left it a replica at its own home. */
async function madeWhole({ workload, source }: RelocationContext): Promise<StepOutcome | null> {
  try {
    await source.hypervisor.define(source.token, workload.definition);
    return null;
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return refused('data-elsewhere', `${source.name} has no complete copy of ${workload.name}: ${messageOf(error)}`);
  }
}

/** From here on a start may be under way at the target. */
const promote: Step<CopyRelocationContext> = {
  name: 'promote',
  run: async (_context, journal) => ((await journal.cancelRequested()) ? { kind: 'cancelled', why: 'cancelled on request, before it was started' } : { kind: 'done', memo: { promoting: true } }),
  undo: async () => null,
};

/** It runs at the target: what may be left at the source is no reason to undo that. */
const leaveSource: Step<CopyRelocationContext> = {
  name: 'leave-source',
  run: async ({ workload, source, target, keepsReplica }, { memo: { copiedAsOfMs, promoting } }) => {
    try {
      // Nothing was written there since the last copy.
      await source.hypervisor.undefine(source.token, workload.uuid, typeof copiedAsOfMs === 'number' ? copiedAsOfMs : undefined);
      const there = await look(target, workload.uuid);
      // Where it is not there, that may be all there is of it; where it has ended, the host may be why, and the way back is short as long as this is kept.
      const isWell = promoting === true ? isRunning(there) : there.kind === 'seen' && there.observed !== null;
      if (!isWell) return { kind: 'done', note: `what is left on ${source.name} stays there, as it was when it moved: ${target.name} was asked, and it is ${describeLook(there)}; \`reeve workload replicas ${workload.name}\` shows it` };
      if (keepsReplica) return { kind: 'done', note: `what is left on ${source.name} is its replica now` };
      await source.hypervisor.copies?.deleteReplica(source.token, workload.uuid);
      return { kind: 'done', note: `it was removed from ${source.name}` };
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      // Not started at the target, it can go on where it is, with all that was written there.
      if (promoting !== true && error.code === 'failed' && (await isThereStill(source, workload.uuid))) return refused('not-stopped', `${workload.name} stays on ${source.name}: ${messageOf(error)}`);
      return { kind: 'done', note: `a stopped copy may be left on ${source.name}: ${messageOf(error)}` };
    }
  },
};

async function isThereStill(place: Place, uuid: string): Promise<boolean> {
  const seen = await look(place, uuid);
  return seen.kind === 'seen' && seen.observed !== null;
}

const canBeCopied: Step<CopyRelocationContext> = {
  name: 'copies',
  run: async ({ workload, source, target }) => {
    if (source.hypervisor.copies === null) return refused('not-copied', `${workload.name} is not copied from ${source.name}: no daemon for it is known there`);
    return target.hypervisor.copies === null ? refused('no-daemon', `${target.name} has no daemon for containers: ${workload.name} can't be copied there`) : settleCopies({ workload, target });
  },
};

/** For what is moved without being started. */
export const copyParts = { canBeCopied, lastCopy, leaveSource };

export const COPY_RELOCATION_STEPS: readonly Step<CopyRelocationContext>[] = [
  canBeCopied, precheck, preseed, stop, lastCopy, promote, atTarget(defineAtTarget), atTarget(startAtTarget, whyNotProven), confirmMoved, leaveSource,
];

export const copyRelocationWayBack = (context: CopyRelocationContext): CopyRelocationContext => ({ ...context, ...relocationWayBack(context) });

export function runCopyRelocation(context: CopyRelocationContext, journal: Journal): Promise<WorkflowOutcome> {
  return runWorkflow(COPY_RELOCATION_STEPS, context, journal, copyRelocationWayBack);
}
