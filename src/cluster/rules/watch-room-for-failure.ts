// Whether there is room for a failure, as the policy wants it, is told once when it is lost and once when it is back.
import { isOff } from '../../hosts/host.js';
import type { LossOutcome } from '../../scheduler/failure-room.js';
import { isRecovered } from '../../scheduler/packing/lose-hosts.js';
import type { RoomMode } from '../../scheduler/losses-to-try.js';
import { describeDown, lostNames } from '../admission.js';
import type { Change } from '../change.js';
import { event } from '../cluster-event.js';
import type { ClusterPolicy } from '../cluster-policy.js';
import type { ClusterView, RoomTold } from '../cluster-view.js';
import type { Rule, RuleOutput } from '../decide.js';
import type { OperationKind } from '../operation.js';
import { placementViewOf } from '../placement-ledger.js';
import { MOST_BAD, watchRoom, type BadLoss, type RoomMemory } from '../room-watch.js';

const NAME = 'watchRoomForFailure';

/** One policy belongs to one cluster. Only work is saved by it: what is found does not hang on what was looked at before. */
const MEMORIES = new WeakMap<ClusterPolicy, RoomMemory>();

export const watchRoomForFailure: Rule = ({ view, verdict, policy, nowMs }) => {
  const told = view.room ?? null;
  const { admission: mode } = policy;
  if (mode === 'off') return told === null ? no : say(null, 'cluster.room-back', 'notice', 'whether there is room for failure is not looked at any more (admission: off)');
  // In the middle of a loss nothing is true for long: what is true after it is said once.
  if (isInTransition(view, nowMs)) return no;
  const memory = MEMORIES.get(policy) ?? { pass: null };
  MEMORIES.set(policy, memory);
  const watched = watchRoom(memory, placementViewOf({ view, verdict, policy }), mode);
  if (watched === null) return no;
  if (watched.worst !== null) return lost(told, { mode, nowMs, what: describe(mode, watched.worst, watched.bad) });
  // What was lost is down still: when it has its place again, it takes some.
  return told === null || view.workloads.some((one) => isWithoutHost(view, one)) ? no : say(null, 'cluster.room-back', 'notice', `room for failure (${mode}) is there again: whatever is lost, nothing stays down`);
};

const no: RuleOutput = { actions: [], holds: [] };

/** These end with hosts or what runs on them changed. */
const CHANGES_HOSTS: ReadonlySet<OperationKind> = new Set(['enrol', 'readmit', 'remove', 'fence', 'recover', 'take-pool']);

/** A host that nobody fences stays silent for days: what is true beside it is said all the same. */
const TRANSITION_MS = 600_000;

function isInTransition(view: ClusterView, nowMs: number): boolean {
  return view.hosts.some(({ condition, conditionSinceMs, leaving }) => ((condition === 'silent' || condition === 'fencing') && nowMs - conditionSinceMs < TRANSITION_MS) || (leaving !== null && condition === 'online'))
    || view.operations.some(({ kind }) => CHANGES_HOSTS.has(kind))
    || view.workloads.some((one) => one.state !== 'waiting' && isWithoutHost(view, one));
}

/** It is to run, and its host is off; what waits for its host to come back needs no other place. */
function isWithoutHost({ hosts }: ClusterView, workload: ClusterView['workloads'][number]): boolean {
  return workload.state !== 'frozen' && isRecovered(workload) && hosts.some((host) => host.id === workload.hostId && isOff(host));
}

interface Lost {
  readonly mode: RoomMode;
  readonly nowMs: number;
  readonly what: string;
}

/** Told once; what is shown of it follows. */
function lost(told: RoomTold | null, { mode, nowMs, what }: Lost): RuleOutput {
  const room: RoomTold = { mode, sinceMs: told?.sinceMs ?? nowMs, what };
  if (told?.mode === mode) return told.what === what ? no : output(what, [{ change: 'room', room }]);
  return say(room, 'cluster.room-lost', 'warning', what);
}

function say(room: RoomTold | null, type: 'cluster.room-lost' | 'cluster.room-back', severity: 'warning' | 'notice', why: string): RuleOutput {
  return output(why, [{ change: 'room', room }, { change: 'event', event: event(type, why, { severity, data: { mode: room?.mode ?? null } }) }]);
}

const output = (why: string, changes: readonly Change[]): RuleOutput => ({ actions: [{ rule: NAME, about: 'cluster', why, changes }], holds: [] });

/** So many other losses are named. */
const NAMED = 4;

function describe(mode: RoomMode, worst: LossOutcome, bad: readonly BadLoss[]): string {
  const names = bad.map(({ loss: { hosts, zone } }) => lostNames({ hosts: hosts.map(({ name }) => name), zone })).filter((one) => one !== lostNames(worst));
  const more = names.length > NAMED ? ` and ${bad.length >= MOST_BAD ? 'at least ' : ''}${names.length - NAMED} more` : '';
  return `there is no room for failure (${mode}): with ${lostNames(worst)} lost, ${describeDown(worst)}${names.length === 0 ? '' : `; something stays down with the loss of ${names.slice(0, NAMED).join(', ')}${more}, too`}`;
}
