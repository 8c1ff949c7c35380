// In which order many moves can be made so that each fits when it is made: in rounds, with stopovers where they stand in each other's way.
import { movesLive } from '../../workloads/workload.js';
import { MEMORY, RESOURCES } from '../resources.js';
import { NOWHERE } from './cluster-model.js';
import type { Packing } from './packing.js';

const WIDTH = RESOURCES.length;
/** Units asked for a stopover: each is tried on every host, beside all that wait. */
const MOST_ASKED = 50;

export interface OrderedMove {
  readonly unit: number;
  readonly from: number;
  readonly to: number;
  readonly round: number;
  /** On its way to where it goes in a later round. */
  readonly isStopover: boolean;
}

export interface MovesWanted {
  /** Host row by unit; of one that does not move: where it is. */
  readonly targets: Int32Array;
  /** Moves under way at once from or to one host. */
  readonly perHost: number;
  /** Those that matter first, as far as all fit at once; default: the largest. */
  readonly first?: readonly number[];
}

export interface MovesOrdered {
  readonly moves: readonly OrderedMove[];
  /** Units for which no order was found: they stay. */
  readonly stuck: readonly number[];
}

/** Moves the packing along. What moves counts at both ends until its round is over, as it does on the hosts. */
export function orderMoves(packing: Packing, { targets, perHost, first = [] }: MovesWanted): MovesOrdered {
  const moves: OrderedMove[] = [];
  let pending = inOrder(packing, targets, first);
  let round = 0;
  // Each round moves at least one; a unit stops over at most once.
  const stopped = new Set<number>();
  while (pending.length > 0) {
    round += 1;
    const started = startRound(packing, { pending, targets, perHost, round });
    if (started.length === 0) {
      const stopover = findStopover(packing, pending.filter((unit) => !stopped.has(unit)), targets, round);
      if (!stopover) return { moves, stuck: pending };
      stopped.add(stopover.unit);
      packing.hold(stopover.unit, stopover.to);
      started.push(stopover);
    }
    for (const { unit, to } of started) packing.settle(unit, to);
    moves.push(...started);
    pending = pending.filter((unit) => packing.at[unit] !== targets[unit]);
  }
  return { moves, stuck: [] };
}

function inOrder(packing: Packing, targets: Int32Array, first: readonly number[]): readonly number[] {
  const rank = new Map(first.map((unit, nth) => [unit, nth]));
  const size = (unit: number): number => packing.model.needs[unit * WIDTH + MEMORY] ?? 0;
  const asked = [...targets.keys()].filter((unit) => targets[unit] !== NOWHERE && packing.at[unit] !== NOWHERE && targets[unit] !== packing.at[unit]);
  return asked.sort((one, other) => (rank.get(one) ?? Infinity) - (rank.get(other) ?? Infinity) || size(other) - size(one) || one - other);
}

interface Round {
  readonly pending: readonly number[];
  readonly targets: Int32Array;
  readonly perHost: number;
  readonly round: number;
}

function startRound(packing: Packing, { pending, targets, perHost, round }: Round): OrderedMove[] {
  const busy = new Map<number, number>();
  const isFree = (host: number): boolean => (busy.get(host) ?? 0) < perHost;
  const started: OrderedMove[] = [];
  for (const unit of pending) {
    const [from, to] = [packing.at[unit] ?? NOWHERE, targets[unit] ?? NOWHERE];
    if (!isFree(from) || !isFree(to) || !packing.hasRoom(unit, to) || !packing.maySit(unit, to, targets)) continue;
    packing.hold(unit, to);
    for (const host of [from, to]) busy.set(host, (busy.get(host) ?? 0) + 1);
    started.push({ unit, from, to, round, isStopover: false });
  }
  return started;
}

/** The smallest that, once it is out of the way, lets another one go where that belongs; it must itself get where it belongs later. Nothing is stopped for it, and nothing goes to where something is wrong. */
function findStopover(packing: Packing, pending: readonly number[], targets: Int32Array, round: number): OrderedMove | null {
  const { hosts, units } = packing.model;
  for (const unit of pending.toReversed().filter((one) => units[one]?.workloads.every(movesLive)).slice(0, MOST_ASKED)) {
    const from = packing.at[unit] ?? NOWHERE;
    for (let host = 0; host < hosts.length; host += 1) {
      if (host === from || hosts[host]?.trouble !== null || !packing.fits(unit, host)) continue;
      packing.take(unit);
      packing.put(unit, host);
      const opens = pending.some((other) => other !== unit && packing.hasRoom(other, targets[other] ?? NOWHERE) && packing.maySit(other, targets[other] ?? NOWHERE, targets));
      packing.take(unit);
      packing.put(unit, from);
      if (opens) return { unit, from, to: host, round, isStopover: true };
    }
  }
  return null;
}
