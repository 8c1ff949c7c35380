// Hosts that are heard again: the same boot was only silent; another boot id proves that all it ran is gone.
import { isOff, type Host } from '../../hosts/host.js';
import { hasBlockPools, provesNoPower } from '../../hosts/shared-filesystem.js';
import { lostOnceMore } from '../../hosts/flapping.js';
import { event } from '../cluster-event.js';
import type { Change } from '../change.js';
import { provenOff } from '../commands/host-commands.js';
import type { Action } from '../decision.js';
import type { Rule, RuleContext } from '../decide.js';
import { looksAlive } from '../looks-alive.js';
import type { HostVerdict } from '../verdict.js';

export const noticeReturnedHosts: Rule = (context) => {
  const actions = context.view.hosts.flatMap((host) => {
    const verdict = context.verdictOf(host.id);
    return verdict ? notice(context, host, verdict) : [];
  });
  return { actions, holds: [] };
};

function notice(context: RuleContext, host: Host, verdict: HostVerdict): readonly Action[] {
  const bootId = bootSeen(verdict);
  if (bootId === null || host.bootId === null) return [];
  const powerIsBack = hasPower(host, bootId);
  if (powerIsBack) return [powerIsBack];
  const admitted = host.condition === 'online' || host.condition === 'silent' || host.condition === 'fencing';
  if (admitted && bootId !== host.bootId) return [rebooted(context, host, bootId)];
  const how = bootId === host.bootId ? signOfLife(context, host, verdict) : null;
  if (how === null) return [];
  if (host.condition === 'silent' && host.excludedEpoch !== null) return host.excludedEpoch === host.hostEpoch && how === 'is heard' ? [newEpoch(host)] : [];
  if (host.condition === 'silent') return [heardAgain(context, host, how)];
  if (host.condition === 'fencing') return cancelFence(context, host, how);
  return [];
}

/**
 * It has booted since it was proven to have no power. What ran before is gone all the same, but it may have its pools mounted again: should it be lost once more before it is
 * admitted, nobody may take that proof for one of now.
 */
function hasPower(host: Host, bootId: string): Action | null {
  const { proof, facts, name } = host;
  if (!isOff(host) || !provesNoPower(proof) || bootId === proof.bootId || facts === null || !hasBlockPools(facts)) return null;
  const powerBack = `${name} is up with boot id ${bootId.slice(0, 8)} since it was proven off (${proof.kind})`;
  return { rule: 'noticeReturnedHosts', about: name, why: powerBack, changes: [{ change: 'host', id: host.id, set: { proof: { ...proof, powerBack } } }] };
}

/** Heard, or its agent is gone and SSH answers: then it is no host to fence. An old answer says nothing. */
function signOfLife({ nowMs, policy, view }: RuleContext, host: Host, { hearing, probe }: HostVerdict): 'is heard' | 'answers SSH' | null {
  if (hearing === 'heard') return 'is heard';
  // Once voters have promised to acknowledge it no more, nothing but its heartbeats brings it back.
  if (!probe?.answered || nowMs - probe.atMs > policy.probeValidMs || host.excludedEpoch === host.hostEpoch) return null;
  return looksAlive(host, view.workloads, probe) ? 'answers SSH' : null;
}

/** A heartbeat or an SSH look that carries a boot id: both come from a living kernel. */
function bootSeen(verdict: HostVerdict): string | null {
  if (verdict.hearing === 'heard') return verdict.bootId;
  return verdict.probe?.answered ? verdict.probe.bootId : null;
}

function rebooted({ view, policy, nowMs }: RuleContext, host: Host, bootId: string): Action {
  const evidence = `${host.name} is up with boot id ${bootId.slice(0, 8)}, it was admitted with ${(host.bootId ?? '').slice(0, 8)}: what ran before is gone`;
  const fences = view.operations.filter((operation) => operation.kind === 'fence' && operation.hostId === host.id);
  const changes: Change[] = [
    ...fences.map((operation): Change => ({ change: 'cancel-operation', id: operation.id })),
    ...provenOff(host, { kind: 'new-boot', evidence }, nowMs),
    // One that was silent before was counted then; one that goes down in order is not lost.
    ...(host.condition === 'online' && !host.leaving ? [{ change: 'host', id: host.id, set: { flapping: lostOnceMore(host.flapping, nowMs, policy.quarantine) } } as const] : []),
  ];
  return { rule: 'noticeReturnedHosts', about: host.name, why: evidence, changes };
}

/** Voters have promised never to acknowledge its epoch again: it needs a new one, and is admitted at that by readmitReturnedHosts. */
function newEpoch(host: Host): Action {
  const why = `${host.name} is heard again with the same boot id after it was excluded: it is admitted at a new epoch`;
  return { rule: 'noticeReturnedHosts', about: host.name, why, changes: [{ change: 'host', id: host.id, set: { hostEpoch: host.hostEpoch + 1, why } }] };
}

function heardAgain({ view, nowMs }: RuleContext, host: Host, how: string): Action {
  const why = `${host.name} ${how} again with the same boot id; it was never fenced`;
  const changes: Change[] = [
    { change: 'host', id: host.id, set: { condition: 'online', conditionSinceMs: nowMs, why: null } },
    { change: 'event', event: event('host.online', why, { severity: 'notice', host: host.name }) },
    ...view.workloads
      .filter((workload) => workload.hostId === host.id && workload.state === 'awaiting-fence')
      .map((workload): Change => ({ change: 'workload', id: workload.id, set: { state: 'running', why: null } })),
  ];
  return { rule: 'noticeReturnedHosts', about: host.name, why, changes };
}

/** The fence operation itself looks for this request right before it cuts the power. */
function cancelFence({ view }: RuleContext, host: Host, how: string): readonly Action[] {
  const pending = view.operations.filter((operation) => operation.kind === 'fence' && operation.hostId === host.id && !operation.cancelRequested);
  // An operator's fence is meant for a host that is heard.
  const automatic = pending.filter((operation) => operation.requestedBy.startsWith('rule:'));
  if (automatic.length === 0) return [];
  const why = `${host.name} ${how} again: its fence is called off if the power is still on`;
  return [{
    rule: 'noticeReturnedHosts',
    about: host.name,
    why,
    changes: [
      ...automatic.map((operation): Change => ({ change: 'cancel-operation', id: operation.id })),
      { change: 'event', event: event('host.fence-called-off', why, { severity: 'notice', host: host.name }) },
    ],
  }];
}
