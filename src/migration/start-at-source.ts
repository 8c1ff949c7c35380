// The way back of a relocation: what was stopped at its source for the move is started there again, however long that takes to answer.
import type { Clock } from '../shared/clock.js';
import { messageOf, OperationalError } from '../shared/errors.js';
import type { Journal, Undone } from '../shared/workflow.js';
import { look, unlessBusy, type Look, type Place } from '../workloads/place.js';

interface AtSource {
  readonly workload: { readonly uuid: string; readonly name: string; readonly definition: string };
  readonly source: Place;
  readonly clock: Clock;
}

/** A daemon whose package is refreshed is away for less. What takes longer is left to the rules, which start it once its host answers. */
const START_AGAIN = { withinMs: 120_000, everyMs: 2_000 };

/**
 * Called only when it surely runs nowhere else, now or later. It does not throw because the source is away: what is `leftStopped` is at its source and nowhere else,
 * and is started or recovered from there as if it had never been moved.
 */
export async function startAtSource({ workload, source, clock }: AtSource, journal: Journal): Promise<string | Undone> {
  const endsAtMs = clock.monotonicMs() + START_AGAIN.withinMs;
  let said = false;
  for (;;) {
    const here = await look(source, workload.uuid);
    if (here.kind === 'seen' && here.isProvenOff) return leftStopped(`${source.name} is proven off, and has it`);
    const trouble = here.kind === 'blind' ? here.why : await tryOnce({ workload, source }, here);
    if (trouble === null) return `runs on ${source.name} again`;
    if (trouble instanceof OperationalError && trouble.code === 'locked') throw trouble;
    const why = messageOf(trouble);
    const isRefused = trouble instanceof OperationalError && trouble.code === 'guard-refused';
    if (isRefused || clock.monotonicMs() + START_AGAIN.everyMs > endsAtMs) return leftStopped(`it is stopped on ${source.name}, where it was not started again yet: ${why}`);
    if (!said) await journal.progress({ line: `waits until ${source.name} starts it again: ${why}` });
    said = true;
    await clock.sleep(START_AGAIN.everyMs);
  }
}

async function tryOnce({ workload, source }: Omit<AtSource, 'clock'>, here: Extract<Look, { kind: 'seen' }>): Promise<OperationalError | null> {
  try {
    if (here.observed === null) await unlessBusy(() => source.hypervisor.define(source.token, workload.definition));
    await unlessBusy(() => source.hypervisor.start(source.token, workload.uuid));
    return null;
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return error;
  }
}

/** For the operation's ending. */
export const LEFT_STOPPED = 'leftStopped';

const leftStopped = (note: string): Undone => ({ note, memo: { [LEFT_STOPPED]: note } });
