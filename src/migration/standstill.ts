// How long a workload stands still while it is moved stopped: from the request to stop until it runs again.
import type { Journal, Step, StepOutcome } from '../shared/workflow.js';
import { confirmRunning } from '../workloads/start-steps.js';
import { stopAtSource, type RelocationContext } from './run-relocation.js';

/** The first request counts, whatever was killed and done again since. */
export async function stopNotingGap(context: RelocationContext, journal: Journal): Promise<StepOutcome> {
  if (await journal.cancelRequested()) return { kind: 'cancelled', why: 'cancelled on request, before it was stopped' };
  const gapSinceMs = typeof journal.memo['gapSinceMs'] === 'number' ? journal.memo['gapSinceMs'] : context.clock.nowMs();
  const outcome = await stopAtSource.run(context, journal);
  return outcome.kind === 'done' ? { ...outcome, memo: { ...outcome.memo, gapSinceMs } } : outcome;
}

/** It ran there, however short, and may have told clients what it wrote: it has moved, and its end is treated there. */
export const confirmMoved: Step<RelocationContext> = {
  name: confirmRunning.name,
  run: async (context, journal) => {
    const outcome = await confirmRunning.run(context, journal);
    const hasMoved = outcome.kind === 'done' || (outcome.kind === 'failed' && (outcome.code === 'ended-at-once' || outcome.code === 'target-lost'));
    if (!hasMoved) return outcome;
    const { memo = {}, note = '' } = outcome.kind === 'done' ? outcome : { note: `it moved and has ended there since: ${outcome.why}` };
    const downtimeMs = gapOf(context, journal);
    return downtimeMs === null ? { kind: 'done', note, memo } : { kind: 'done', note: `${note}; it stood still for ${(downtimeMs / 1000).toFixed(1)} s`, memo: { ...memo, downtimeMs } };
  },
};

/** Null: it did not run before. */
function gapOf({ clock }: RelocationContext, { memo: { gapSinceMs, wasRunning } }: Journal): number | null {
  return wasRunning === true && typeof gapSinceMs === 'number' ? Math.max(0, clock.nowMs() - gapSinceMs) : null;
}
