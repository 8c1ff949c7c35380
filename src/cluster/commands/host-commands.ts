// What operators do to hosts, each as changes to commit; refusals are UserErrors with the remedy.
import { hasPowerDevice, enforcesLease, isOff, isQuarantined, NEVER_LOST, type Host, type HostProof } from '../../hosts/host.js';
import { provesNoPower } from '../../hosts/shared-filesystem.js';
import { whyNotRemovable } from '../../hosts/run-removal.js';
import { UserError } from '../../shared/errors.js';
import type { Change } from '../change.js';
import { event } from '../cluster-event.js';
import type { ClusterView } from '../cluster-view.js';
import type { ClusterVerdict } from '../verdict.js';
import { findHost } from './find.js';
import type { Admission } from '../admission.js';
import { seenUnadmitted } from '../observations.js';

export interface Asked {
  readonly by: string;
  readonly nowMs: number;
  /** What starts and moves are held to; absent: to nothing. */
  readonly admission?: Admission;
}

export function cordonHost(view: ClusterView, name: string, { by }: Asked): readonly Change[] {
  const host = findHost(view, name);
  if (host.cordoned) return [];
  return [
    { change: 'host', id: host.id, set: { cordoned: true } },
    { change: 'event', event: event('host.cordoned', `${host.name} is cordoned by ${by}: nothing new is placed there`, { host: host.name }) },
  ];
}

export function uncordonHost(view: ClusterView, name: string, { by }: Asked): readonly Change[] {
  const host = findHost(view, name);
  if (host.intent === 'maintenance') throw new UserError('conflict', `${host.name} is in maintenance`, `reeve host undrain ${host.name}`);
  if (!host.cordoned) return [];
  return [
    { change: 'host', id: host.id, set: { cordoned: false } },
    { change: 'event', event: event('host.uncordoned', `${host.name} is uncordoned by ${by}`, { host: host.name }) },
  ];
}

/** Cordon + move everything away + no fencing, until `undrain`. */
export function drainHost(view: ClusterView, name: string, { by }: Asked): readonly Change[] {
  const host = findHost(view, name);
  if (host.condition !== 'online') throw new UserError('conflict', `${host.name} is ${host.condition}, only an online host can be drained`, 'reeve status');
  const active = view.operations.find((operation) => operation.kind === 'drain' && operation.hostId === host.id);
  if (active && !active.cancelRequested) throw new UserError('conflict', `${host.name} is being drained already (operation ${active.id})`, `reeve operation show ${active.id}`);
  if (active) throw new UserError('conflict', `the earlier drain of ${host.name} is just being ended`, `reeve host drain ${host.name}`);
  return [
    { change: 'host', id: host.id, set: { intent: 'maintenance', cordoned: true } },
    { change: 'operation', operation: { kind: 'drain', workloadId: null, hostId: host.id, targetHostId: null, requestedBy: by, reason: `${by} drains ${host.name}` } },
    { change: 'event', event: event('host.draining', `${host.name} is drained by ${by}`, { severity: 'notice', host: host.name }) },
  ];
}

export function undrainHost(view: ClusterView, name: string, { by }: Asked): readonly Change[] {
  const host = findHost(view, name);
  if (host.intent === 'active') return [];
  const drains = view.operations.filter((operation) => operation.kind === 'drain' && operation.hostId === host.id);
  return [
    { change: 'host', id: host.id, set: { intent: 'active', cordoned: false } },
    ...drains.map((operation): Change => ({ change: 'cancel-operation', id: operation.id })),
    { change: 'event', event: event('host.undrained', `${host.name} is back from maintenance, by ${by}`, { severity: 'notice', host: host.name }) },
  ];
}

/** An operator's fence: also for a host that is heard. Its workloads are recovered elsewhere. */
export function fenceHost(view: ClusterView, name: string, { by, nowMs }: Asked): readonly Change[] {
  const host = findHost(view, name);
  if (host.condition === 'enrolling') throw new UserError('conflict', `${host.name} is not enrolled yet`, `reeve host remove ${host.name}`);
  if (!hasPowerDevice(host) && !enforcesLease(host)) {
    throw new UserError('refused', `${host.name} has no automatic fence device`, `reeve host confirm-off ${host.name}`);
  }
  const why = `${by} asked for it`;
  return [
    { change: 'host', id: host.id, set: { condition: 'fencing', conditionSinceMs: nowMs, why, ...(enforcesLease(host) ? { excludedEpoch: host.hostEpoch } : {}) } },
    { change: 'operation', operation: { kind: 'fence', workloadId: null, hostId: host.id, targetHostId: null, requestedBy: by, reason: why } },
    { change: 'event', event: event('host.fencing', `fencing ${host.name}: ${why}`, { severity: 'alert', host: host.name }) },
  ];
}

/** A host in doubt is looked at every second. */
const ANSWER_COUNTS_MS = 5_000;

/** A person vouches that the host is off. Refused while it plainly lives. */
export function confirmOff(view: ClusterView, verdict: ClusterVerdict, name: string, asked: Asked & { readonly reason: string }): readonly Change[] {
  const host = findHost(view, name);
  const heard = verdict.hosts.find((one) => one.hostId === host.id);
  if (heard?.hearing === 'heard') throw new UserError('refused', `${host.name} is heard right now: it is not off`, `reeve host show ${host.name}`);
  const probe = heard?.probe;
  if (probe?.answered && (probe.bootId === host.bootId || isOff(host)) && asked.nowMs - probe.atMs <= ANSWER_COUNTS_MS) {
    throw new UserError('refused', `${host.name} answers SSH right now, ${probe.runningUuids.length} workloads run there: it is not off`, `ssh ${host.address} systemctl restart reeve-agent`);
  }
  // The end of its lease says nothing about what did not run under it: of that a person may vouch.
  // Nor does a new boot, or a good-bye, say that it has no power now: what can be had only then waits for that.
  const isHalfProven = isOff(host) && !provesNoPower(host.proof);
  // It came back since, and runs what belongs elsewhere.
  const ranSince = isOff(host) && view.inventories.some((one) => one.hostId === host.id && one.unadmitted && one.workloads.length > 0);
  if (host.condition !== 'silent' && host.condition !== 'fencing' && !isHalfProven && !ranSince) {
    throw new UserError('conflict', `${host.name} is ${host.condition}; only a silent host can be confirmed off`, 'reeve status');
  }
  const evidence = `${asked.by} vouched that ${host.name} is off: ${asked.reason}`;
  const fences = view.operations.filter((operation) => operation.kind === 'fence' && operation.hostId === host.id);
  return [...fences.map((operation): Change => ({ change: 'cancel-operation', id: operation.id })), ...provenOff(host, { kind: 'operator', evidence }, asked.nowMs)];
}

/** The one way a host becomes `fenced`, or `offline` when it stopped in order: proof kept, epoch raised, told. */
export function provenOff(host: Host, proof: Pick<HostProof, 'kind' | 'evidence'>, nowMs: number): readonly Change[] {
  const inOrder = proof.kind === 'stopped';
  const told = inOrder ? event('host.offline', proof.evidence, { severity: 'notice', host: host.name, data: { proof: proof.kind } }) : event('host.fenced', `${host.name} is proven off (${proof.kind}): ${proof.evidence}`, { severity: 'alert', host: host.name, data: { proof: proof.kind } });
  return [
    {
      change: 'host',
      id: host.id,
      set: {
        condition: inOrder ? 'offline' : 'fenced',
        conditionSinceMs: nowMs,
        why: proof.evidence,
        hostEpoch: host.hostEpoch + 1,
        proof: { ...proof, atMs: nowMs, bootId: host.bootId, hostEpoch: host.hostEpoch },
      },
    },
    { change: 'event', event: told },
  ];
}

/** Ends a quarantine at once; the next one is a first one again. */
export function releaseHost(view: ClusterView, name: string, { by }: Asked): readonly Change[] {
  const host = findHost(view, name);
  if (!isQuarantined(host)) throw new UserError('conflict', `${host.name} is not quarantined`, `reeve host show ${host.name}`);
  return [
    { change: 'host', id: host.id, set: { flapping: NEVER_LOST } },
    { change: 'event', event: event('host.released', `${host.name} is released from quarantine by ${by}: it takes workloads again`, { severity: 'notice', host: host.name }) },
  ];
}

/** It came back, and was seen to run what belongs elsewhere: that is forgotten with the host, and could be started twice. */
export function runsCopies(view: ClusterView, host: Host): string | null {
  const copies = view.workloads.filter((workload) => seenUnadmitted(view, workload)?.hostId === host.id).map(({ name }) => name);
  return copies.length === 0 ? null : `${host.name} came back and was seen to run ${copies.join(', ')}, which belongs elsewhere: stop it there, or \`reeve host confirm-off ${host.name}\` once that is off`;
}

/** Refused while anything is there. `lost`: the machine is gone for good, what is on it is left there. */
export function removeHost(view: ClusterView, name: string, { by, lost }: Asked & { readonly lost: boolean }): readonly Change[] {
  const host = findHost(view, name);
  const why = whyNotRemovable(host, view.workloads) ?? runsCopies(view, host);
  if (why) throw new UserError('refused', why);
  const active = view.operations.find((operation) => operation.kind !== 'drain' && (operation.hostId === host.id || operation.targetHostId === host.id));
  if (active) throw new UserError('conflict', `${active.kind} is under way there (operation ${active.id})`, `reeve operation cancel ${active.id}`);
  const hostIsLost = lost || host.condition !== 'online';
  return [{ change: 'operation', operation: { kind: 'remove', workloadId: null, hostId: host.id, targetHostId: null, requestedBy: by, reason: `${by} removes ${host.name}`, params: { hostIsLost } } }];
}
