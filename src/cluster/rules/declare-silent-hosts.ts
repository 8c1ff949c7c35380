// A host that the controller and a quorum of voters do not hear, and that does not answer SSH, is silent.
import type { Host } from '../../hosts/host.js';
import { event } from '../cluster-event.js';
import type { Change } from '../change.js';
import { hold, type Action, type Hold } from '../decision.js';
import type { Rule, RuleContext } from '../decide.js';
import type { HostVerdict } from '../verdict.js';
import { lostOnceMore } from '../../hosts/flapping.js';
import { saidGoodBye } from './notice-leaving-hosts.js';
import { listeningBrake } from './brakes.js';

export const declareSilentHosts: Rule = (context) => {
  const candidates = context.view.hosts.filter((host) => host.condition === 'online' && context.verdictOf(host.id)?.hearing === 'silent' && !saidGoodBye(context, host));
  if (candidates.length === 0) return { actions: [], holds: listeningHolds(context) };
  const brake = listeningBrake(context);
  if (brake) return { actions: [], holds: [brake] };
  const actions: Action[] = [];
  const holds: Hold[] = [];
  for (const host of candidates) {
    const verdict = context.verdictOf(host.id);
    if (!verdict) continue;
    const answer = probeAnswer(host, verdict, context);
    if (answer) holds.push(answer);
    else actions.push(declareSilent(context, host, verdict));
  }
  return { actions, holds };
};

/** Grace and lost quorum are worth saying even when no host is in doubt. */
function listeningHolds(context: RuleContext): readonly Hold[] {
  const brake = context.view.hosts.length > 0 ? listeningBrake(context) : null;
  return brake ? [brake] : [];
}

/** The SSH look decides between a dead host and a dead agent. No look yet: wait for it. */
function probeAnswer(host: Host, { probe }: HostVerdict, { nowMs, policy }: RuleContext): Hold | null {
  if (!probe) return hold('agent-only', host.name, 'no heartbeats; being looked at by SSH first');
  if (!probe.answered || nowMs - probe.atMs > policy.probeValidMs) return null;
  if (probe.bootId !== host.bootId) return null;
  return hold(
    'agent-only',
    host.name,
    `no heartbeats, but SSH answers and ${probe.runningUuids.length} workloads run there: only its agent is gone; \`systemctl restart reeve-agent\` on ${host.name}`,
  );
}

function declareSilent({ view, policy, nowMs }: RuleContext, host: Host, verdict: HostVerdict): Action {
  const why = `${verdict.evidence}; SSH does not answer`;
  const workloads = view.workloads.filter((workload) => workload.hostId === host.id && workload.desired === 'running' && workload.state !== 'error');
  const changes: Change[] = [
    { change: 'host', id: host.id, set: { condition: 'silent', conditionSinceMs: nowMs, why, flapping: lostOnceMore(host.flapping, nowMs, policy.quarantine) } },
    { change: 'event', event: event('host.silent', `${host.name} is silent: ${why}`, { severity: 'alert', host: host.name, data: { silentSinceMs: verdict.sinceMs } }) },
    ...workloads
      .filter((workload) => workload.isProtected)
      .map((workload): Change => ({ change: 'workload', id: workload.id, set: { state: 'awaiting-fence', why: `its host ${host.name} is silent and not proven off` } })),
  ];
  return { rule: 'declareSilentHosts', about: host.name, why, changes };
}
