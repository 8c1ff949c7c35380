// Stop: asks a workload to shut down, waits a bounded time, ends it at once only if that was asked for; confirmed by looking.
import type { Clock } from '../shared/clock.js';
import { messageOf, OperationalError } from '../shared/errors.js';
import { runWorkflow, type Journal, type Step, type StepOutcome, type WorkflowOutcome } from '../shared/workflow.js';
import { describeLook, isStopped, look, lookUntil, unlessRefused, type Place } from './place.js';

export interface StopContext {
  readonly workload: { readonly uuid: string; readonly name: string };
  readonly target: Place;
  readonly clock: Clock;
  /** How long it gets to shut down by itself; 0 with `killAfter`: it is ended at once. */
  readonly graceMs: number;
  /** End it when it did not shut down in time? Without this a stop fails and it runs on. */
  readonly killAfter: boolean;
}

/** A guest in its first seconds misses the power button: it is pressed again this often. */
const ASK_AGAIN_MS = 10_000;
const LOOK_EVERY_MS = 500;
/** A kill takes effect in milliseconds; a process stuck in disk I/O takes until that returns. */
const KILLED = { withinMs: 30_000, everyMs: 250 };

const lookFirst: Step<StopContext> = {
  name: 'look',
  run: async ({ workload, target, killAfter }) => {
    const seen = await look(target, workload.uuid);
    if (seen.kind === 'blind') return { kind: 'failed', code: 'host-unreachable', why: `${target.name} does not answer: ${seen.why}` };
    if (isStopped(seen)) return { kind: 'enough', note: `does not run on ${target.name}: ${describeLook(seen)}` };
    const state = seen.observed?.runState;
    if (state === 'migrating-in' || state === 'migrating-out') return { kind: 'failed', code: 'busy', why: `${workload.name} is being migrated; cancel that first` };
    if (state === 'paused' && !killAfter) return { kind: 'failed', code: 'paused', why: `${workload.name} is ${describeLook(seen)} and cannot shut down by itself; start (resume) it first, or stop it with force` };
    return { kind: 'done', memo: { paused: state === 'paused' } };
  },
};

/** Asks and waits in one step: a resumed stop asks again, which does no harm. */
const askToShutDown: Step<StopContext> = {
  name: 'shut-down',
  run: async (context, journal) => {
    if (context.killAfter && (context.graceMs === 0 || journal.memo['paused'] === true)) return { kind: 'done', note: 'not asked: ended at once' };
    const answer = await waitForShutDown(context, journal);
    if (answer !== 'waited') return answer;
    const seen = await look(context.target, context.workload.uuid);
    if (isStopped(seen)) return { kind: 'enough', note: `shut down on ${context.target.name}` };
    return context.killAfter ? { kind: 'done', note: `did not shut down within ${context.graceMs} ms` } : stillRuns(context, describeLook(seen));
  },
};

async function waitForShutDown({ workload, target, clock, graceMs }: StopContext, journal: Journal): Promise<StepOutcome | 'waited'> {
  const endsAt = clock.monotonicMs() + graceMs;
  let askAt = clock.monotonicMs();
  while (clock.monotonicMs() < endsAt) {
    if (isStopped(await look(target, workload.uuid))) return { kind: 'enough', note: `shut down on ${target.name}` };
    if (await journal.cancelRequested()) return { kind: 'cancelled', why: `no longer waited for; ${workload.name} was asked to shut down and may still do so` };
    if (clock.monotonicMs() >= askAt) {
      const refusal = await unlessRefused(() => ask(target, workload.uuid, journal));
      if (refusal) return refusal;
      askAt = clock.monotonicMs() + ASK_AGAIN_MS;
    }
    await clock.sleep(Math.min(LOOK_EVERY_MS, Math.max(1, endsAt - clock.monotonicMs())));
  }
  return 'waited';
}

/** A request that fails is told and made again; whether it stopped is seen by looking. The guard's refusal ends it. */
async function ask(target: Place, uuid: string, journal: Journal): Promise<void> {
  try {
    await target.hypervisor.requestShutdown(target.token, uuid);
  } catch (error) {
    if (!(error instanceof OperationalError) || error.code === 'guard-refused') throw error;
    await journal.progress({ line: `asking it to shut down: ${messageOf(error)}` });
  }
}

function stillRuns({ workload, target, graceMs }: StopContext, state: string): StepOutcome {
  return { kind: 'failed', code: 'did-not-shut-down', why: `${workload.name} did not shut down on ${target.name} within ${Math.round(graceMs / 1000)} s and is ${state}; it was not ended by force` };
}

const endIt: Step<StopContext> = {
  name: 'kill',
  run: async ({ workload, target }) => {
    if (isStopped(await look(target, workload.uuid))) return { kind: 'done', note: 'not needed' };
    try {
      const refusal = await unlessRefused(() => target.hypervisor.kill(target.token, workload.uuid));
      return refusal ?? { kind: 'done', note: `ended on ${target.name}` };
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      return { kind: 'done', note: `the kill command failed (${error.message}); looking` };
    }
  },
};

const confirmStopped: Step<StopContext> = {
  name: 'confirm',
  run: async ({ workload, target, clock }) => {
    const seen = await lookUntil({ place: target, uuid: workload.uuid, clock }, KILLED, isStopped);
    if (isStopped(seen)) return { kind: 'done', note: `does not run on ${target.name}` };
    const why = `${workload.name} on ${target.name} is ${describeLook(seen)} after it was ended`;
    return seen.kind === 'blind' ? { kind: 'unknown', code: 'host-unknown', why } : { kind: 'failed', code: 'did-not-stop', why };
  },
};

export const STOP_STEPS: readonly Step<StopContext>[] = [lookFirst, askToShutDown, endIt, confirmStopped];

export function runStop(context: StopContext, journal: Journal): Promise<WorkflowOutcome> {
  return runWorkflow(STOP_STEPS, context, journal);
}
