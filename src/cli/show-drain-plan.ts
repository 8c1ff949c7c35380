// `reeve host drain`: what becomes of each workload, and how long it stands still, before anything is begun.
import type { DrainedWorkload, DrainPlan } from '../cluster/commands/drain-plan.js';
import { duration, table } from './format.js';

export function showDrainPlan({ host, workloads }: DrainPlan): string {
  if (workloads.length === 0) return `${host}: nothing there has to move`;
  return table([['WORKLOAD', 'GOES TO', 'GAP', 'WHY'], ...workloads.map((one) => [one.workload, one.target ?? 'stays', gapOf(one), one.why])], '');
}

function gapOf({ how, gapMs }: DrainedWorkload): string {
  if (how !== 'relocated') return how === 'live' ? 'none (live)' : '-';
  return gapMs === null ? 'unknown' : `about ${duration(gapMs)}`;
}
