// Is automatic action switched off now, and in which way?
import type { ClusterView, Disarm } from './cluster-view.js';

export function activeDisarm({ disarm }: Pick<ClusterView, 'disarm'>, nowMs: number): Disarm | null {
  return disarm !== null && (disarm.untilMs === null || disarm.untilMs > nowMs) ? disarm : null;
}
