// Fencing: the host's devices in order are told off, and each must then say off. An answer "ok" proves nothing.
import type { Clock } from '../shared/clock.js';
import { messageOf } from '../shared/errors.js';
import { JournalLost, runWorkflow, type Journal, type Step, type StepOutcome, type WorkflowOutcome } from '../shared/workflow.js';
import type { FenceDevice } from './fence-device.js';

export interface FenceContext {
  readonly host: string;
  readonly devices: readonly FenceDevice[];
  readonly clock: Clock;
  /** Read right before each power-off: null while the fence is still wanted, else why not. */
  readonly stillWanted: () => Promise<string | null>;
}

/** A machine that is told off by its BMC is off in well under a second; some boards take a few. */
export const VERIFY_MS = 12_000;
const LOOK_EVERY_MS = 150;

/** One device's answer: off with evidence, or why not. */
type DeviceAnswer = { readonly off: true; readonly evidence: string } | { readonly off: false; readonly why: string };

const cutPower: Step<FenceContext> = {
  name: 'cut-power',
  run: async (context, journal) => {
    const devices = context.devices.filter((device) => device.automatic);
    if (devices.length === 0) return { kind: 'failed', code: 'no-fence-device', why: `${context.host} has no automatic fence device; \`reeve host confirm-off ${context.host}\`` };
    return tryInOrder(context, devices, journal);
  },
};

async function tryInOrder(context: FenceContext, devices: readonly FenceDevice[], journal: Journal): Promise<StepOutcome> {
  const failures: string[] = [];
  for (const device of devices) {
    const unwanted = (await journal.cancelRequested()) ? 'called off' : await context.stillWanted();
    if (unwanted !== null) return { kind: 'cancelled', why: unwanted };
    await journal.progress({ line: `${device.describe}: told off` });
    const answer = await cutBy(device, context.clock);
    if (answer.off) return { kind: 'done', note: answer.evidence, memo: { evidence: answer.evidence, device: device.describe } };
    failures.push(`${device.describe}: ${answer.why}`);
    await journal.progress({ line: `${device.describe} failed: ${answer.why}` });
  }
  return { kind: 'failed', code: 'fence-failed', why: failures.join('; ') };
}

/** Off is told first, and the status decides: it is asked even when the command seemed to fail. */
async function cutBy(device: FenceDevice, clock: Clock): Promise<DeviceAnswer> {
  const toldAtMs = clock.monotonicMs();
  const refusal = await told(device);
  const endsAtMs = clock.monotonicMs() + (refusal === null ? VERIFY_MS : 0);
  for (;;) {
    const state = await stateOf(device);
    const afterMs = Math.round(clock.monotonicMs() - toldAtMs);
    if (state === 'off') return { off: true, evidence: `${device.describe}: told off${refusal === null ? '' : ` (answered: ${refusal})`}, status off ${afterMs} ms later` };
    const out = clock.monotonicMs() + LOOK_EVERY_MS > endsAtMs;
    if (out) return { off: false, why: whyNotOff(state, refusal, afterMs) };
    await clock.sleep(LOOK_EVERY_MS);
  }
}

async function told(device: FenceDevice): Promise<string | null> {
  try {
    await device.off();
    return null;
  } catch (error) {
    if (error instanceof JournalLost) throw error;
    return messageOf(error);
  }
}

/** The power state, or why it can't be told. */
async function stateOf(device: FenceDevice): Promise<'on' | 'off' | { readonly why: string }> {
  try {
    return await device.status();
  } catch (error) {
    return { why: messageOf(error) };
  }
}

function whyNotOff(state: 'on' | 'off' | { readonly why: string }, refusal: string | null, afterMs: number): string {
  if (refusal !== null) return refusal;
  if (typeof state === 'object') return `told off, and its status can't be read: ${state.why}`;
  return `told off and answered ok, and its status still says on after ${Math.round(afterMs / 1000)} s: the device is not to be believed`;
}

/** Told twice does no harm: a resumed fence tells off again and looks. */
export const FENCE_STEPS: readonly Step<FenceContext>[] = [cutPower];

export function runFence(context: FenceContext, journal: Journal): Promise<WorkflowOutcome> {
  return runWorkflow(FENCE_STEPS, context, journal);
}
