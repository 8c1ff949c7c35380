// A workload that should run and may run nowhere now: it waits, and says what each host lacks.
import type { NoPlacement } from '../../scheduler/placement.js';
import type { Workload } from '../../workloads/workload.js';
import { event } from '../cluster-event.js';
import { hold } from '../decision.js';
import type { RuleOutput } from '../decide.js';

export function setWaiting(rule: string, workload: Workload, refusal: NoPlacement): RuleOutput {
  const holds = [hold(refusal.code, workload.name, `${refusal.why}; \`reeve workload explain ${workload.name}\``)];
  if (workload.state === 'waiting' && workload.why === refusal.why) return { actions: [], holds };
  const changes = [
    { change: 'workload' as const, id: workload.id, set: { state: 'waiting' as const, why: refusal.why } },
    { change: 'event' as const, event: event('workload.waiting', `${workload.name}: ${refusal.why}`, { severity: 'warning', workload: workload.name }) },
  ];
  return { actions: [{ rule, about: workload.name, why: refusal.why, changes }], holds };
}
