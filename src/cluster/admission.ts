// Admission: what an operator starts or moves is refused where it would leave workloads down after a loss that would not be down without it.
import type { Host } from '../hosts/host.js';
import { wanting, type LossOutcome } from '../scheduler/failure-room.js';
import { roomLostBy, withRunning, type RoomLost } from '../scheduler/keeps-room.js';
import type { RoomMode } from '../scheduler/losses-to-try.js';
import type { PlacementView } from '../scheduler/placement.js';
import { UserError } from '../shared/errors.js';
import type { Workload } from '../workloads/workload.js';
import type { Change } from './change.js';
import { event } from './cluster-event.js';
import type { AdmissionMode } from './cluster-policy.js';

export interface Admission {
  readonly mode: AdmissionMode;
  /** It is done all the same, and told. */
  readonly override: boolean;
  /** Asked for only when something is to be looked at. */
  readonly placement: () => PlacementView;
}

export interface Admitted {
  readonly host: Host;
  /** What is to be told of it: it was not refused because that was asked for. */
  readonly told: readonly Change[];
}

/** Hosts tried for one that keeps the room, the best ranked: each has every loss tried, while the database waits. */
const TRIES: { readonly [M in RoomMode]: number } = { 'n+1': 16, zone: 16, 'n+2': 4 };

/** The first of the hosts that keeps the room; else a refusal, or with `override` the first one. Without admission: the first one. */
export function admit(admission: Admission | undefined, workload: Workload, hosts: readonly [Host, ...Host[]], by: string): Admitted {
  const [best] = hosts;
  if (admission === undefined || admission.mode === 'off') return { host: best, told: [] };
  const { mode, override } = admission;
  const placement = admission.placement();
  let first: RoomLost | null = null;
  for (const host of hosts.slice(0, TRIES[mode])) {
    const lost = roomLostBy(placement, withRunning(placement, workload, host.id), mode, host.id);
    if (lost === null) return { host, told: [] };
    first ??= lost;
  }
  if (first === null) return { host: best, told: [] };
  const why = `${workload.name} on ${best.name} would leave no room for failure (${mode}): ${describeRoomLost(first)}`;
  if (!override) throw new UserError('refused', why, 'reeve cluster capacity; with --override (override: true) it is done all the same');
  return { host: best, told: [{ change: 'event', event: event('cluster.room-overridden', `${why}; ${by} wants it all the same`, { severity: 'warning', host: best.name, workload: workload.name, data: { mode, by, lost: first.after.hosts } }) }] };
}

/** So many workloads are named; the sentence is shown on one line. */
const NAMED = 3;

export const describeRoomLost = ({ after, before }: RoomLost): string => `with ${lostNames(after)} lost, ${describeDown(after, before)}`;

/** `before`: how many it would be without what is asked for. */
export function describeDown(after: LossOutcome, before = 0): string {
  const down = wanting(after);
  const more = down.length > NAMED ? ` and ${down.length - NAMED} more` : '';
  const names = down.slice(0, NAMED).map(({ workload, why }) => `${workload} (${why})`).join(', ');
  const was = before === 0 ? '' : `, ${before} without it`;
  return `${down.length === 1 ? '1 workload stays' : `${down.length} workloads stay`} down${was}: ${names}${more}${after.mend === null ? '' : `; what would mend it: ${after.mend}`}`;
}

export const lostNames = ({ hosts, zone }: { readonly hosts: readonly string[]; readonly zone: string | null }): string => (zone === null ? hosts.join(' and ') : `zone ${zone} (${hosts.join(', ')})`);
