// Hosts that go down in order: nothing is placed there any more, and once they are gone with a good-bye they are offline without a fence.
import type { Host, HostLeaving } from '../../hosts/host.js';
import type { Workload } from '../../workloads/workload.js';
import type { Change } from '../change.js';
import { event } from '../cluster-event.js';
import { provenOff } from '../commands/host-commands.js';
import { hold, type Action, type Hold } from '../decision.js';
import type { Rule, RuleContext } from '../decide.js';
import type { HostVerdict } from '../verdict.js';

export const noticeLeavingHosts: Rule = (context) => {
  const actions: Action[] = [];
  const holds: Hold[] = [];
  for (const host of context.view.hosts) {
    const verdict = context.verdictOf(host.id);
    if (host.condition !== 'online' || !verdict) continue;
    const busy = saidGoodBye(context, host) ? comingThere(context, host) : null;
    const action = busy ? null : notice(context, host, verdict);
    if (action) actions.push(action);
    if (busy) holds.push(busy);
    else if (host.leaving) holds.push(leavingHold(context, host, host.leaving));
  }
  return { actions, holds };
};

/** Said while its agent works on, or with its good-bye. An agent that stops alone leaves its host as it is. */
export function announced({ goingDown, leavingPurpose }: HostVerdict): HostLeaving['purpose'] | null {
  return goingDown ?? (leavingPurpose === 'stop' ? null : leavingPurpose);
}

/**
 * Its agent's last word was that it ends with its host and that nothing protected runs there any more, and it has not been heard since. Who only
 * announced that its host goes down was at work still: its silence is like any other.
 */
export function saidGoodBye({ view, verdictOf }: Pick<RuleContext, 'view' | 'verdictOf'>, host: Host): boolean {
  const verdict = verdictOf(host.id);
  if (!verdict || host.condition !== 'online' || verdict.hearing !== 'silent' || verdict.goingDown !== null || announced(verdict) === null || verdict.bootId !== host.bootId) return false;
  if (view.workloads.some((workload) => isUnknownThere(workload, host))) return false;
  const isProtected = (uuid: string): boolean => view.workloads.some((workload) => workload.uuid === uuid && workload.isProtected);
  const seen = verdict.probe?.answered ? verdict.probe.runningUuids : [];
  return verdict.runningUuids !== null && ![...verdict.runningUuids, ...seen].some(isProtected);
}

/** Containers are known to the agent by the notes of those under its lease: of others its word says nothing. */
const isUnknownThere = (workload: Workload, host: Host): boolean =>
  workload.hostId === host.id && workload.isProtected && workload.desired === 'running' && workload.needs.driver !== 'libvirt' && workload.leasedOn !== host.id;

/** A start that is on its way there could arrive after the good-bye. */
function comingThere({ view }: RuleContext, host: Host): Hold | null {
  const coming = view.operations.find((operation) => operation.targetHostId === host.id);
  return coming ? hold('operation-active', host.name, `it went down in order, and ${coming.kind} (operation ${coming.id}) was still on its way there: nothing follows before that has ended; \`reeve operation show ${coming.id}\``) : null;
}

function notice(context: RuleContext, host: Host, verdict: HostVerdict): Action | null {
  if (saidGoodBye(context, host)) return offline(context, host, verdict);
  if (verdict.hearing !== 'heard') return null;
  const purpose = announced(verdict);
  if (purpose === (host.leaving?.purpose ?? null)) return null;
  return purpose === null ? stays(host) : leaves(context, host, purpose);
}

function leaves({ nowMs }: RuleContext, host: Host, purpose: HostLeaving['purpose']): Action {
  const why = `${host.name} is going down in order (${purpose})`;
  return act(host, why, [{ change: 'host', id: host.id, set: { leaving: { purpose, sinceMs: nowMs } } }, { change: 'event', event: event('host.leaving', why, { severity: 'notice', host: host.name, data: { purpose } }) }]);
}

function stays(host: Host): Action {
  const why = `${host.name} stays after all: it no longer says that it goes down`;
  return act(host, why, [{ change: 'host', id: host.id, set: { leaving: null } }, { change: 'event', event: event('host.stays', why, { severity: 'notice', host: host.name }) }]);
}

function offline({ nowMs }: RuleContext, host: Host, verdict: HostVerdict): Action {
  const purpose = announced(verdict) ?? 'shutdown';
  const evidence = `${host.name} went down in order (${purpose}): its agent said that nothing protected runs there, then ${verdict.evidence}`;
  return act(host, evidence, [...provenOff(host, { kind: 'stopped', evidence }, nowMs), { change: 'host', id: host.id, set: { leaving: { purpose, sinceMs: host.leaving?.sinceMs ?? nowMs } } }]);
}

const act = (host: Host, why: string, changes: readonly Change[]): Action => ({ rule: 'noticeLeavingHosts', about: host.name, why, changes });

const FOLLOWS: { readonly [P in RuleContext['policy']['gracefulShutdown']]: { readonly [U in HostLeaving['purpose']]: string } } = {
  conditional: { shutdown: 'they start elsewhere as soon as it is gone', reboot: 'they come back with it' },
  failover: { shutdown: 'they start elsewhere as soon as it is gone', reboot: 'they start elsewhere as soon as it is gone' },
  migrate: { shutdown: 'they are moved away first; what does not move starts elsewhere as soon as it is gone', reboot: 'they are moved away first; what does not move comes back with it' },
  freeze: { shutdown: 'they come back with it', reboot: 'they come back with it' },
};

function leavingHold({ policy }: RuleContext, host: Host, { purpose }: HostLeaving): Hold {
  return hold('leaving', host.name, `it is going down in order (${purpose}): nothing is placed or started there; its workloads: ${FOLLOWS[policy.gracefulShutdown][purpose]} (policy ${policy.gracefulShutdown}); \`reeve host drain ${host.name}\` moves them away`);
}
