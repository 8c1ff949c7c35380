// A workload that should run and may run nowhere now: it waits, and says what each host lacks.
import type { NoPlacement } from '../../scheduler/placement.js';
import type { Workload } from '../../workloads/workload.js';
import type { Change, WorkloadFields } from '../change.js';
import { event } from '../cluster-event.js';
import { hold } from '../decision.js';
import type { RuleOutput } from '../decide.js';

export function setWaiting(rule: string, workload: Workload, refusal: NoPlacement, more: WorkloadFields = {}): RuleOutput {
  const holds = [hold(refusal.code, workload.name, `${refusal.why}; \`reeve workload explain ${workload.name}\``)];
  if (workload.state === 'waiting' && workload.why === refusal.why && Object.keys(more).length === 0) return { actions: [], holds };
  const changes: Change[] = [
    { change: 'workload', id: workload.id, set: { ...more, state: 'waiting', why: refusal.why } },
    { change: 'event', event: event('workload.waiting', `${workload.name}: ${refusal.why}`, { severity: 'warning', workload: workload.name }) },
  ];
  return { actions: [{ rule, about: workload.name, why: refusal.why, changes }], holds };
}
