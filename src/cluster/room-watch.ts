// Is there room for failure? Looked at continuously, a part of the losses a round, and anew only when something changed that the answer hangs on.
import { lossOutcome, type LossOutcome } from '../scheduler/failure-room.js';
import { lossesToTry, type LossToTry, type RoomMode } from '../scheduler/losses-to-try.js';
import { lossTrial, type LossTrial } from '../scheduler/loss-trial.js';
import type { PlacementView } from '../scheduler/placement.js';
import { roomView } from '../scheduler/room-view.js';

/** Losses tried in one round: a round does more than this, and hosts are to be heard meanwhile. */
export const LOSSES_A_ROUND = 250;
/** Of those that leave something down, which take long to try: so many a round; and after so many it is clear enough. */
const BAD_A_ROUND: { readonly [M in RoomMode]: number } = { 'n+1': 8, 'n+2': 2, zone: 2 };
export const MOST_BAD = 8;

interface Pass {
  /** What the answer hangs on. */
  readonly of: string;
  readonly mode: RoomMode;
  readonly trial: LossTrial;
  readonly losses: readonly LossToTry[];
  tried: number;
  /** Of `bad`, when all are tried. */
  worst: LossOutcome | null;
  readonly bad: BadLoss[];
}

export interface BadLoss {
  readonly loss: LossToTry;
  /** How many stay down. */
  readonly down: number;
}

/** What is known of the room: losses that leave something down, MOST_BAD at most, and the worst of them in full. */
export interface Watched {
  readonly bad: readonly BadLoss[];
  readonly worst: LossOutcome | null;
}

/** What is known of one cluster: kept by whoever looks again and again, and worth nothing to anybody else. */
export interface RoomMemory {
  pass: Pass | null;
}

/** Null: not known yet. A look that was begun is ended first: changes that never stop do not keep it from an answer. */
export function watchRoom(memory: RoomMemory, view: PlacementView, mode: RoomMode): Watched | null {
  const pass = passFor(memory.pass, view, mode);
  memory.pass = pass;
  const badBefore = pass.bad.length;
  for (const loss of pass.losses.slice(pass.tried, pass.tried + LOSSES_A_ROUND)) {
    if (isOver(pass) || pass.bad.length >= badBefore + BAD_A_ROUND[mode]) break;
    pass.tried += 1;
    const down = pass.trial.downAfter(loss).length;
    if (down > 0) pass.bad.push({ loss, down });
  }
  if (!isOver(pass)) return null;
  const [worst] = [...pass.bad].sort((one, other) => other.down - one.down);
  pass.worst ??= worst ? lossOutcome(pass.trial, worst.loss) : null;
  return { bad: pass.bad, worst: pass.worst };
}

const isOver = ({ tried, losses, bad }: Pass): boolean => tried >= losses.length || bad.length >= MOST_BAD;

function passFor(known: Pass | null, view: PlacementView, mode: RoomMode): Pass {
  if (known?.mode === mode && !isOver(known)) return known;
  const of = roomSignature(view);
  if (known?.mode === mode && known.of === of) return known;
  const trial = lossTrial(view);
  return { of, mode, trial, losses: lossesToTry(trial.view, mode).losses, tried: 0, bad: [], worst: null };
}

/** All that placement after a loss looks at, and nothing that changes without meaning. */
export function roomSignature(view: PlacementView): string {
  const { hosts, workloads, strangers, rules, policy } = roomView(view);
  return JSON.stringify([
    hosts.map(({ conditionSinceMs: _since, why: _why, trouble: _trouble, leaving, facts, ...host }) => [host, leaving !== null, facts === null ? null : { ...facts, freeMemoryMiB: 0, refreshedAtMs: 0, pools: facts.pools.map((pool) => [pool.name, pool.path, pool.markerId]) }]),
    workloads.map(({ id, name, hostId, state, desired, isProtected, priority, needs, replica, leasedOn }) => [id, name, hostId, state, desired, isProtected, priority, needs, replica?.hostId, replica !== null && replica.asOfMs !== null, leasedOn]),
    [...(strangers ?? [])], rules, policy,
  ]);
}
