// May a workload be moved by choice, so that others have room or the cluster is more even? Never one that would be stopped for it.
import type { Host } from '../hosts/host.js';
import { movesLive, type Workload } from '../workloads/workload.js';
import type { Unit } from './packing/cluster-model.js';

export const mayBeMoved = (workload: Workload): boolean => workload.state === 'running' && workload.desired === 'running' && workload.lock === null && workload.drainPolicy !== 'leave' && movesLive(workload);

/** All of it may, nothing is under way with it, and its host is there to be moved from. */
export function unitMayMove({ workloads, isUnderWay }: Unit, home: Host | undefined): boolean {
  return !isUnderWay && home?.condition === 'online' && home.leaving === null && workloads.every(mayBeMoved);
}
