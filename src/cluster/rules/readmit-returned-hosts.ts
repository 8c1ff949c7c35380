// A host that was proven off and is heard with another boot id is cleaned up and admitted again.
import type { Host } from '../../hosts/host.js';
import { event } from '../cluster-event.js';
import { hold, type Action, type Hold } from '../decision.js';
import type { Rule, RuleContext } from '../decide.js';

export const readmitReturnedHosts: Rule = (context) => {
  const actions: Action[] = [];
  const holds: Hold[] = [];
  for (const host of context.view.hosts) {
    if (host.condition !== 'fenced' && host.condition !== 'offline') continue;
    const verdict = context.verdictOf(host.id);
    if (verdict?.hearing !== 'heard' || verdict.bootId === null) continue;
    const reason = whyNot(context, host, verdict.bootId);
    if (reason) holds.push(reason);
    else actions.push(readmit(host, verdict.bootId));
  }
  return { actions, holds };
};

function whyNot({ view, policy, nowMs, verdictOf }: RuleContext, host: Host, bootId: string): Hold | null {
  if (view.operations.some((operation) => operation.hostId === host.id && (operation.kind === 'readmit' || operation.kind === 'fence'))) {
    return hold('not-admitted', host.name, 'it is back; it is being looked over before it is admitted; `reeve operation list`');
  }
  const leaving = verdictOf(host.id)?.leavingPurpose;
  if (leaving === 'shutdown' || leaving === 'reboot') return hold('leaving', host.name, `it is heard and still going down (${leaving}); it is admitted when it is up again`);
  // A host that stopped in order was never off by force: it may have stayed after all.
  if (host.proof && host.proof.kind !== 'stopped' && bootId === host.proof.bootId) {
    const why = `proven off (${host.proof.kind}: ${host.proof.evidence}), and still heard with the same boot id: the proof was wrong; look at the machine and its fence device, then \`reeve host fence ${host.name}\``;
    return hold('duplicate', host.name, why);
  }
  const last = view.recentOperations.find((operation) => operation.kind === 'readmit' && operation.hostId === host.id && operation.state !== 'succeeded');
  if (!last?.endedAtMs || last.endedAtMs + policy.readmitRetryMs <= nowMs) return null;
  return hold('not-admitted', host.name, `it is back and was not admitted: ${last.why ?? 'no reason given'}; tried again soon; \`reeve operation show ${last.id}\``);
}

function readmit(host: Host, bootId: string): Action {
  const why = `${host.name} is back with boot id ${bootId.slice(0, 8)}`;
  return {
    rule: 'readmitReturnedHosts',
    about: host.name,
    why,
    changes: [
      { change: 'operation', operation: { kind: 'readmit', workloadId: null, hostId: host.id, targetHostId: null, requestedBy: 'rule:readmitReturnedHosts', reason: why, params: { bootId } } },
      { change: 'event', event: event('host.returned', why, { severity: 'notice', host: host.name }) },
    ],
  };
}
