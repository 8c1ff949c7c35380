// What should be stopped is stopped: by its owner's wish, and kept so where it is protected.
import type { Workload } from '../../workloads/workload.js';
import type { Change } from '../change.js';
import { event } from '../cluster-event.js';
import { hold, type Action, type Hold } from '../decision.js';
import type { Rule, RuleContext, RuleOutput } from '../decide.js';
import { disarmBrake } from './brakes.js';
import { isOurs, lockBrake } from './workload-brakes.js';

const NOTHING: RuleOutput = { actions: [], holds: [] };

export const stopWorkloads: Rule = (context) => {
  const actions: Action[] = [];
  const holds: Hold[] = [];
  for (const workload of context.view.workloads) {
    if (workload.desired !== 'stopped' && workload.desired !== 'disabled') continue;
    if (workload.state === 'error' || !isOurs(context, workload)) continue;
    const output = workload.desired === 'disabled' ? disable(context, workload) : keepStopped(context, workload);
    actions.push(...output.actions);
    holds.push(...output.holds);
  }
  return { actions, holds };
};

/** Kept stopped: also when a person starts it, if it is protected. What is not protected is only said. */
function keepStopped(context: RuleContext, workload: Workload): RuleOutput {
  const [finding] = context.findings(workload);
  return finding?.kind === 'started-by-hand' && workload.isProtected ? stop(context, workload, `it should be stopped and runs; \`reeve workload start ${workload.name}\` to have it run`) : NOTHING;
}

/** Stopped once; whatever happens to it afterwards is its owner's business. */
function disable(context: RuleContext, workload: Workload): RuleOutput {
  if (workload.state === 'stopped') return NOTHING;
  const [finding] = context.findings(workload);
  if (finding?.kind === 'running-as-wanted' || finding?.kind === 'paused') return stop(context, workload, 'it is disabled');
  return finding?.kind === 'stopped-as-wanted' || finding?.kind === 'missing' ? settle(workload) : NOTHING;
}

function settle(workload: Workload): RuleOutput {
  const changes: Change[] = [
    { change: 'workload', id: workload.id, set: { state: 'stopped', why: null } },
    { change: 'event', event: event('workload.stopped', `${workload.name} is stopped`, { workload: workload.name }) },
  ];
  return { actions: [{ rule: 'stopWorkloads', about: workload.name, why: 'it is disabled and does not run', changes }], holds: [] };
}

function stop(context: RuleContext, workload: Workload, why: string): RuleOutput {
  const reason = disarmBrake(context) ?? lockBrake(workload, 'it is not stopped') ?? retryBrake(context, workload);
  if (reason) return { actions: [], holds: [reason] };
  const changes: Change[] = [
    { change: 'workload', id: workload.id, set: { state: 'stopping', why } },
    { change: 'operation', operation: { kind: 'stop', workloadId: workload.id, hostId: workload.hostId, targetHostId: null, requestedBy: 'rule:stopWorkloads', reason: why } },
    { change: 'event', event: event('workload.stopping', `${workload.name}: ${why}`, { severity: 'notice', workload: workload.name }) },
  ];
  return { actions: [{ rule: 'stopWorkloads', about: workload.name, why, changes }], holds: [] };
}

/** A guest that does not shut down is asked again, and a person is told how to end it. */
function retryBrake({ view, policy, nowMs }: RuleContext, workload: Workload): Hold | null {
  const last = view.recentOperations.find((operation) => operation.kind === 'stop' && operation.workloadId === workload.id);
  if (!last?.endedAtMs || last.state === 'succeeded' || last.endedAtMs + policy.stopRetryMs <= nowMs) return null;
  return hold('cooldown', workload.name, `${last.why ?? 'it did not stop'}; asked again in ${Math.ceil((last.endedAtMs + policy.stopRetryMs - nowMs) / 1000)} s; \`reeve workload stop ${workload.name} --force\` ends it`);
}
