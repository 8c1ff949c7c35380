// decide: from one snapshot to what to do and what not to do. The order of RULES is the policy.
import type { BalanceAdvice } from './balance-watch.js';
import type { ClusterPolicy } from './cluster-policy.js';
import type { ClusterView } from './cluster-view.js';
import type { Action, Decision, Hold } from './decision.js';
import type { HostId, WorkloadId } from '../shared/ids.js';
import type { ClusterVerdict, HostVerdict } from './verdict.js';
import { keepLeases } from './rules/keep-leases.js';
import { keepReplicas } from './rules/keep-replicas.js';
import { keepVoters } from './rules/keep-voters.js';
import { noticeReturnedHosts } from './rules/notice-returned-hosts.js';
import { declareSilentHosts } from './rules/declare-silent-hosts.js';
import { fenceSilentHosts } from './rules/fence-silent-hosts.js';
import { takeOverPools } from './rules/take-over-pools.js';
import { recoverFromFencedHosts } from './rules/recover-from-fenced-hosts.js';
import { readmitReturnedHosts } from './rules/readmit-returned-hosts.js';
import { followObservations } from './rules/follow-observations.js';
import { startWorkloads } from './rules/start-workloads.js';
import { balanceCluster } from './rules/balance-cluster.js';
import { carryOutPlans } from './rules/carry-out-plans.js';
import { drainMaintenanceHosts } from './rules/drain-maintenance-hosts.js';
import { endExpiredDisarm } from './rules/end-expired-disarm.js';
import { failBack } from './rules/fail-back.js';
import { noticeLeavingHosts } from './rules/notice-leaving-hosts.js';
import { obeyPlacementRules } from './rules/obey-placement-rules.js';
import { renewTrust } from './rules/renew-trust.js';
import { quarantineFlappingHosts } from './rules/quarantine-flapping-hosts.js';
import { stopWorkloads } from './rules/stop-workloads.js';
import { findingsOf } from './observations.js';
import { watchRoomForFailure } from './rules/watch-room-for-failure.js';
import type { Operation } from './operation.js';
import type { Finding } from '../workloads/reconcile-observed.js';
import type { Host } from '../hosts/host.js';
import type { Workload } from '../workloads/workload.js';
import { placementLedger, type PlacementLedger } from './placement-ledger.js';

export interface DecideInput {
  readonly view: ClusterView;
  readonly verdict: ClusterVerdict;
  /** Wall clock, for comparing with times kept in the store. */
  readonly nowMs: number;
  readonly policy: ClusterPolicy;
  /** What the watch over evenness has planned; null or absent: nothing. */
  readonly balance?: BalanceAdvice | null;
}

/** What a rule looks at: the input, its indexes, and the places promised by rules before it in this round. */
export interface RuleContext extends DecideInput {
  readonly verdictOf: (hostId: HostId) => HostVerdict | null;
  readonly hostOf: (hostId: HostId | null) => Host | null;
  readonly workloadOf: (id: WorkloadId) => Workload | null;
  /** The operation under way on it; null: none. */
  readonly operationOn: (id: WorkloadId) => Operation | null;
  /** What the inventories say about it; worked out once a round. */
  readonly findings: (workload: Workload) => readonly Finding[];
  readonly ledger: PlacementLedger;
  /** Has a rule before this one done something about this host or workload in this round? Then what is done about it now is dropped. */
  readonly isActedOn: (name: string) => boolean;
}

export interface RuleOutput {
  readonly actions: readonly Action[];
  readonly holds: readonly Hold[];
}

export type Rule = (context: RuleContext) => RuleOutput;

/** First what is true of hosts, then certainty, then workloads: started before any is stopped or moved; moves by choice come last. */
export const RULES: readonly Rule[] = [
  endExpiredDisarm,
  keepVoters,
  noticeReturnedHosts,
  noticeLeavingHosts,
  declareSilentHosts,
  fenceSilentHosts,
  takeOverPools,
  recoverFromFencedHosts,
  readmitReturnedHosts,
  quarantineFlappingHosts,
  followObservations,
  startWorkloads,
  stopWorkloads,
  keepLeases,
  drainMaintenanceHosts,
  obeyPlacementRules,
  carryOutPlans,
  failBack,
  keepReplicas,
  renewTrust,
  balanceCluster,
  watchRoomForFailure,
];

/**
 * One decision. An object (host or workload) is acted on by at most one rule a round:
 * a later rule looks again in the next round, on what the first one changed.
 */
export function decide(input: DecideInput): Decision {
  const actedOn = new Set<string>();
  const context = contextOf(input, (name) => actedOn.has(name));
  const actions: Action[] = [];
  const holds: Hold[] = [];
  for (const rule of RULES) {
    const output = rule(context);
    const fresh = output.actions.filter((action) => !actedOn.has(action.about));
    for (const action of fresh) actedOn.add(action.about);
    actions.push(...fresh);
    holds.push(...output.holds);
  }
  return { actions, holds: holds.filter((one, index) => holds.findIndex((other) => other.code === one.code && other.about === one.about) === index) };
}

function contextOf(input: DecideInput, isActedOn: RuleContext['isActedOn']): RuleContext {
  const { view } = input;
  const verdicts = new Map(input.verdict.hosts.map((verdict) => [verdict.hostId, verdict]));
  const hosts = new Map(view.hosts.map((host) => [host.id, host]));
  const workloads = new Map(view.workloads.map((workload) => [workload.id, workload]));
  const operations = new Map(view.operations.flatMap((operation) => (operation.workloadId === null ? [] : [[operation.workloadId, operation]])));
  const found = new Map<WorkloadId, readonly Finding[]>();
  const findings = (workload: Workload): readonly Finding[] => {
    const known = found.get(workload.id) ?? findingsOf(input, workload);
    found.set(workload.id, known);
    return known;
  };
  return {
    ...input, findings, isActedOn, ledger: placementLedger(input),
    verdictOf: (id) => verdicts.get(id) ?? null, hostOf: (id) => (id === null ? null : (hosts.get(id) ?? null)),
    workloadOf: (id) => workloads.get(id) ?? null, operationOn: (id) => operations.get(id) ?? null,
  };
}
