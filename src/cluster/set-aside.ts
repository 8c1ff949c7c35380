// A silent host with nothing protected on it is not fenced: there is nothing to recover. It must not weigh on the others either:
// after a while it has no vote any more, on leases and on who is silent, and counts in no share of silent hosts.
import type { Host } from '../hosts/host.js';
import type { Workload } from '../workloads/workload.js';
import type { ClusterView } from './cluster-view.js';

/** Long enough for a start or a move to it to be settled, and for a cut link to be mended. */
const SET_ASIDE_MS = 30_000;

/** Has anything protected been placed there, or is it on its way? Then its end needs a proof. */
export function isNeeded({ workloads, operations }: Pick<ClusterView, 'workloads' | 'operations'>, host: Pick<Host, 'id'>): boolean {
  const isThere = (workload: Workload): boolean => workload.hostId === host.id || operations.some((one) => one.workloadId === workload.id && one.targetHostId === host.id);
  return workloads.some((workload) => workload.isProtected && workload.desired === 'running' && isThere(workload));
}

/** Is it to lose its vote? Declared silent by a quorum, so each step down was the will of a majority. */
export function losesVote(view: ClusterView, host: Host, nowMs: number): boolean {
  return host.condition === 'silent' && nowMs - host.conditionSinceMs >= SET_ASIDE_MS && !isNeeded(view, host) && !view.operations.some((one) => one.hostId === host.id);
}

/** Has it lost its vote, and nothing has come since that gives it back? The store says so, for all replicas alike. */
export function isSetAside(view: Pick<ClusterView, 'voters' | 'workloads' | 'operations'>, host: Pick<Host, 'id' | 'condition'>): boolean {
  const newest = view.voters.at(-1);
  return host.condition === 'silent' && newest !== undefined && !newest.ids.includes(host.id) && !isNeeded(view, host);
}
