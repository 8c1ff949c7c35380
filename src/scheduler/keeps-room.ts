// Does a change keep the room for failure? Every loss is tried before and after: no loss may leave more down than it would have.
import type { HostId } from '../shared/ids.js';
import type { Workload } from '../workloads/workload.js';
import { lossOutcome, type LossOutcome } from './failure-room.js';
import { lossesToTry, type LossToTry, type RoomMode } from './losses-to-try.js';
import { keyOfLoss, lossTrial } from './loss-trial.js';
import type { PlacementView } from './placement.js';
import { ruleIndex } from './placement-rule.js';

/** One loss that a change makes worse. */
export interface RoomLost {
  readonly after: LossOutcome;
  /** How many it would have left down without the change. */
  readonly before: number;
}

/** Losses that leave something down as it is and are compared all the same: a loss without room takes long to try, and where so many have none the room is lost anyway. */
const COMPARED_WITHOUT_ROOM: { readonly [M in RoomMode]: number } = { 'n+1': 16, zone: 16, 'n+2': 8 };

/** Null: no loss leaves more down after the change than before it. The losses of `first` are looked at first. */
export function roomLostBy(before: PlacementView, after: PlacementView, mode: RoomMode, first: HostId | null = null): RoomLost | null {
  const [then, now] = [lossTrial(before), lossTrial(after)];
  const known = new Map(lossesToTry(then.view, mode).losses.map((loss) => [keyOfLoss(loss), loss]));
  const concerns = ({ hosts }: LossToTry): number => (hosts.some(({ id }) => id === first) ? 0 : 1);
  let left = COMPARED_WITHOUT_ROOM[mode];
  for (const loss of [...lossesToTry(now.view, mode).losses].sort((one, other) => concerns(one) - concerns(other))) {
    const was = known.get(keyOfLoss(loss));
    const downBefore = was ? then.downAfter(was) : [];
    if (isWorse(now.downAfter(loss), downBefore)) return { after: lossOutcome(now, loss), before: downBefore.length };
    if (downBefore.length > 0) left -= 1;
    if (left === 0) return null;
  }
  return null;
}

/** More of the highest priority stay down, or as many of it and more of the next. */
function isWorse(now: readonly Workload[], then: readonly Workload[]): boolean {
  const [after, before] = [prioritiesOf(now), prioritiesOf(then)];
  for (let nth = 0; nth < after.length; nth += 1) {
    const [one, other] = [after[nth] ?? 0, before[nth]];
    if (other === undefined || one > other) return true;
    if (one < other) return false;
  }
  return false;
}

/** The highest first. */
const prioritiesOf = (workloads: readonly Workload[]): readonly number[] => workloads.map(({ priority }) => priority).sort((one, other) => other - one);

/** The view with this workload running there, and with it those that must stay with it where they come along. */
export function withRunning(view: PlacementView, workload: Workload, hostId: HostId): PlacementView {
  const comes = new Set(ruleIndex(view.rules).group(workload.id));
  const isKnown = view.workloads.some(({ id }) => id === workload.id);
  const there = (one: Workload): Workload => {
    if (one.id === workload.id) return { ...workload, hostId, desired: 'running', state: 'running' };
    return comes.has(one.id) && one.hostId === workload.hostId && one.desired === 'running' && one.state !== 'error' ? { ...one, hostId } : one;
  };
  return { ...view, promised: view.promised.filter(({ workloadId }) => workloadId !== workload.id), workloads: [...view.workloads, ...(isKnown ? [] : [workload])].map(there) };
}
