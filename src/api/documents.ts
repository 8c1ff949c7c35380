// From domain objects to what the API shows. Secrets stay behind: keys and passwords have no field here.
import { isMember, whyNoReplicas } from '../hosts/daemon-cluster.js';
import { alertProblems, type AlertTargetState } from '../cluster/alert-target-state.js';
import type { AlertTestReport } from '../cluster/control/test-alerts.js';
import type { ClusterEvent } from '../cluster/cluster-event.js';
import type { ClusterView } from '../cluster/cluster-view.js';
import type { Hold } from '../cluster/decision.js';
import { diagnose, type Problem } from '../cluster/diagnose.js';
import { hostState } from '../cluster/host-state.js';
import type { Operation } from '../cluster/operation.js';
import { activeDisarm } from '../cluster/disarm.js';
import { shownState } from '../cluster/shown-state.js';
import type { ClusterVerdict, HostVerdict } from '../cluster/verdict.js';
import { hasPowerDevice, type Host } from '../hosts/host.js';
import { filesystemOf, ownerOf, takersOf } from '../hosts/shared-filesystem.js';
import { strangersOn } from '../cluster/strangers.js';
import { usageAt } from '../scheduler/usage.js';
import { brokenBy } from '../scheduler/broken-by.js';
import { describeRule } from '../scheduler/describe-rule.js';
import type { PlacementRule, RankedHost } from '../scheduler/placement-rule.js';
import type { WorkloadId } from '../shared/ids.js';
import { recoverableBy, type RecoverablePool } from '../workloads/recoverable-by.js';
import { poolOf, type Workload } from '../workloads/workload.js';

const SECRET = /pass|secret|token|key/i;

export function hostDocument(view: ClusterView, verdict: ClusterVerdict, host: Host) {
  const heard = verdict.hosts.find((one) => one.hostId === host.id) ?? null;
  const usage = usageAt({ workloads: view.workloads, promised: [] }, host.id);
  const { agentKey: _key, fenceDevices, takenPools, ...shown } = host;
  return {
    ...shown,
    state: hostState(host, heard, view.workloads),
    heard: heard ? hearing(heard) : null,
    fenceDevices: fenceDevices.map((device) => ({ kind: device.kind, options: Object.fromEntries(Object.entries(device.options).map(([key, value]) => [key, SECRET.test(key) && !key.endsWith('File') ? '***' : value])) })),
    workloads: view.workloads.filter((workload) => workload.hostId === host.id).map((workload) => workload.name),
    usage,
    strangers: strangersOf(view, host),
    blockPools: blockPools(view.hosts, host),
    takenPools: takenPools.map(({ byHostId, ...taken }) => ({ ...taken, by: nameOf(view, byHostId) })),
  };
}

/** Guests that run there, and are no workloads of Reeve's. They count as used. */
function strangersOf(view: ClusterView, host: Host) {
  const room = strangersOn(view).get(host.id);
  return { memoryMiB: room?.memoryMiB ?? 0, vcpus: room?.vcpus ?? 0, workloads: room?.workloads ?? 0 };
}

function hearing({ hearing: state, sinceMs, evidence, silentVotes, voters, probe, load, lease }: HostVerdict) {
  return { state, sinceMs, evidence, silentVotes, voters, probe, load, lease };
}

export function workloadDocument(view: ClusterView, workload: Workload, nowMs = Date.now()) {
  const { definition: _definition, startAfter, ...shown } = workload;
  const state = shownState(view, workload, nowMs);
  const after = startAfter.map((id) => view.workloads.find((one) => one.id === id)?.name ?? '(gone)');
  const operation = view.operations.find((one) => one.workloadId === workload.id);
  const home = view.inventories.find((one) => one.hostId === workload.hostId);
  const observed = home?.workloads.find((one) => one.uuid === workload.uuid) ?? null;
  const recoverable = recoverableBy(workload, { nameOf: (id) => nameOf(view, id), nowMs, pool: recoverablePool(view, workload), whyNoReplicas: whyNoReplicasOf(view, workload) });
  return { ...shown, state, recoverable, startAfter: after, host: nameOf(view, workload.hostId), operation: operation ? { id: operation.id, kind: operation.kind, progress: operation.progress } : null, observed: observed && home ? { ...observed, atMs: home.atMs } : null };
}

function whyNoReplicasOf({ hosts }: ClusterView, { hostId, needs: { driver } }: Workload): string | null {
  const host = hosts.find((one) => one.id === hostId);
  return host && driver !== 'libvirt' && isMember(host.facts, driver) ? whyNoReplicas(driver, host.name) : null;
}

/** As its home and the others showed it last. */
function recoverablePool({ hosts }: ClusterView, workload: Workload): RecoverablePool | null {
  const [home, pool] = [hosts.find((one) => one.id === workload.hostId), poolOf(workload)];
  if (!home || !pool) return null;
  const owner = ownerOf(hosts, home, pool);
  // One that keeps its replica has something of its name already.
  const takers = takersOf(hosts, owner, pool).filter(({ id }) => id !== workload.replica?.hostId);
  const isProvenByDevice = hasPowerDevice(owner);
  return takers.length === 0 ? null : { pool: pool.pool, takers: takers.map(({ name }) => name), home: owner.name, isProvenByDevice };
}

/** Of its daemons, those on block storage of their own, and who else sees the device. */
function blockPools(hosts: readonly Host[], host: Host) {
  return (host.facts?.containerDaemons ?? []).flatMap((daemon) => daemon.pools.flatMap(({ name }) => {
    const pool = { driver: daemon.driver, pool: name };
    const filesystem = host.facts && filesystemOf(host.facts, pool);
    return filesystem ? [{ ...pool, filesystem: filesystem.uuid, serial: filesystem.serial, takers: takersOf(hosts, host, pool).map((one) => one.name) }] : [];
  }));
}

export function operationDocument(view: Pick<ClusterView, 'hosts' | 'workloads'>, operation: Operation) {
  return {
    ...operation,
    workload: view.workloads.find((one) => one.id === operation.workloadId)?.name ?? null,
    host: nameOf(view, operation.hostId),
    target: nameOf(view, operation.targetHostId),
  };
}

/** By names; `broken`: which of its workloads stand against it now. */
export function ruleDocument(view: ClusterView, rule: PlacementRule) {
  const { workloads, selector, ...shown } = rule;
  const ranked = (some: readonly RankedHost[]) => some.map(({ hostId, priority }) => ({ host: nameOf(view, hostId) ?? '(gone)', priority }));
  const { hostSelector = undefined } = rule.type === 'hosts' ? rule : {};
  const hosts = rule.type === 'hosts' ? { hosts: ranked(rule.hosts), hostSelector: hostSelector ? { named: ranked(hostSelector.named), selected: hostSelector.selected } : null } : { per: rule.per ?? 'host' };
  const named = (ids: readonly WorkloadId[]) => ids.map((id) => view.workloads.find((one) => one.id === id)?.name ?? '(gone)');
  return { ...shown, ...hosts, workloads: named(workloads), select: selector?.labels ?? null, ...(selector ? { named: named(selector.named) } : {}), says: describeRule(view, rule), broken: brokenBy(view, rule) };
}

const nameOf = (view: Pick<ClusterView, 'hosts'>, id: string | null): string | null => view.hosts.find((host) => host.id === id)?.name ?? null;

export interface StatusInput {
  readonly name: string;
  readonly view: ClusterView;
  readonly verdict: ClusterVerdict;
  readonly holds: readonly Hold[];
  readonly leader: { readonly replica: string; readonly epoch: number | null };
  /** What the queue says of itself; null: it was not asked. */
  readonly queue: { readonly ok: boolean; readonly detail: string } | null;
  readonly alertTargets: readonly AlertTargetState[];
  /** The newest, oldest first. */
  readonly events: readonly ClusterEvent[];
}

/** A cluster in a line, beside others. */
export function clusterDocument({ name, isDefault, view, verdict, holds, leader }: Pick<StatusInput, 'name' | 'view' | 'verdict' | 'holds' | 'leader'> & { readonly isDefault: boolean }) {
  const { quorum, quorumEvidence } = verdict;
  return { name, isDefault, hosts: view.hosts.length, workloads: view.workloads.length, quorum, quorumEvidence, leader, disarm: activeDisarm(view, Date.now()), holds: holds.length };
}

/** Ended badly lately: what a person wants to see first. */
const FAILURES_SHOWN = 5;
const EVENTS_SHOWN = 8;

export function statusDocument({ name, view, verdict, holds, leader, queue, alertTargets, events }: StatusInput) {
  const disarm = activeDisarm(view, Date.now());
  return {
    cluster: {
      name, version: view.version, leaderEpoch: view.leaderEpoch, leader, armed: disarm === null, disarm,
      quorum: verdict.quorum, quorumEvidence: verdict.quorumEvidence, trusted: verdict.trusted, trustEvidence: verdict.trustEvidence,
    },
    problems: [...(queue === null || queue.ok ? [] : [queueAway(queue.detail)]), ...alertProblems(alertTargets), ...diagnose(view, verdict)],
    hosts: view.hosts.map((host) => hostDocument(view, verdict, host)),
    workloads: view.workloads.map((workload) => workloadDocument(view, workload)),
    operations: view.operations.map((operation) => operationDocument(view, operation)),
    failures: view.recentOperations.filter((operation) => operation.state === 'failed' || operation.state === 'unknown').slice(0, FAILURES_SHOWN).map((operation) => operationDocument(view, operation)),
    holds,
    events: events.filter((one) => one.severity !== 'info').slice(-EVENTS_SHOWN),
  };
}

/** Everything else would look healthy while nothing is carried out. */
const queueAway = (detail: string): Problem => ({ code: 'queue-away', severity: 'alert', about: '', evidence: `operations wait, recoveries too: ${detail}`, remedy: 'see the control plane\'s log; the queue is where queue.redisUrl or the database says' });

export type AlertTargetDocument = AlertTargetState;
export type AlertTestDocument = AlertTestReport;
export type ClusterDocument = ReturnType<typeof clusterDocument>;
export type RuleDocument = ReturnType<typeof ruleDocument>;
export type StatusDocument = ReturnType<typeof statusDocument>;
export type HostDocument = ReturnType<typeof hostDocument>;
export type WorkloadDocument = ReturnType<typeof workloadDocument>;
export type OperationDocument = ReturnType<typeof operationDocument>;
