// What a drain of a host would do with each of its workloads, and how long each would stand still: told before it begins.
import { isMember } from '../../hosts/daemon-cluster.js';
import type { Host } from '../../hosts/host.js';
import { orderForDrain } from '../../scheduler/drain-order.js';
import { placeWorkload } from '../../scheduler/place-workload.js';
import type { PlacementView } from '../../scheduler/placement.js';
import { ruleIndex } from '../../scheduler/placement-rule.js';
import { describeNotLive, whyNotLive } from '../../workloads/live-move.js';
import type { Workload } from '../../workloads/workload.js';
import type { ClusterView } from '../cluster-view.js';
import type { Operation } from '../operation.js';
import { leavesAtDrain, whyStuck } from '../rules/drain-maintenance-hosts.js';
import { findHost } from './find.js';

export interface DrainedWorkload {
  readonly workload: string;
  readonly kind: Workload['kind'];
  /** `live`: without a gap that a client notices. `relocated`: stopped, copied, started. `stays`: the drain waits for it. */
  readonly how: 'live' | 'relocated' | 'stays';
  /** Where it would go as things are now, for itself alone; null: it stays. */
  readonly target: string | null;
  /** How long it would stand still; null: not known, or it does not. */
  readonly gapMs: number | null;
  /** What that is known from, or why it stays. */
  readonly why: string;
}

export interface DrainPlan {
  readonly host: string;
  /** In the order in which they would go. */
  readonly workloads: readonly DrainedWorkload[];
}

type Looked = Pick<ClusterView, 'hosts' | 'workloads' | 'recentOperations'>;

/** `moves`: the last relocation of each that ended well; those of other kinds are passed over. */
export function drainPlan(view: Looked, placement: PlacementView, name: string, moves: readonly Operation[]): DrainPlan {
  const host = findHost(view, name);
  const here = view.workloads.filter((one) => one.hostId === host.id && one.desired !== 'unmanaged' && (leavesAtDrain(one) || one.state === 'error'));
  return { host: host.name, workloads: orderForDrain(here).map((workload) => planOf({ view, placement, host, moves }, workload)) };
}

interface Planning {
  readonly view: Looked;
  readonly placement: PlacementView;
  readonly host: Host;
  readonly moves: readonly Operation[];
}

function planOf(planning: Planning, workload: Workload): DrainedWorkload {
  const { placement, host, view } = planning;
  const { name, kind, state, why } = workload;
  const stays = (reason: string): DrainedWorkload => ({ workload: name, kind, how: 'stays', target: null, gapMs: null, why: reason });
  if (state === 'error') return stays(`it is in error and is not moved: ${why ?? 'no reason given'}`);
  const stuck = whyStuck(workload, host);
  if (stuck) return stays(stuck.why);
  const mate = stuckMate(planning, workload);
  if (mate !== null) return stays(mate);
  const placed = placeWorkload(placement, { workload, exclude: [{ hostId: host.id, why: 'it is drained' }], leftByMates: [host.id], leftByZoneMates: [host.id] });
  if (!placed.ok) return stays(placed.error.why);
  const target = placed.value.host;
  const notLive = whyNotLive(workload, host, view.hosts.find((one) => one.id === placed.value.hostId) ?? null);
  if (notLive !== null && workload.drainPolicy !== 'relocate') return stays(`it can't move live, and its drain policy does not allow a stop: ${describeNotLive(notLive)}`);
  if (notLive === null) return { workload: name, kind, how: 'live', target, gapMs: null, why: workload.drainPolicy === 'relocate' ? 'live; stopped and started there if that fails' : 'live' };
  return { workload: name, kind, how: 'relocated', target, ...gapOf(planning, workload) };
}

/** One of a group goes only when all can. */
function stuckMate({ placement, view, host }: Planning, { id }: Workload): string | null {
  const group = new Set(ruleIndex(placement.rules).group(id));
  const mates = view.workloads.filter((one) => one.id !== id && group.has(one.id) && one.hostId === host.id && leavesAtDrain(one));
  return mates.map((mate) => ({ mate, why: whyStuck(mate, host)?.why })).flatMap(({ mate, why }) => (why === undefined ? [] : [`it stays together with ${mate.name}: ${why}`]))[0] ?? null;
}

/** Measured of itself, or not at all: another container's gap says nothing about this one's. */
function gapOf({ view, host, moves }: Planning, { id, needs: { driver } }: Workload): Pick<DrainedWorkload, 'gapMs' | 'why'> {
  const measured = moves.filter((one) => one.workloadId === id && one.kind === 'relocate' && one.state === 'succeeded' && typeof one.memo['downtimeMs'] === 'number').toSorted((one, other) => (other.endedAtMs ?? 0) - (one.endedAtMs ?? 0))[0];
  if (measured) return { gapMs: Number(measured.memo['downtimeMs']), why: 'as its last relocation' };
  const refresh = view.recentOperations.filter((one) => one.kind === 'replicate' && one.state === 'succeeded' && one.params['workload'] === id && one.startedAtMs !== null && one.endedAtMs !== null).toSorted((one, other) => (other.endedAtMs ?? 0) - (one.endedAtMs ?? 0))[0];
  if (!refresh) return { gapMs: null, why: `not known: it was never moved; ${driver !== 'libvirt' && isMember(host.facts, driver) ? 'all of it is moved while it stands still, by the daemons of its cluster' : 'it is copied while it runs, and stands still for its stop, a last copy of what it wrote since, and its start'}` };
  const tookMs = (refresh.endedAtMs ?? 0) - (refresh.startedAtMs ?? 0);
  return { gapMs: tookMs, why: 'never moved: as long as its replica took to be made anew the last time; its stop and start come on top' };
}
