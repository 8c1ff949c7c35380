// Reasons to leave a workload as it is, shared by the rules that start, stop and move.
import type { Workload } from '../../workloads/workload.js';
import { activeDisarm } from '../disarm.js';
import { hold, type Hold } from '../decision.js';
import type { RuleContext } from '../decide.js';

/** False: it is watched at most; its owner took it out, or the whole cluster is told to ignore workloads. */
export function isOurs({ view, nowMs }: Pick<RuleContext, 'view' | 'nowMs'>, workload: Workload): boolean {
  return workload.desired !== 'unmanaged' && activeDisarm(view, nowMs)?.mode !== 'ignore';
}

export function lockBrake({ name, lock }: Workload, consequence: string): Hold | null {
  if (lock === null) return null;
  return hold('locked', name, `locked by ${lock.by} (${lock.reason}): ${consequence} until it is unlocked; \`reeve workload unlock ${name}\``);
}
