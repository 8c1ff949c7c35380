// The one word a person sees for a workload: what is kept of it, under what the whole cluster is told to do.
import type { Workload, WorkloadState } from '../workloads/workload.js';
import type { ClusterView } from './cluster-view.js';
import { activeDisarm } from './disarm.js';

export function shownState(view: Pick<ClusterView, 'disarm'>, workload: Workload, nowMs: number): WorkloadState {
  if (workload.desired === 'unmanaged') return 'unmanaged';
  const disarm = activeDisarm(view, nowMs);
  if (disarm === null || workload.state === 'error') return workload.state;
  return disarm.mode === 'ignore' ? 'unmanaged' : 'frozen';
}
