// A silent host that may still run protected workloads is fenced, unless a brake holds.
import { enforcesLease, type FenceDeviceKind, type Host } from '../../hosts/host.js';
import { fenceBackoffMs } from '../../fencing/fence-backoff.js';
import { event } from '../cluster-event.js';
import { hold, type Action, type Hold } from '../decision.js';
import type { Rule, RuleContext } from '../decide.js';
import type { Operation } from '../operation.js';
import { isNeeded, isSetAside } from '../set-aside.js';
import { disarmBrake, listeningBrake, massFailureBrake, maySetAside } from './brakes.js';

export const fenceSilentHosts: Rule = (context) => {
  const silent = context.view.hosts.filter((host) => host.condition === 'silent' && !isComingBack(context, host));
  const actions: Action[] = [];
  const holds: Hold[] = [];
  for (const host of silent) {
    const reason = whyNotFence(context, host, actions.length);
    if (reason) holds.push(reason);
    else actions.push(fence(context, host));
  }
  return { actions, holds };
};

/** Silent in the store, and heard: who fences it meanwhile does so for ever. How far its admission is, and what keeps it, readmitReturnedHosts tells. */
function isComingBack({ view, verdictOf }: RuleContext, host: Host): boolean {
  return verdictOf(host.id)?.hearing === 'heard' || view.operations.some((operation) => operation.kind === 'readmit' && operation.hostId === host.id);
}

function whyNotFence(context: RuleContext, host: Host, already: number): Hold | null {
  if (!isNeeded(context.view, host)) {
    const vote = isSetAside(context.view, host) ? 'it has no vote until it is heard again' : maySetAside(context) ? 'it loses its vote soon' : 'it keeps its vote for now';
    return hold('no-fence-device', host.name, `silent, and nothing protected is placed there: not fenced; ${vote}; \`reeve host confirm-off ${host.name}\` if it is off`);
  }
  if (host.intent === 'maintenance') return hold('maintenance', host.name, 'silent while in maintenance: not fenced; `reeve host undrain` or `reeve host confirm-off`');
  return disarmBrake(context) ?? listeningBrake(context) ?? massFailureBrake(context) ?? deviceBrake(host) ?? flightBrake(context, host, already) ?? retryBrake(context, host);
}

const AUTOMATIC: ReadonlySet<FenceDeviceKind> = new Set(['ipmi', 'redfish', 'fence-agent']);

/** Written down before any voter is asked: whatever comes of it, the host is admitted at a higher epoch only. */
export function excluded(host: Host): { readonly excludedEpoch: number } | Record<string, never> {
  return enforcesLease(host) ? { excludedEpoch: host.hostEpoch } : {};
}

function deviceBrake(host: Host): Hold | null {
  if (host.fenceDevices.some((device) => AUTOMATIC.has(device.kind)) || enforcesLease(host)) return null;
  return hold('no-fence-device', host.name, `silent, and neither a fence device nor a lease can prove it harmless: look at the machine, then \`reeve host confirm-off ${host.name}\``);
}

function flightBrake({ view, policy }: RuleContext, host: Host, already: number): Hold | null {
  const fences = view.operations.filter((operation) => operation.kind === 'fence');
  if (fences.some((operation) => operation.hostId === host.id)) return hold('fence-under-way', host.name, 'a fence operation is under way; `reeve operation list`');
  if (fences.length + already < policy.fencesInFlight) return null;
  return hold('too-many-in-flight', host.name, `${fences.length + already} fences are under way, at most ${policy.fencesInFlight} at once`);
}

/** Failed fences are retried for ever, with growing pauses. */
function retryBrake({ view, policy, nowMs }: RuleContext, host: Host): Hold | null {
  const failed = failedFences(view.recentOperations, host);
  const last = failed[0];
  if (!last?.endedAtMs) return null;
  const waitMs = last.endedAtMs + fenceBackoffMs(failed.length, policy.fenceRetryMs, policy.fenceRetryMaxMs) - nowMs;
  if (waitMs <= 0) return null;
  return hold('fence-failing', host.name, `fencing failed ${failed.length === 1 ? 'once' : `${failed.length} times`} (${last.why ?? 'no reason given'}); tried again for ever with growing pauses; if it is off: \`reeve host confirm-off ${host.name}\``);
}

/** Fences of this host that failed since it became silent, newest first. */
export function failedFences(recent: readonly Operation[], host: Host): readonly Operation[] {
  const ofHost = recent.filter((operation) => operation.kind === 'fence' && operation.hostId === host.id);
  const lastGood = ofHost.findIndex((operation) => operation.state !== 'failed' && operation.state !== 'unknown');
  return lastGood < 0 ? ofHost : ofHost.slice(0, lastGood);
}

function fence({ nowMs }: RuleContext, host: Host): Action {
  const why = host.why ?? 'silent';
  return {
    rule: 'fenceSilentHosts',
    about: host.name,
    why,
    changes: [
      { change: 'host', id: host.id, set: { condition: 'fencing', conditionSinceMs: nowMs, ...excluded(host) } },
      { change: 'operation', operation: { kind: 'fence', workloadId: null, hostId: host.id, targetHostId: null, requestedBy: 'rule:fenceSilentHosts', reason: why } },
      { change: 'event', event: event('host.fencing', `fencing ${host.name}: ${why}`, { severity: 'alert', host: host.name }) },
    ],
  };
}
