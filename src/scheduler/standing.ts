// Where workloads stand for placement rules: on the host that holds them, and on hosts that are promised to them.
import { isOff, type Host } from '../hosts/host.js';
import type { HostId, WorkloadId } from '../shared/ids.js';
import { proofCovers } from '../workloads/proof-covers.js';
import type { Workload } from '../workloads/workload.js';
import type { PlacementRequest, PlacementView } from './placement.js';
import { ruleIndex } from './placement-rule.js';
import { promiseIndex } from './promise-index.js';
import { holdsPlace, workloadsById } from './usage.js';

type Looked = Pick<PlacementView, 'hosts' | 'workloads' | 'promised' | 'rules'>;

/** One that moves stands on both ends. Empty: it neither runs nor is to run, or it is not ours to place. */
export function placesOf(view: Looked, id: WorkloadId): readonly HostId[] {
  const workload = workloadsById(view.workloads).get(id);
  if (!workload) return [];
  const own = workload.hostId !== null && holdsPlace(workload) ? [workload.hostId] : [];
  const promised = promiseIndex(view.promised).byWorkload.get(id);
  return promised === undefined ? own : [...own, ...promised.filter((hostId) => hostId !== workload.hostId)];
}

export interface Mates {
  /** Members of its group that stand on hosts which they are not about to leave: it must go to them. */
  readonly anchors: readonly { readonly workload: Workload; readonly hostIds: readonly HostId[] }[];
  /** Members that leave their host too, or stand nowhere yet: they come along, so they must fit as well. */
  readonly companions: readonly Workload[];
}

export function matesOf(view: Looked, request: PlacementRequest): Mates {
  const { leftByMates = [] } = request;
  return matesIn(view, request.workload, ruleIndex(view.rules).group(request.workload.id), (_mate, hostId) => leftByMates.includes(hostId));
}

/** The same of those that must stand in one zone with it: who stays on one host with it among them. */
export function zoneMatesOf(view: Looked, request: PlacementRequest): Mates {
  const { workload, leftByMates = [], leftByZoneMates = [] } = request;
  const index = ruleIndex(view.rules);
  const onHost = index.group(workload.id);
  return matesIn(view, workload, index.zoneGroup(workload.id), (mate, hostId) => leftByZoneMates.includes(hostId) || (onHost.includes(mate.id) && leftByMates.includes(hostId)));
}

function matesIn(view: Looked, workload: Workload, group: readonly WorkloadId[], leavesWithIt: (mate: Workload, hostId: HostId) => boolean): Mates {
  if (group.length === 1) return { anchors: [], companions: [] };
  const isLeft = (mate: Workload, hostId: HostId): boolean => leavesWithIt(mate, hostId) || isBeingLeft(mate, view.hosts.find((host) => host.id === hostId));
  const mates = group.filter((id) => id !== workload.id).map((id) => workloadsById(view.workloads).get(id)).filter((mate) => mate !== undefined);
  // One in error is left alone: it comes to nobody, and draws nobody to where it was.
  const placesOfMate = (mate: Workload): readonly HostId[] => (mate.state === 'error' ? [] : placesOf(view, mate.id));
  const standing = mates.map((mate) => ({ workload: mate, hostIds: placesOfMate(mate).filter((hostId) => !isLeft(mate, hostId)) }));
  const comesAlong = (mate: Workload): boolean => mate.desired === 'running' && mate.state !== 'error';
  return {
    anchors: standing.filter((one) => one.hostIds.length > 0),
    companions: standing.filter((one) => one.hostIds.length === 0 && comesAlong(one.workload)).map((one) => one.workload),
  };
}

/** A silent host is not left: it may be heard again, with all that runs there. */
function isBeingLeft(mate: Workload, host: Host | undefined): boolean {
  if (!host) return true;
  if (host.condition === 'fenced' && host.proof !== null && !proofCovers(host, mate)) return false;
  return isOff(host) || host.intent === 'maintenance' || host.leaving !== null;
}
