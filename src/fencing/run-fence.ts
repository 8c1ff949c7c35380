// Fencing: the host's devices in order are told off, and each must then say off; an answer "ok" proves nothing. Beside them the end
// of the host's lease is sought. The first proof wins.
import type { Clock } from '../shared/clock.js';
import { messageOf, OperationalError } from '../shared/errors.js';
import { JournalLost, runWorkflow, type Journal, type Step, type StepOutcome, type WorkflowOutcome } from '../shared/workflow.js';
import type { FenceDevice, PowerState } from './fence-device.js';
import type { LeaseEnd } from './lease-end.js';

export interface FenceContext {
  readonly host: string;
  readonly devices: readonly FenceDevice[];
  /** Null: the host enforces no lease. */
  readonly lease: LeaseEnd | null;
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
/** Voters that live answer within two heartbeats, and are asked again with each. */
export const PROMISES_MS = 10_000;
const LEASE_LOOK_MS = 200;

/** One device's answer: off with evidence, or why not. */
type DeviceAnswer = { readonly off: true; readonly evidence: string } | { readonly off: false; readonly why: string };

const automatic = (context: FenceContext): readonly FenceDevice[] => context.devices.filter((device) => device.automatic);

/** Writes down that it began, before anything is cut: a run that finds this done was resumed, and looks before it acts. */
const check: Step<FenceContext> = {
  name: 'check',
  run: async (context, journal) => {
    if (automatic(context).length === 0 && context.lease === null) return { kind: 'failed', code: 'no-fence-device', why: `${context.host} has no automatic fence device and enforces no lease; look at the machine, then \`reeve host confirm-off ${context.host}\`` };
    const unwanted = await whyNotWanted(context, journal);
    return unwanted === null ? { kind: 'done' } : { kind: 'cancelled', why: unwanted };
  },
};

/** What the other side of the race has to know: once one has its proof, the other begins nothing new. */
interface Race {
  isOver: boolean;
  /** While a device is being told, its own side says whether the fence is called off: what was told must be followed to its end. */
  devicesAtWork: boolean;
}

const prove: Step<FenceContext> = {
  name: 'prove-off',
  run: async (context, journal) => {
    const isResumed = journal.doneSteps.includes(check.name);
    const known = isResumed ? await alreadyOff(context) : null;
    if (known) return known;
    const race: Race = { isOver: false, devicesAtWork: automatic(context).length > 0 };
    try {
      return await firstProof([byDevices(context, journal, race), byLeaseEnd(context, journal, race)], race);
    } finally {
      context.lease?.withdraw();
    }
  },
};

/** The first that is done or called off ends the race. When all have failed, each says why. */
async function firstProof(tries: readonly Promise<StepOutcome | null>[], race: Race): Promise<StepOutcome> {
  const failures: string[] = [];
  return new Promise((resolve, reject) => {
    const end = (outcome: StepOutcome): void => {
      race.isOver = true;
      resolve(outcome);
    };
    let left = tries.length;
    const failed = (why: string | null): void => {
      if (why !== null) failures.push(why);
      left -= 1;
      if (left === 0) end({ kind: 'failed', code: 'fence-failed', why: failures.join('; ') });
    };
    for (const one of tries) {
      one.then((outcome) => (outcome === null || outcome.kind === 'failed' ? failed(outcome?.why ?? null) : end(outcome)), (error: unknown) => {
        race.isOver = true;
        reject(error as Error);
      });
    }
  });
}

async function byDevices(context: FenceContext, journal: Journal, race: Race): Promise<StepOutcome | null> {
  const outcome = race.devicesAtWork ? await tryInOrder(context, journal, race) : null;
  race.devicesAtWork = false;
  return outcome;
}

/** Waits for as long as the end is in sight; while promises are missing, only so long. Then the fence is tried anew, later. */
async function byLeaseEnd(context: FenceContext, journal: Journal, race: Race): Promise<StepOutcome | null> {
  const { lease, clock } = context;
  if (lease === null) return null;
  const askedAtMs = clock.monotonicMs();
  let told = '';
  while (!race.isOver) {
    const unwanted = race.devicesAtWork ? null : await whyNotWanted(context, journal);
    if (unwanted !== null) return { kind: 'cancelled', why: unwanted };
    const state = await lease.look();
    if (state.kind === 'over') return { kind: 'done', note: state.evidence, memo: { evidence: state.evidence, proof: 'lease-expired' } };
    if (state.kind === 'none' || (state.kind === 'asking' && clock.monotonicMs() - askedAtMs > PROMISES_MS)) return { kind: 'failed', code: 'no-lease-end', why: `lease: ${state.why}` };
    if (state.kind !== told && !race.isOver) await journal.progress({ line: `lease: ${state.why}` });
    told = state.kind;
    await clock.sleep(LEASE_LOOK_MS);
  }
  return null;
}

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

const cut = (device: FenceDevice, evidence: string): StepOutcome => ({ kind: 'done', note: evidence, memo: { evidence, device: device.describe, proof: 'power-off' } });

async function tryInOrder(context: FenceContext, journal: Journal, race: Race): Promise<StepOutcome> {
  const failures: string[] = [];
  for (const device of automatic(context)) {
    if (race.isOver) break;
    const answer = await cutBy(device, { context, journal, race });
    if ('kind' in answer) return answer;
    if (answer.off) return cut(device, answer.evidence);
    failures.push(`${device.describe}: ${answer.why}`);
    if (!race.isOver) await journal.progress({ line: `${device.describe} failed: ${answer.why}` });
  }
  return { kind: 'failed', code: 'fence-failed', why: failures.join('; ') };
}

/** Off is told first, and the status decides: it is asked even when the command seemed to fail. */
async function cutBy(device: FenceDevice, { context, journal, race }: { readonly context: FenceContext; readonly journal: Journal; readonly race: Race }): Promise<DeviceAnswer | StepOutcome> {
  for (let tells = 1; ; tells += 1) {
    if (race.isOver) return { off: false, why: 'not needed any more' };
    const unwanted = await whyNotWanted(context, journal);
    if (unwanted !== null) return { kind: 'cancelled', why: unwanted };
    await journal.progress({ line: `${device.describe}: told off` });
    // Asked again: the write above took its time, and a command that comes late could hit a host that was admitted anew.
    if (race.isOver) return { off: false, why: 'not needed any more' };
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
export const FENCE_STEPS: readonly Step<FenceContext>[] = [check, prove];

export function runFence(context: FenceContext, journal: Journal): Promise<WorkflowOutcome> {
  return runWorkflow(FENCE_STEPS, context, journal);
}
