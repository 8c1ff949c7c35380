// Protected workloads that ended by themselves are started again: here, then elsewhere, then a person is asked.
import { afterFailure, forgetFailures, type RestartDecision } from '../../workloads/restart-policy.js';
import type { Finding } from '../../workloads/reconcile-observed.js';
import type { Host } from '../../hosts/host.js';
import type { Workload } from '../../workloads/workload.js';
import type { Change, NewOperation, WorkloadFields } from '../change.js';
import { event } from '../cluster-event.js';
import { hold, type Action, type Hold } from '../decision.js';
import type { Rule, RuleContext, RuleOutput } from '../decide.js';
import { findingsOf } from '../observations.js';
import { disarmBrake } from './brakes.js';
import { setWaiting } from './set-waiting.js';

type Failed = Extract<Finding, { kind: 'failed' }>;

const NAME = 'startWorkloads';
const NOTHING: RuleOutput = { actions: [], holds: [] };

export const startWorkloads: Rule = (context) => {
  const actions: Action[] = [];
  const holds: Hold[] = [];
  for (const workload of context.view.workloads) {
    if (workload.desired !== 'running' || workload.state === 'error' || workload.state === 'awaiting-fence') continue;
    const output = look(context, workload);
    actions.push(...output.actions);
    holds.push(...output.holds);
  }
  return { actions, holds };
};

function look(context: RuleContext, workload: Workload): RuleOutput {
  const [finding] = findingsOf(context, workload);
  if (finding?.kind === 'running-as-wanted') return forget(context, workload);
  if (finding?.kind !== 'failed') return NOTHING;
  if (!workload.isProtected) return sayEnded(workload, finding);
  const brake = disarmBrake(context);
  if (brake) return { actions: [], holds: [brake] };
  const host = context.view.hosts.find((one) => one.id === workload.hostId);
  if (!host || host.condition !== 'online') return NOTHING;
  return restart(context, workload, host, finding);
}

function forget({ nowMs, policy }: RuleContext, workload: Workload): RuleOutput {
  const failures = forgetFailures(workload.failures, nowMs, policy.failuresForgottenMs);
  return failures === null ? NOTHING : { actions: [act(workload, 'it ran well for a while', [update(workload, { failures })])], holds: [] };
}

function sayEnded(workload: Workload, { why }: Failed): RuleOutput {
  if (workload.state === 'stopped' && workload.why === why) return NOTHING;
  const told = event('workload.ended', `${workload.name}: ${why}; it is not protected and stays so`, { severity: 'warning', workload: workload.name });
  return { actions: [act(workload, why, [update(workload, { state: 'stopped', why }), { change: 'event', event: told }])], holds: [] };
}

function restart(context: RuleContext, workload: Workload, host: Host, finding: Failed): RuleOutput {
  const decision = afterFailure(workload, context.nowMs);
  switch (decision.kind) {
    case 'wait':
      return { actions: [], holds: [hold('cooldown', workload.name, `${finding.why}; ${decision.why}`)] };
    case 'give-up':
      return giveUp(workload, `${finding.why}; ${decision.why}`);
    case 'restart-here':
      return startHere(context, workload, host, finding, decision);
    case 'relocate':
      return startElsewhere(context, workload, host, finding, decision);
  }
}

function giveUp(workload: Workload, why: string): RuleOutput {
  const told = event('workload.error', `${workload.name}: ${why}; \`reeve workload clear ${workload.name}\``, { severity: 'alert', workload: workload.name });
  return { actions: [act(workload, why, [update(workload, { state: 'error', why }), { change: 'event', event: told }])], holds: [] };
}

type Again = Extract<RestartDecision, { failures: unknown }>;

function startHere(context: RuleContext, workload: Workload, host: Host, finding: Failed, decision: Again): RuleOutput {
  if (context.ledger.inFlight(host.id, ['recover', 'start', 'create']) >= context.policy.startsPerHost) {
    return { actions: [], holds: [hold('too-many-in-flight', workload.name, `${context.policy.startsPerHost} starts are under way on ${host.name}; it is next`)] };
  }
  context.ledger.promise(workload.id, host.id, 'start', null);
  const why = `${finding.why}; ${decision.why} on ${host.name}`;
  return again(workload, decision, why, { kind: 'start', workloadId: workload.id, hostId: host.id, targetHostId: host.id, requestedBy: `rule:${NAME}`, reason: why });
}

/** It does not run at its healthy host, which was asked: so it may start elsewhere, and its definition there goes. */
function startElsewhere(context: RuleContext, workload: Workload, host: Host, finding: Failed, decision: Again): RuleOutput {
  const placed = context.ledger.place({ workload, exclude: [{ hostId: host.id, why: `it failed on ${host.name}` }] });
  if (!placed.ok) return setWaiting(NAME, workload, placed.error);
  context.ledger.promise(workload.id, placed.value.hostId, 'relocate', host.id);
  const why = `${finding.why}; ${decision.why}, to ${placed.value.host}`;
  return again(workload, decision, why, { kind: 'relocate', workloadId: workload.id, hostId: host.id, targetHostId: placed.value.hostId, requestedBy: `rule:${NAME}`, reason: why });
}

function again(workload: Workload, decision: Again, why: string, operation: NewOperation): RuleOutput {
  const told = event('workload.restarting', `${workload.name}: ${why}`, { severity: 'warning', workload: workload.name });
  const changes: Change[] = [
    update(workload, { state: 'starting', why, failures: decision.failures, workloadEpoch: workload.workloadEpoch + 1 }),
    { change: 'operation', operation },
    { change: 'event', event: told },
  ];
  return { actions: [act(workload, why, changes)], holds: [] };
}

const update = (workload: Workload, set: WorkloadFields): Change => ({ change: 'workload', id: workload.id, set });
const act = (workload: Workload, why: string, changes: readonly Change[]): Action => ({ rule: NAME, about: workload.name, why, changes });
