// May a unit be moved so that another one has room? As a drain and a recovery do it, and as plans of them say.
import type { Workload } from '../workloads/workload.js';
import { unitMayMove } from './movable.js';
import type { ClusterModel } from './packing/cluster-model.js';
import { ruleIndex } from './placement-rule.js';

/** Alone, well, and without preferences that it would be moved against, or back for. */
export function makesWay({ units, hosts, view }: ClusterModel, unit: number): boolean {
  const one = units[unit];
  if (one === undefined || one.workloads.length > 1 || one.siblings.length > 0 || !unitMayMove(one, hosts[one.home])) return false;
  const index = ruleIndex(view.rules);
  const prefers = ({ id, failures }: Workload): boolean => failures.failedHostIds.length > 0 || index.hosts(id).length > 0 || index.softTogether(id).length > 0 || index.apart(id).some(({ hard }) => !hard);
  return !one.workloads.some(prefers);
}
