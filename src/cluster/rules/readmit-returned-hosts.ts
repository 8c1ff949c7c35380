// A host that was proven off and is heard with another boot id is cleaned up and admitted again.
import { hasPowerDevice, type Host, type HostProof } from '../../hosts/host.js';
import { event } from '../cluster-event.js';
import { hold, type Action, type Hold } from '../decision.js';
import type { Rule, RuleContext } from '../decide.js';
import { takeOverOf } from '../lost-pools.js';
import { announced } from './notice-leaving-hosts.js';

export const readmitReturnedHosts: Rule = (context) => {
  const actions: Action[] = [];
  const holds: Hold[] = [];
  for (const host of context.view.hosts) {
    if (host.condition !== 'fenced' && host.condition !== 'offline' && !isExcluded(host)) continue;
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
  const taking = takeOverOf(view, host);
  if (taking) return hold('not-admitted', host.name, `it is back while its pool ${String(taking.params['pool'])} is being taken over: it is admitted when that has ended; \`reeve operation show ${taking.id}\``);
  const verdict = verdictOf(host.id);
  const leaving = verdict ? announced(verdict) : null;
  if (leaving !== null) return hold('leaving', host.name, `it is heard and still going down (${leaving}); it is admitted when it is up again`);
  const late = host.proof?.kind === 'lease-expired' && bootId === host.proof.bootId ? lateCommand(host, nowMs) : null;
  if (late) return late;
  if (host.proof && !MAY_LIVE_ON.has(host.proof.kind) && bootId === host.proof.bootId && host.condition !== 'silent') {
    const why = `proven off (${host.proof.kind}: ${host.proof.evidence}), and still heard with the same boot id: the proof was wrong; look at the machine and its fence device, then \`reeve host fence ${host.name}\``;
    return hold('duplicate', host.name, why);
  }
  const last = view.recentOperations.find((operation) => operation.kind === 'readmit' && operation.hostId === host.id && operation.state !== 'succeeded');
  if (!last?.endedAtMs || last.endedAtMs + policy.readmitRetryMs <= nowMs) return null;
  return hold('not-admitted', host.name, `it is back and was not admitted: ${last.why ?? 'no reason given'}; tried again soon; \`reeve operation show ${last.id}\``);
}

/** Silent, excluded and heard again: it was raised to a new epoch by noticeReturnedHosts, and is admitted at that. */
const isExcluded = (host: Host): boolean => host.condition === 'silent' && host.excludedEpoch !== null && host.excludedEpoch < host.hostEpoch;

/** A host that stopped in order may have stayed after all; one whose lease ended was never off. */
const MAY_LIVE_ON: ReadonlySet<HostProof['kind']> = new Set(['stopped', 'lease-expired']);

/** A power command that lost the race may still be on its way to the device. No device takes longer than this over one. */
const LATE_COMMAND_MS = 35_000;

function lateCommand(host: Host, nowMs: number): Hold | null {
  const hasDevice = hasPowerDevice(host);
  const leftMs = (host.proof?.atMs ?? 0) + LATE_COMMAND_MS - nowMs;
  if (!hasDevice || leftMs <= 0) return null;
  return hold('cooldown', host.name, 'it is back with its old boot; a command to its fence device may still be on its way, so it is admitted a little later');
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
