// Is there room for failure? Looked at continuously, a part of the losses a round, and anew only when something changed that the answer hangs on.
import { lossOutcome, wanting, type LossOutcome } from '../scheduler/failure-room.js';
import { lossesToTry, type LossToTry, type RoomMode } from '../scheduler/losses-to-try.js';
import { lossTrial, type LossTrial } from '../scheduler/loss-trial.js';
import type { PlacementView } from '../scheduler/placement.js';
import { roomView } from '../scheduler/room-view.js';

/** Losses tried in one round: a round does more than this, and hosts are to be heard meanwhile. */
export const LOSSES_A_ROUND = 250;

interface Pass {
  /** What the answer hangs on. */
  readonly of: string;
  readonly mode: RoomMode;
  readonly trial: LossTrial;
  readonly losses: readonly LossToTry[];
  tried: number;
  readonly bad: LossOutcome[];
}

/** What is known of one cluster: kept by whoever looks again and again, and worth nothing to anybody else. */
export interface RoomMemory {
  pass: Pass | null;
}

/** The losses that leave something down; null: not known yet. A look that was begun is ended first: changes that never stop do not keep it from an answer. */
export function watchRoom(memory: RoomMemory, view: PlacementView, mode: RoomMode): readonly LossOutcome[] | null {
  const of = signatureOf(view);
  const known = memory.pass;
  const isOver = known === null || known.mode !== mode || known.tried >= known.losses.length;
  const pass = isOver && (known?.of !== of || known.mode !== mode) ? begun(view, mode, of) : known;
  memory.pass = pass;
  if (pass === null) return null;
  for (const loss of pass.losses.slice(pass.tried, pass.tried + LOSSES_A_ROUND)) {
    pass.tried += 1;
    if (pass.trial.downAfter(loss).length === 0) continue;
    const outcome = lossOutcome(pass.trial, loss);
    if (wanting(outcome).length > 0) pass.bad.push(outcome);
  }
  return pass.tried >= pass.losses.length ? pass.bad : null;
}

function begun(view: PlacementView, mode: RoomMode, of: string): Pass {
  const trial = lossTrial(view);
  return { of, mode, trial, losses: lossesToTry(trial.view, mode).losses, tried: 0, bad: [] };
}

/** All that placement after a loss looks at, and nothing that changes without meaning. */
function signatureOf(view: PlacementView): string {
  const { hosts, workloads, strangers, rules, policy } = roomView(view);
  return JSON.stringify([
    hosts.map(({ conditionSinceMs: _since, why: _why, trouble: _trouble, leaving, facts, ...host }) => [host, leaving !== null, facts === null ? null : { ...facts, freeMemoryMiB: 0, refreshedAtMs: 0, pools: facts.pools.map((pool) => [pool.name, pool.path, pool.markerId]) }]),
    workloads.map(({ id, name, hostId, state, desired, isProtected, priority, needs, replica, leasedOn }) => [id, name, hostId, state, desired, isProtected, priority, needs, replica?.hostId, replica !== null && replica.asOfMs !== null, leasedOn]),
    [...(strangers ?? [])], rules, policy,
  ]);
}
