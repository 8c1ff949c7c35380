// Copies a workload whose data lie at its host to another one, as a replica there; watched, bounded and ended with a reason.
import { newestWholeMs, type InstanceCopies, type MigrationCommandState } from '../hosts/hypervisor.js';
import type { Clock } from '../shared/clock.js';
import { messageOf, OperationalError, withRemedy } from '../shared/errors.js';
import type { Journal, StepOutcome } from '../shared/workflow.js';
import { look, unlessBusy, type Place } from '../workloads/place.js';
import { BLIND_MS, LATE_START_MS, LOOK_EVERY_MS, NEVER_BEGAN_MS, SAYS_AFTER_MS } from './command-bounds.js';
import { unlessAway } from './unless-away.js';

export interface CopyContext {
  readonly workload: { readonly uuid: string; readonly name: string };
  readonly source: Place;
  readonly target: Place;
  readonly clock: Clock;
  /** MiB/s; null: no limit. */
  readonly bandwidthMiBps: number | null;
}

export interface CopyRun {
  /** Names the command: another one for each copying, or an older one's end would be taken for this one's. */
  readonly id: string;
  readonly withinMs: number;
  /** What people read meanwhile. */
  readonly line: string;
  /** It is done as soon as the workload does not run any more: whoever copies it for a move goes on at once. */
  readonly whileRunning?: boolean;
  /** It is written over what this same move has copied before: nobody would be recovered from that. Else the newest whole copy there stays until this one is whole. */
  readonly overNewest?: boolean;
}

/** The daemons of a copy notice a dead peer after two minutes; a target that does not answer us for so long is given up before. */
const TARGET_BLIND_MS = 10_000;
const TARGET_LOOK_EVERY_MS = 2_000;
/** Both answer us, and not each other: a switch between them may reboot, and the copying goes on afterwards; for so long. */
const CUT_OFF_MS = 12_000;
const REACH_LOOK_EVERY_MS = 3_000;

interface Watch {
  readonly startedAtMs: number;
  patienceMs: number;
  sourceBlindSinceMs: number | null;
  sourceLookedMs: number;
  /** The command has ended well, and the target has not shown the copy since. */
  unconfirmedSinceMs: number | null;
  /** What the operation says now. */
  line: string;
  targetSeenMs: number;
  targetLookedMs: number;
  /** Why nothing was heard of the target last. */
  targetWhy: string;
  reachedMs: number;
  reachLookedMs: number;
  /** The newest whole copy there before this one; undefined: not known. */
  newestBeforeMs: number | null | undefined;
}

/** Another copy of it may be on its way to the same place: it was asked to end, or ends by itself. */
const OTHER_COPY = /another copy of .* is under way|data are being copied into/;
const RETRY_MS = 2_000;

/** Done, or why not: the workload itself is not touched by it either way. */
export async function copyInstance(context: CopyContext, journal: Journal, run: CopyRun): Promise<StepOutcome> {
  const endsAtMs = context.clock.monotonicMs() + run.withinMs;
  for (let tries = 1; ; tries += 1) {
    const outcome = await copyOnce(context, journal, tries === 1 ? run : { ...run, id: `${run.id}-${tries}` });
    if (outcome.kind !== 'failed' || !OTHER_COPY.test(outcome.why) || context.clock.monotonicMs() + RETRY_MS > endsAtMs || (await journal.cancelRequested())) return outcome;
    await journal.progress({ line: 'another copy of it is under way; waiting for its end' });
    await context.clock.sleep(RETRY_MS);
  }
}

async function copyOnce(context: CopyContext, journal: Journal, run: CopyRun): Promise<StepOutcome> {
  const { copies } = context.source.hypervisor;
  if (copies === null) return { kind: 'failed', code: 'not-copied', why: `${context.workload.name} is not of a kind that is copied from ${context.source.name}` };
  const now = context.clock.monotonicMs();
  const watch: Watch = { startedAtMs: now, patienceMs: NEVER_BEGAN_MS, sourceBlindSinceMs: null, sourceLookedMs: now, unconfirmedSinceMs: null, line: run.line, targetSeenMs: now, targetLookedMs: now, targetWhy: '', reachedMs: now, reachLookedMs: now, newestBeforeMs: undefined };
  const refusal = await begin(context, copies, run, watch);
  if (refusal) return refusal;
  await journal.progress({ line: run.line });
  for (;;) {
    const outcome = await lookOnce(context, copies, journal, { run, watch });
    if (outcome) return outcome;
    if (run.whileRunning && (await hasEnded(context, watch))) {
      const trouble = await abort(context.source, copies, run);
      return { kind: 'done', note: `${context.workload.name} ended while it was copied${trouble === null ? '' : ` (ending the copying: ${trouble})`}` };
    }
    await context.clock.sleep(LOOK_EVERY_MS);
  }
}

async function begin({ workload, source, target, bandwidthMiBps }: CopyContext, copies: InstanceCopies, run: CopyRun, watch: Watch): Promise<StepOutcome | null> {
  const keepsNewest = run.overNewest !== true;
  // Of a run before this one: what it is writing, or has written, is prepared for no other copy.
  const [isKnown, newestMs] = await Promise.all([unlessAway(async () => (await copies.copyCommand(run.id)).kind !== 'none'), unlessAway(() => newestAt(target, workload.uuid))]);
  if (isKnown === true) return null;
  watch.newestBeforeMs = newestMs;
  try {
    await target.hypervisor.copies?.prepare(target.token, workload.uuid, keepsNewest);
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return { kind: 'failed', code: error.code === 'guard-refused' ? error.code : 'target-unreachable', why: `${target.name} could not be prepared for a copy of ${workload.name}: ${withRemedy(error)}` };
  }
  try {
    await copies.startCopy(source.token, { id: run.id, uuid: workload.uuid, destination: { name: target.name }, keepsNewest, bandwidthMiBps });
    return null;
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    const isLost = error.code === 'timeout' || error.code === 'unreachable';
    if (!isLost) return { kind: 'failed', code: error.code === 'guard-refused' ? error.code : 'copy-failed', why: `${workload.name} was not copied to ${target.name}: ${withRemedy(error)}` };
    watch.patienceMs = LATE_START_MS;
    return null;
  }
}

const newestAt = async ({ hypervisor }: Place, uuid: string): Promise<number | null> => newestWholeMs((await hypervisor.copies?.replicas(uuid)) ?? [], uuid);

async function hasEnded({ workload, source, clock }: CopyContext, watch: Watch): Promise<boolean> {
  const now = clock.monotonicMs();
  if (now - watch.sourceLookedMs < TARGET_LOOK_EVERY_MS) return false;
  watch.sourceLookedMs = now;
  const seen = await look(source, workload.uuid);
  return seen.kind === 'seen' && !seen.isProvenOff && seen.observed?.runState === 'stopped';
}

interface Watched {
  readonly run: CopyRun;
  readonly watch: Watch;
}

/** What was found out: how it ended; or that it goes on; or that a side says nothing, which is waited for. */
type Found = StepOutcome | { readonly kind: 'running' } | { readonly kind: 'blind'; readonly of: string; readonly sinceMs: number; readonly why: string };

async function lookOnce(context: CopyContext, copies: InstanceCopies, journal: Journal, watched: Watched): Promise<StepOutcome | null> {
  const found = await judge(context, copies, watched);
  if (found.kind !== 'running' && found.kind !== 'blind') return found;
  const stop = await whyStop(context, journal, { ...watched, isRunning: found.kind === 'running' });
  if (stop !== null) return ended(context, copies, watched.run, stop);
  const isLong = found.kind === 'blind' && context.clock.monotonicMs() - found.sinceMs > SAYS_AFTER_MS;
  await say(journal, watched.watch, isLong ? `waits for an answer of ${found.of}: ${found.why}` : watched.run.line);
  return null;
}

async function say(journal: Journal, watch: Watch, line: string): Promise<void> {
  if (watch.line === line) return;
  watch.line = line;
  await journal.progress({ line });
}

async function judge(context: CopyContext, copies: InstanceCopies, { run, watch }: Watched): Promise<Found> {
  const { workload, source, target, clock } = context;
  let state: MigrationCommandState;
  try {
    state = await copies.copyCommand(run.id);
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return whileBlind(context, watch, messageOf(error));
  }
  watch.sourceBlindSinceMs = null;
  if (state.kind === 'ended') return state.exitCode === 0 ? confirmed(context, watch) : { kind: 'failed', code: 'copy-failed', why: `${workload.name} was not copied to ${target.name}: ${lastWords(state.output)}` };
  if (state.kind === 'none' && clock.monotonicMs() - watch.startedAtMs >= watch.patienceMs) return { kind: 'failed', code: 'copy-failed', why: `the copying of ${workload.name} never began on ${source.name}` };
  return { kind: 'running' };
}

/** Why it is ended is what counts, whatever becomes of the command that ends it. */
async function ended({ source }: CopyContext, copies: InstanceCopies, run: CopyRun, stop: Stop): Promise<StepOutcome> {
  const trouble = await abort(source, copies, run);
  return trouble === null ? stop : { ...stop, why: `${stop.why} (ending the copying: ${trouble})` };
}

async function abort(source: Place, copies: InstanceCopies, run: CopyRun): Promise<string | null> {
  try {
    await unlessBusy(() => copies.abortCopy(source.token, run.id));
    return null;
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return messageOf(error);
  }
}

const lastWords = (output: string): string => output.trim().split('\n').filter(Boolean).slice(-2).join('; ').slice(-500) || 'no reason was given';

/** The command's own word is not enough. A target that is lost just then is waited for no longer than one that is lost in the middle. */
async function confirmed(context: CopyContext, watch: Watch): Promise<Found> {
  const { workload, target, clock } = context;
  watch.unconfirmedSinceMs ??= clock.monotonicMs();
  try {
    const asOfMs = await newestAt(target, workload.uuid);
    if (asOfMs !== null && asOfMs > (watch.newestBeforeMs ?? -1)) return { kind: 'done', memo: { copiedAsOfMs: asOfMs } };
    return { kind: 'failed', code: 'copy-failed', why: `${target.name} does not show a complete copy of ${workload.name}, though the copying ended without an error` };
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    if (await target.provenOff?.()) return provenLost(context);
    if (clock.monotonicMs() - watch.unconfirmedSinceMs >= TARGET_BLIND_MS) return { kind: 'failed', code: 'target-unreachable', why: `${target.name} does not answer whether its copy of ${workload.name} is complete: ${messageOf(error)}` };
    return { kind: 'blind', of: target.name, sinceMs: watch.unconfirmedSinceMs, why: messageOf(error) };
  }
}

type Stop = Exclude<StepOutcome, { kind: 'done' | 'enough' }>;

const provenLost = ({ workload, target }: CopyContext): Stop => ({ kind: 'failed', code: 'target-unreachable', why: `${target.name} was lost while ${workload.name} was copied there, and is proven off` });

/** While the source says nothing, that the target says nothing either may be our own network: only a proof counts then. */
async function whyStop(context: CopyContext, journal: Journal, { run, watch, isRunning }: Watched & { readonly isRunning: boolean }): Promise<Stop | null> {
  const { workload, target, clock } = context;
  if (await journal.cancelRequested()) return { kind: 'cancelled', why: `cancelled on request while ${workload.name} was copied` };
  if (clock.monotonicMs() - watch.startedAtMs > run.withinMs) return { kind: 'failed', code: 'copy-too-slow', why: `copying ${workload.name} to ${target.name} took more than ${Math.round(run.withinMs / 1000)} s` };
  if (isRunning) return (await targetLost(context, watch)) ?? cutOff(context, watch);
  return (await target.provenOff?.()) ? provenLost(context) : null;
}

async function targetLost(context: CopyContext, watch: Watch): Promise<Stop | null> {
  const { workload, target, clock } = context;
  const now = clock.monotonicMs();
  if (now - watch.targetLookedMs < TARGET_LOOK_EVERY_MS) return null;
  watch.targetLookedMs = now;
  const seen = await look(target, workload.uuid);
  if (seen.kind === 'seen' && seen.isProvenOff) return provenLost(context);
  if (seen.kind === 'seen') watch.targetSeenMs = clock.monotonicMs();
  else watch.targetWhy = seen.why;
  if (clock.monotonicMs() - watch.targetSeenMs < TARGET_BLIND_MS) return null;
  return { kind: 'failed', code: 'target-unreachable', why: `${target.name} does not answer any more while ${workload.name} is copied there: ${watch.targetWhy}` };
}

async function cutOff({ workload, source, target, clock }: CopyContext, watch: Watch): Promise<Stop | null> {
  if (clock.monotonicMs() - watch.reachLookedMs < REACH_LOOK_EVERY_MS) return null;
  watch.reachLookedMs = clock.monotonicMs();
  if ((await unlessAway(async () => source.hypervisor.copies?.reaches(target.name))) !== false) watch.reachedMs = clock.monotonicMs();
  if (clock.monotonicMs() - watch.reachedMs < CUT_OFF_MS) return null;
  return { kind: 'failed', code: 'target-unreachable', why: `${source.name} does not reach the daemon of ${target.name} any more (both answer here): the copying of ${workload.name} is ended; look at the network between them` };
}

async function whileBlind({ workload, source, clock }: CopyContext, watch: Watch, why: string): Promise<Found> {
  if (await source.provenOff?.()) return { kind: 'failed', code: 'source-lost', why: `${source.name} was proven off while ${workload.name} was copied from it` };
  const now = clock.monotonicMs();
  watch.sourceBlindSinceMs ??= now;
  if (now - watch.sourceBlindSinceMs > BLIND_MS) return { kind: 'failed', code: 'source-unreachable', why: `${source.name} does not answer: ${why}` };
  return { kind: 'blind', of: source.name, sinceMs: watch.sourceBlindSinceMs, why };
}
