// Room for failure: for every loss that a mode asks about, what would be started elsewhere, what would stay down and why, and what would mend it.
import type { HostId, WorkloadId } from '../shared/ids.js';
import { explainDown } from './explain-down.js';
import { lossesToTry, type LossToTry, type RoomMode } from './losses-to-try.js';
import { lossTrial, membersOf, type LossTrial } from './loss-trial.js';
import { takesPart } from './packing/takes-part.js';
import type { PlacementView } from './placement.js';
import { CPUS, MEMORY, RESOURCES } from './resources.js';
import { usageAt } from './usage.js';

export interface StaysDown {
  readonly workloadId: WorkloadId;
  readonly workload: string;
  readonly why: string;
  /** No other host could take it, however empty: what is bound to its host is no question of room. */
  readonly isBound: boolean;
}

export interface LossOutcome {
  /** Names of what is lost at once. */
  readonly hosts: readonly string[];
  readonly zone: string | null;
  /** Workloads that would be started elsewhere. */
  readonly placed: number;
  /** What matters most first. */
  readonly down: readonly StaysDown[];
  /** What would go with the hosts and is nobody's to start: not protected. */
  readonly unprotected: number;
  /** On the hosts that are left, after that. */
  readonly freeMemoryMiB: number;
  /** So much more room, or the rule that stands in the way; null: nothing stays down. */
  readonly mend: string | null;
}

export interface Filled {
  readonly used: number;
  readonly limit: number;
}

export interface FailureRoom {
  readonly mode: RoomMode;
  /** Nothing stays down for want of room, or by a rule, whatever of these is lost. */
  readonly isOk: boolean;
  readonly outcomes: readonly LossOutcome[];
  /** The one that strands most, else the one that leaves the least free. */
  readonly tightest: LossOutcome | null;
  /** Hosts that are in no pair: only the fullest are tried in pairs. */
  readonly leftOut: number;
  /** Pairs that were not tried: so many before them leave something down that it is clear. */
  readonly untried: number;
  /** Hosts that are silent or being fenced: what runs there is not counted as lost, nor as safe. */
  readonly undecided: readonly string[];
  /** Of hosts that take workloads. */
  readonly memoryMiB: Filled;
  readonly vcpus: Filled;
}

/** A view never changes. */
const KNOWN = new WeakMap<LossTrial, Map<RoomMode, FailureRoom>>();

/** What counts against the room for failure. */
export const wanting = ({ down }: Pick<LossOutcome, 'down'>): readonly StaysDown[] => down.filter(({ isBound }) => !isBound);

/** Pairs that leave something down take long to try: after so many it is enough. */
const MOST_BAD_PAIRS = 24;

export function failureRoom(view: PlacementView, mode: RoomMode): FailureRoom {
  const trial = lossTrial(view);
  const known = KNOWN.get(trial) ?? new Map<RoomMode, FailureRoom>();
  KNOWN.set(trial, known);
  const before = known.get(mode);
  if (before) return before;
  const { losses, leftOut } = lossesToTry(trial.view, mode);
  const outcomes: LossOutcome[] = [];
  let bad = 0;
  for (const loss of losses) {
    if (mode === 'n+2' && bad >= MOST_BAD_PAIRS) break;
    const outcome = lossOutcome(trial, loss);
    if (wanting(outcome).length > 0) bad += 1;
    outcomes.push(outcome);
  }
  const undecided = trial.view.hosts.filter(({ condition }) => condition === 'silent' || condition === 'fencing').map(({ name }) => name).sort();
  const room = { mode, isOk: bad === 0, outcomes, tightest: tightestOf(outcomes), leftOut, untried: losses.length - outcomes.length, undecided, ...filled(trial) };
  known.set(mode, room);
  return room;
}

export function lossOutcome(trial: LossTrial, loss: LossToTry): LossOutcome {
  const { packing, view } = trial;
  const lost = new Set<HostId>(loss.hosts.map(({ id }) => id));
  const unprotected = view.workloads.filter((one) => one.hostId !== null && lost.has(one.hostId) && one.desired === 'running' && !one.isProtected).length;
  const head = { hosts: loss.hosts.map(({ name }) => name), zone: loss.zone, unprotected };
  let outcome: LossOutcome = { ...head, placed: 0, down: [], freeMemoryMiB: 0, mend: null };
  trial.lose(loss, (found) => {
    const { down, mend } = found.down.length === 0 ? { down: [], mend: null } : explainDown({ packing, view, lost, down: found.down, isBound: trial.isBound });
    outcome = { ...head, placed: membersOf(packing.model, found.lost).length - down.length, down, freeMemoryMiB: freeMemory(trial), mend };
  });
  return outcome;
}

function freeMemory({ packing }: LossTrial): number {
  return packing.model.hosts.reduce((sum, _host, row) => sum + (takesPart(packing, row) ? Math.max(0, packing.free[row * RESOURCES.length + MEMORY] ?? 0) : 0), 0);
}

function tightestOf(outcomes: readonly LossOutcome[]): LossOutcome | null {
  const sorted = [...outcomes].sort((one, other) => wanting(other).length - wanting(one).length || one.freeMemoryMiB - other.freeMemoryMiB);
  return sorted[0] ?? null;
}

function filled({ packing, view }: LossTrial): Pick<FailureRoom, 'memoryMiB' | 'vcpus'> {
  const taking = packing.model.hosts.filter((_host, row) => takesPart(packing, row));
  const sum = (nth: number, used: 'memoryMiB' | 'vcpus'): Filled => ({
    used: taking.reduce((total, { id }) => total + usageAt(view, id)[used], 0),
    limit: taking.reduce((total, { facts }) => total + (facts === null ? 0 : (RESOURCES[nth]?.limit(facts, view.policy) ?? 0)), 0),
  });
  return { memoryMiB: sum(MEMORY, 'memoryMiB'), vcpus: sum(CPUS, 'vcpus') };
}
