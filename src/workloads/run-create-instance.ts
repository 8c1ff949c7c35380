// Creation of a container: made at its host as a replica, from an image or from another one; made the workload once it is whole; started. What fails takes back all it made.
import type { MakeRequest } from '../hosts/hypervisor.js';
import type { Clock } from '../shared/clock.js';
import { messageOf, OperationalError, withRemedy } from '../shared/errors.js';
import { runWorkflow, type Journal, type Step, type StepOutcome, type WorkflowOutcome } from '../shared/workflow.js';
import { describeLook, look, type Place } from './place.js';
import { checkWanted, confirmRunning, defineAtTarget, startAtTarget, startWayBack, type StartContext } from './start-steps.js';

export interface CreateInstanceContext {
  readonly operationId: string;
  readonly workload: { readonly uuid: string; readonly name: string; readonly definition: string };
  readonly target: Place;
  readonly clock: Clock;
  readonly source: MakeRequest['source'];
  /** For sentences: "image noble", "a copy of web". */
  readonly from: string;
  readonly startIt: boolean;
  /** Reads the store anew: null when it is still wanted, else why not. */
  readonly stillWanted: () => Promise<string | null>;
}

/** An image of gigabytes is unpacked in minutes; a copy of a large one on a slow disk takes hours. */
const WITHIN_MS = 6 * 3_600_000;
const LOOK_EVERY_MS = 300;
/** A command whose answer was lost may be on its way for so long; one that was taken is there at once. */
const LATE_START_MS = 45_000;
const NEVER_BEGAN_MS = 1_500;
/** Its host neither answers nor is proven off. */
const BLIND_MS = 120_000;
/** What the daemon makes on by itself can't be taken away before it has ended. */
const TAKE_BACK_MS = 10 * 60_000;
const TAKE_BACK_EVERY_MS = 1_000;

const check: Step<CreateInstanceContext> = {
  name: checkWanted.name,
  run: async (context, journal) => {
    const outcome = await checkWanted.run(context, journal);
    return outcome.kind === 'done' ? whyNotThere(context) : outcome;
  },
};

/** What it needs by name is asked before anything is made. */
async function whyNotThere({ workload, target }: CreateInstanceContext): Promise<StepOutcome> {
  const seen = await look(target, workload.uuid);
  if (seen.kind === 'blind') return { kind: 'failed', code: 'target-unreachable', why: `${target.name} does not answer: ${seen.why}` };
  if (seen.observed !== null) return { kind: 'done', note: `${describeLook(seen)} on ${target.name} already` };
  const [against] = await target.hypervisor.compatibility(workload.definition);
  return against ? { kind: 'failed', code: against.code, why: `${workload.name}: ${against.why}${against.remedy === null ? '' : ` (${against.remedy})`}` } : { kind: 'done' };
}

/** A second call finds the first; a command whose host was booted since is begun anew. */
const makeIdOf = ({ operationId }: CreateInstanceContext): string => `make-${operationId}`;

const make: Step<CreateInstanceContext> = {
  name: 'make',
  run: async (context, journal) => {
    const { target, workload } = context;
    if (target.hypervisor.copies === null) return { kind: 'failed', code: 'no-daemon', why: `${target.name} has no daemon for containers` };
    // Made and defined by an earlier run that was cut off later.
    const seen = await look(target, workload.uuid);
    if (seen.kind === 'seen' && seen.observed !== null) return { kind: 'done', note: `made on ${target.name} already` };
    return makeIt(context, journal);
  },
  undo: async (context) => takeBack(context),
};

async function makeIt(context: CreateInstanceContext, journal: Journal): Promise<StepOutcome> {
  const { workload, target, clock } = context;
  const patienceMs = await begin(context);
  if (typeof patienceMs !== 'number') return patienceMs;
  await journal.progress({ line: `making it on ${target.name} from ${context.from}` });
  const beganMs = clock.monotonicMs();
  let seenMs = beganMs;
  for (;;) {
    const state = await stateOf(context);
    const now = clock.monotonicMs();
    if (state.kind !== 'blind') seenMs = now;
    if (state.kind === 'ended') return state.exitCode === 0 ? confirmed(context) : failed(context, lastWords(state.output));
    if (state.kind === 'none' && now - beganMs >= patienceMs) return failed(context, 'it never began there');
    if (state.kind === 'blind' && (state.isProvenOff || now - seenMs > BLIND_MS)) return { kind: 'failed', code: 'target-unreachable', why: `${target.name} does not answer any more while ${workload.name} is made there: ${state.why}` };
    if (now - beganMs >= WITHIN_MS) return failed(context, `it took more than ${WITHIN_MS / 3_600_000} hours`);
    if (await journal.cancelRequested()) return { kind: 'cancelled', why: `cancelled on request while ${workload.name} was made` };
    await clock.sleep(LOOK_EVERY_MS);
  }
}

/** For how long nothing being there means nothing; or why it did not begin. */
async function begin(context: CreateInstanceContext): Promise<number | StepOutcome> {
  const { workload, target, source } = context;
  try {
    await target.hypervisor.copies?.startMake(target.token, { id: makeIdOf(context), uuid: workload.uuid, definition: workload.definition, source });
    return NEVER_BEGAN_MS;
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    if (error.code === 'timeout' || error.code === 'unreachable') return LATE_START_MS;
    return { kind: 'failed', code: error.code === 'guard-refused' ? error.code : 'make-failed', why: `${workload.name} was not made on ${target.name}: ${withRemedy(error)}` };
  }
}

type MakeState = { readonly kind: 'none' | 'running' } | { readonly kind: 'ended'; readonly exitCode: number; readonly output: string } | { readonly kind: 'blind'; readonly why: string; readonly isProvenOff: boolean };

async function stateOf(context: CreateInstanceContext): Promise<MakeState> {
  const { target } = context;
  try {
    return (await target.hypervisor.copies?.copyCommand(makeIdOf(context))) ?? { kind: 'none' };
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return { kind: 'blind', why: messageOf(error), isProvenOff: (await target.provenOff?.()) === true };
  }
}

/** The command's own word is not enough. */
async function confirmed(context: CreateInstanceContext): Promise<StepOutcome> {
  const { target, workload } = context;
  const made = (await target.hypervisor.copies?.replicas(workload.uuid))?.[0];
  return made && made.asOfMs !== null ? { kind: 'done', note: `made on ${target.name} from ${context.from}` } : failed(context, `${target.name} does not show it whole, though its making ended without an error`);
}

function failed({ workload, target, from }: CreateInstanceContext, why: string): StepOutcome {
  return { kind: 'failed', code: 'make-failed', why: `${workload.name} was not made on ${target.name} from ${from}: ${why}` };
}

const lastWords = (output: string): string => output.trim().split('\n').filter(Boolean).slice(-2).join('; ').replace(/^(Error|reeve): /, '').slice(-500) || 'no reason was given';

/** Nobody but this creation knows its uuid. A host that can't be reached keeps it as a replica that nothing starts. */
async function takeBack(context: CreateInstanceContext): Promise<string> {
  const { target, workload, clock } = context;
  const copies = target.hypervisor.copies;
  const endsAtMs = clock.monotonicMs() + TAKE_BACK_MS;
  for (;;) {
    try {
      await copies?.abortCopy(target.token, makeIdOf(context));
      await copies?.deleteReplica(target.token, workload.uuid);
      return `not on ${target.name}`;
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      if (error.code === 'guard-refused') return `a newer command governs ${workload.name} on ${target.name}; left to it`;
      if (error.code === 'unreachable' || error.code === 'timeout') return `${target.name} does not answer; a replica of ${workload.name} that nothing starts may be left there`;
      if (error.code !== 'busy' || clock.monotonicMs() >= endsAtMs) throw error;
      await clock.sleep(TAKE_BACK_EVERY_MS);
    }
  }
}

const start = (context: CreateInstanceContext): StartContext => context;

/** The host's own words are kept: its profiles add to what was asked for. */
const define: Step<CreateInstanceContext> = {
  name: defineAtTarget.name,
  run: async (context, journal) => {
    const outcome = await defineAtTarget.run(start(context), journal);
    if (outcome.kind !== 'done') return outcome;
    const definition = await context.target.hypervisor.definition(context.workload.uuid);
    if (!context.startIt) return { kind: 'enough', note: `created on ${context.target.name}, not started`, memo: { definition } };
    return { ...outcome, memo: { definition } };
  },
  undo: async (context, journal) => (await defineAtTarget.undo?.(start(context), journal)) ?? null,
};

export const CREATE_INSTANCE_STEPS: readonly Step<CreateInstanceContext>[] = [check, make, define, startAtTarget, confirmRunning];

/** On success the memo holds `definition`, as the host has it. */
export function runCreateInstance(context: CreateInstanceContext, journal: Journal): Promise<WorkflowOutcome> {
  return runWorkflow(CREATE_INSTANCE_STEPS, context, journal, startWayBack);
}
