// Sends a stopped workload to another member of its cluster of daemons, and finds out where it is afterwards: what the command said is no proof of it.
import type { MemberMoves } from '../hosts/hypervisor.js';
import type { Clock } from '../shared/clock.js';
import { OperationalError, withRemedy } from '../shared/errors.js';
import type { Journal } from '../shared/workflow.js';
import { look, type Place } from '../workloads/place.js';
import { BLIND_MS, LATE_START_MS, LOOK_EVERY_MS, NEVER_BEGAN_MS, SAYS_AFTER_MS } from './command-bounds.js';
import { unlessAway } from './unless-away.js';

export interface MemberPlace extends Place {
  /** By what name the cluster of the daemons knows it. */
  readonly member: string;
}

export interface MemberMoveContext {
  readonly workload: { readonly uuid: string; readonly name: string };
  readonly source: MemberPlace;
  readonly target: MemberPlace;
  readonly clock: Clock;
}

/** Nothing of it runs meanwhile; gigabytes take minutes. What takes longer is ended, and runs on where it was. */
const WITHIN_MS = 60 * 60_000;
/** The daemons themselves notice after two minutes that a member is gone; while their cluster looks for a leader they say nothing for 20 s. */
const TARGET_BLIND_MS = 45_000;
const SOURCE_BLIND_MS = 45_000;
/** Two minutes of the daemons, and a cluster that looks for a new leader. */
const SETTLES_WITHIN_MS = 4 * 60_000;
const WHERE_EVERY_MS = 500;
const ASK_EVERY_MS = 2_000;

/** `lost`: with its member, which is proven off. `unknown`: nobody could tell in time. */
export type Whereabouts = { readonly on: 'source' | 'target'; readonly isLost: boolean } | { readonly on: 'unknown'; readonly why: string };

/**
 * The cluster has it once: where it is listed when nothing moves it any more, there it is. Both members are asked: for the one that has lost touch with the others answers nothing,
 * or is not believed. What is waited for stands in the operation's progress.
 */
export async function whereIs({ workload: { uuid, name }, source, target, clock }: MemberMoveContext, journal: Journal): Promise<Whereabouts> {
  const began = clock.monotonicMs();
  let said = '';
  for (;;) {
    const moving = await Promise.all([isMoving(source, uuid), isMoving(target, uuid)]);
    const [here, there] = await Promise.all([look(source, uuid), look(target, uuid)]);
    if (!moving.includes(true) && moving.includes(false)) {
      const [isHere, isThere] = [here, there].map((one) => one.kind === 'seen' && one.observed !== null);
      if (isHere !== isThere) return { on: isHere === true ? 'source' : 'target', isLost: false };
      // Shown by none: it is with the one that can't show it, where that is proven off.
      const [lostHere, lostThere] = [here, there].map((one) => one.kind === 'seen' && one.isProvenOff === true);
      if (!isHere && lostHere !== lostThere && [here, there].every(({ kind }) => kind === 'seen')) return { on: lostHere === true ? 'source' : 'target', isLost: true };
    }
    const blind = [{ at: source, seen: here }, { at: target, seen: there }].flatMap(({ at, seen }) => (seen.kind === 'blind' ? [`${at.name} (${seen.why})`] : []));
    const waitedMs = clock.monotonicMs() - began;
    if (waitedMs > (blind.length > 0 ? BLIND_MS : SETTLES_WITHIN_MS)) return { on: 'unknown', why: moving.includes(true) ? `its daemons are moving ${name} still` : `neither ${source.name} nor ${target.name} says that it has ${name}` };
    const line = moving.includes(true) ? `waits for its daemons, which are moving ${name} still` : blind.length > 0 ? `waits for an answer of ${blind.join(' and ')}: the others do not have ${name}` : `waits until ${source.name} or ${target.name} says that it has ${name}`;
    if (waitedMs > SAYS_AFTER_MS && line !== said) {
      said = line;
      await journal.progress({ line });
    }
    await clock.sleep(WHERE_EVERY_MS);
  }
}

/** Undefined: it can't be asked. */
async function isMoving({ hypervisor }: Place, uuid: string): Promise<boolean | undefined> {
  return unlessAway(async () => (await hypervisor.members?.isMoving(uuid)) ?? false);
}

interface Send {
  readonly id: string;
  /** Another place than the context's source on the way back. */
  readonly from: MemberPlace;
  readonly to: MemberPlace;
  readonly line: string;
}

/** Returns what the command said when it did not end well, or why it was ended. Null: it ended well, or nothing is known of it; `whereIs` says what is true. */
export async function sendToMember(context: MemberMoveContext, journal: Journal, { id, from, to, line }: Send): Promise<string | null> {
  const { members } = from.hypervisor;
  if (members === null) return `${from.name} has no daemon that is in a cluster of its own kind`;
  const { clock, workload } = context;
  let patienceMs = NEVER_BEGAN_MS;
  try {
    await members.startMove(from.token, { id, uuid: workload.uuid, name: workload.name, toMember: to.member });
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    if (error.code !== 'timeout' && error.code !== 'unreachable') return withRemedy(error);
    patienceMs = LATE_START_MS;
  }
  await journal.progress({ line });
  const why = await watch(context, journal, members, { id, from, to, patienceMs });
  if (why === null || why.kind === 'ended') return why?.said ?? null;
  // What it has sent by then is half, and goes with the next try.
  await unlessAway(() => members.abortMove(from.token, id));
  await clock.sleep(LOOK_EVERY_MS);
  return why.said;
}

type Watched = { readonly kind: 'ended' | 'given-up'; readonly said: string } | null;

async function watch({ clock, workload }: MemberMoveContext, journal: Journal, members: MemberMoves, { id, from, to, patienceMs }: Pick<Send, 'id' | 'from' | 'to'> & { readonly patienceMs: number }): Promise<Watched> {
  const began = clock.monotonicMs();
  let [sourceSeenMs, targetSeenMs, askedMs] = [began, began, began];
  for (;;) {
    const now = clock.monotonicMs();
    const state = await unlessAway(() => members.moveCommand(id));
    if (state !== undefined) sourceSeenMs = now;
    if (state?.kind === 'ended') return state.exitCode === 0 ? null : { kind: 'ended', said: state.output || `exit code ${state.exitCode}` };
    if (state?.kind === 'none' && now - began > patienceMs) return { kind: 'ended', said: 'the command never began, or its host was booted since' };
    if (state === undefined && (now - sourceSeenMs > SOURCE_BLIND_MS || (await from.provenOff?.()))) return { kind: 'ended', said: `${from.name} does not answer any more` };
    if (now - askedMs > ASK_EVERY_MS) {
      askedMs = now;
      const there = await look(to, workload.uuid);
      if (there.kind === 'seen' && !there.isProvenOff) targetSeenMs = now;
      if (now - targetSeenMs > TARGET_BLIND_MS || (there.kind === 'seen' && there.isProvenOff)) return { kind: 'given-up', said: `${to.name} does not answer any more` };
    }
    if (await journal.cancelRequested()) return { kind: 'given-up', said: CANCELLED };
    if (now - began > WITHIN_MS) return { kind: 'given-up', said: `${workload.name} was not moved within ${WITHIN_MS / 60_000} min, and stands still meanwhile` };
    await clock.sleep(LOOK_EVERY_MS);
  }
}

export const CANCELLED = 'cancelled on request';
