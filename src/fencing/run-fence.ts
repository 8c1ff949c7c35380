// Fencing: the host's devices in order are told off, and each must then say off. An answer "ok" proves nothing.
import type { Clock } from '../shared/clock.js';
import { messageOf, OperationalError } from '../shared/errors.js';
import { JournalLost, runWorkflow, type Journal, type Step, type StepOutcome, type WorkflowOutcome } from '../shared/workflow.js';
import type { FenceDevice, PowerState } from './fence-device.js';

export interface FenceContext {
  readonly host: string;
  readonly devices: readonly FenceDevice[];
  readonly clock: Clock;
  /** Read right before each power-off: null while the fence is still wanted, else why not. */
  readonly stillWanted: () => Promise<string | null>;
}

/** A machine that is told off by its BMC is off in well under a second; some boards take a few. */
export const VERIFY_MS = 12_000;
/** The command's answer was lost: it may still take effect, or never have arrived. */
export const UNANSWERED_VERIFY_MS = 4_000;
/** A command that got lost is given once more; a device that loses two is not to be relied upon. */
const TELLS = 2;
const LOOK_EVERY_MS = 150;

/** One device's answer: off with evidence, or why not. */
type DeviceAnswer = { readonly off: true; readonly evidence: string } | { readonly off: false; readonly why: string };

const automatic = (context: FenceContext): readonly FenceDevice[] => context.devices.filter((device) => device.automatic);

/** Writes down that it began, before anything is cut: a run that finds this done was resumed, and looks before it acts. */
const check: Step<FenceContext> = {
  name: 'check',
  run: async (context, journal) => {
    if (automatic(context).length === 0) return { kind: 'failed', code: 'no-fence-device', why: `${context.host} has no automatic fence device; look at the machine, then \`reeve host confirm-off ${context.host}\`` };
    const unwanted = await whyNotWanted(context, journal);
    return unwanted === null ? { kind: 'done' } : { kind: 'cancelled', why: unwanted };
  },
};

const cutPower: Step<FenceContext> = {
  name: 'cut-power',
  run: async (context, journal) => {
    const isResumed = journal.doneSteps.includes(check.name);
    return (isResumed ? await alreadyOff(context) : null) ?? tryInOrder(context, journal);
  },
};

async function whyNotWanted(context: FenceContext, journal: Journal): Promise<string | null> {
  return (await journal.cancelRequested()) ? 'called off' : context.stillWanted();
}

/** A run before this one may have cut the power: then the first device that says so is proof enough. */
async function alreadyOff(context: FenceContext): Promise<StepOutcome | null> {
  for (const device of automatic(context)) {
    if ((await stateOf(device)) === 'off') return cut(device, `${device.describe}: status off when it was asked again after an interruption`);
  }
  return null;
}

const cut = (device: FenceDevice, evidence: string): StepOutcome => ({ kind: 'done', note: evidence, memo: { evidence, device: device.describe } });

async function tryInOrder(context: FenceContext, journal: Journal): Promise<StepOutcome> {
  const failures: string[] = [];
  for (const device of automatic(context)) {
    const answer = await cutBy(device, context, journal);
    if ('kind' in answer) return answer;
    if (answer.off) return cut(device, answer.evidence);
    failures.push(`${device.describe}: ${answer.why}`);
    await journal.progress({ line: `${device.describe} failed: ${answer.why}` });
  }
  return { kind: 'failed', code: 'fence-failed', why: failures.join('; ') };
}

/** Off is told first, and the status decides: it is asked even when the command seemed to fail. */
async function cutBy(device: FenceDevice, context: FenceContext, journal: Journal): Promise<DeviceAnswer | StepOutcome> {
  for (let tells = 1; ; tells += 1) {
    const unwanted = await whyNotWanted(context, journal);
    if (unwanted !== null) return { kind: 'cancelled', why: unwanted };
    await journal.progress({ line: `${device.describe}: told off` });
    const toldAtMs = context.clock.monotonicMs();
    const refusal = await told(device);
    const { state, afterMs } = await verify(device, context.clock, { toldAtMs, withinMs: refusal === null ? VERIFY_MS : refusal.mayTakeEffect ? UNANSWERED_VERIFY_MS : 0 });
    const answered = refusal === null ? '' : ` (its answer: ${refusal.why})`;
    if (state === 'off') return { off: true, evidence: `${device.describe}: told off${answered}, status off ${afterMs} ms later` };
    // It answers, and the command did not: that one got lost on the way.
    const again = refusal?.mayTakeEffect === true && state === 'on' && tells < TELLS;
    if (!again) return { off: false, why: whyNotOff(state, refusal?.why ?? null, afterMs) };
  }
}

type Status = PowerState | { readonly why: string };

async function verify(device: FenceDevice, clock: Clock, { toldAtMs, withinMs }: { readonly toldAtMs: number; readonly withinMs: number }): Promise<{ readonly state: Status; readonly afterMs: number }> {
  const endsAtMs = clock.monotonicMs() + withinMs;
  for (;;) {
    const state = await stateOf(device);
    const now = clock.monotonicMs();
    if (state === 'off' || now + LOOK_EVERY_MS > endsAtMs) return { state, afterMs: Math.round(now - toldAtMs) };
    await clock.sleep(LOOK_EVERY_MS);
  }
}

/** Null: it answered ok, which proves nothing. */
async function told(device: FenceDevice): Promise<{ readonly why: string; readonly mayTakeEffect: boolean } | null> {
  try {
    await device.off();
    return null;
  } catch (error) {
    if (error instanceof JournalLost) throw error;
    return { why: messageOf(error), mayTakeEffect: error instanceof OperationalError && error.retryable };
  }
}

/** The power state, or why it can't be told. */
async function stateOf(device: FenceDevice): Promise<Status> {
  try {
    return await device.status();
  } catch (error) {
    return { why: messageOf(error) };
  }
}

function whyNotOff(state: Exclude<Status, 'off'>, refusal: string | null, afterMs: number): string {
  const shown = typeof state === 'object' ? `its status can't be read: ${state.why}` : 'its status still says on';
  if (refusal !== null) return typeof state === 'object' && state.why === refusal ? refusal : `${refusal}; ${shown}`;
  if (typeof state === 'object') return `told off, and ${shown}`;
  return `told off and answered ok, and ${shown} after ${Math.round(afterMs / 1000)} s: the device is not to be believed`;
}

/** Told twice does no harm. */
export const FENCE_STEPS: readonly Step<FenceContext>[] = [check, cutPower];

export function runFence(context: FenceContext, journal: Journal): Promise<WorkflowOutcome> {
  return runWorkflow(FENCE_STEPS, context, journal);
}
