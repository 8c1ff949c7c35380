// A cluster of three hosts for tests of what rules decide, and a story that lets rounds follow each other without a store.
import { aClusterVerdict, aHost, anOperation, aVerdict, aView, NOW_MS, silentVerdict } from '../../test/fixtures/cluster.js';
import type { Host } from '../hosts/host.js';
import type { ObservedWorkload } from '../hosts/hypervisor.js';
import { operationId } from '../shared/ids.js';
import type { WorkflowOutcome } from '../shared/workflow.js';
import type { Workload } from '../workloads/workload.js';
import type { Change } from './change.js';
import type { BalanceAdvice } from './balance-watch.js';
import { DEFAULT_POLICY, type ClusterPolicy } from './cluster-policy.js';
import type { ClusterView } from './cluster-view.js';
import { decide } from './decide.js';
import type { Decision } from './decision.js';
import { moveEnding, startEnding, stopEnding } from './endings.js';
import type { Operation } from './operation.js';
import { settleChanges } from './settle-changes.js';
import type { ClusterVerdict, HostVerdict } from './verdict.js';

export const [one, two, three] = [aHost('host-1'), aHost('host-2'), aHost('host-3')] as const;
export const PROOF = { kind: 'power-off' as const, evidence: 'ipmi: off, status off', atMs: NOW_MS - 5_000, bootId: three.bootId, hostEpoch: 1 };
export const fenced = { ...three, condition: 'fenced' as const, hostEpoch: 2, proof: PROOF };

export const heard = (...silent: readonly Host[]): ClusterVerdict => aClusterVerdict([one, two, three].map((host) => (silent.some((other) => other.id === host.id) ? silentVerdict(host) : aVerdict(host))));

export function decision(view: Partial<ClusterView>, { verdict = heard(), policy = {}, nowMs = NOW_MS, balance = null }: { readonly verdict?: ClusterVerdict; readonly policy?: Partial<ClusterPolicy>; readonly nowMs?: number; readonly balance?: BalanceAdvice | null } = {}): Decision {
  return decide({ view: aView({ hosts: [one, two, three], ...view }), verdict, nowMs, policy: { ...DEFAULT_POLICY, ...policy }, balance });
}

export const changesOf = (result: Decision): readonly Change[] => result.actions.flatMap((action) => action.changes);
export const operationsOf = (result: Decision): readonly string[] =>
  changesOf(result).flatMap((change) => (change.change === 'operation' ? [[change.operation.kind, change.operation.workloadId ?? change.operation.hostId, change.operation.targetHostId].filter(Boolean).join(' ').replaceAll('id-', '')] : []));
export const holdsOf = (result: Decision): readonly string[] => result.holds.map((hold) => `${hold.code} ${hold.about}`.trim());
export const whyOf = (result: Decision, code: string): string => result.holds.find((hold) => hold.code === code)?.why ?? '';
export const setOf = (result: Decision, id: string): Partial<Workload> & Partial<Host> =>
  Object.assign({}, ...changesOf(result).flatMap((change) => ((change.change === 'workload' || change.change === 'host') && change.id === id ? [change.set] : []))) as Partial<Workload> & Partial<Host>;

/** What a host shows of a workload. */
export function shown(workload: Workload, runState: ObservedWorkload['runState'], reason: string = runState): ObservedWorkload {
  const { uuid, name, kind, needs } = workload;
  return { uuid, name, kind, driver: needs.driver, runState, reason, vcpus: needs.vcpus, memoryMiB: needs.memoryMiB, autostart: false, persistent: true };
}

export const inventory = (host: Host, workloads: readonly ObservedWorkload[], atMs = NOW_MS - 100): ClusterView['inventories'][number] => ({ hostId: host.id, atMs, bootId: host.bootId ?? '', workloads });

/** Rounds after each other: changes are kept, operations end as the test says. */
export class Story {
  nowMs = NOW_MS;
  view: ClusterView;
  verdicts: Partial<Record<string, Partial<HostVerdict>>> = {};
  last: Decision = { actions: [], holds: [] };
  #operations = 0;

  constructor(view: Partial<ClusterView>, private readonly policy: Partial<ClusterPolicy> = {}) {
    this.view = aView({ hosts: [one, two, three], ...view });
  }

  workload(name: string): Workload {
    const found = this.view.workloads.find((workload) => workload.name === name);
    if (!found) throw new Error(`no workload ${name}`);
    return found;
  }

  /** One round, with every running workload shown as the test says; returns the operations that it began. */
  round(afterMs = 1_000): readonly string[] {
    this.nowMs += afterMs;
    const verdict = aClusterVerdict(this.view.hosts.map((host) => aVerdict(host, this.verdicts[host.name] ?? {})));
    this.last = decide({ view: this.view, verdict, nowMs: this.nowMs, policy: { ...DEFAULT_POLICY, ...this.policy } });
    this.commit(changesOf(this.last));
    return operationsOf(this.last);
  }

  show(host: Host, workloads: readonly ObservedWorkload[]): void {
    this.nowMs += 10;
    const others = this.view.inventories.filter((one) => one.hostId !== host.id);
    this.view = { ...this.view, inventories: [...others, inventory(this.view.hosts.find((one) => one.id === host.id) ?? host, workloads, this.nowMs)] };
  }

  /** Ends the one operation on this workload. */
  end(name: string, outcome: 'succeeded' | { readonly failed: string }): void {
    this.nowMs += 100;
    const workload = this.workload(name);
    const operation = this.view.operations.find((one) => one.workloadId === workload.id);
    if (!operation) throw new Error(`nothing is under way with ${name}`);
    const result: WorkflowOutcome = outcome === 'succeeded' ? { kind: 'succeeded', note: null, memo: {} } : { kind: 'failed', code: outcome.failed, why: 'because', memo: {} };
    const ended: Operation = { ...operation, state: result.kind, why: result.kind === 'failed' ? result.why : null, endedAtMs: this.nowMs };
    this.view = { ...this.view, operations: this.view.operations.filter((one) => one !== operation), recentOperations: [ended, ...this.view.recentOperations] };
    this.commit(this.#ending(operation, workload, result));
  }

  #ending(operation: Operation, workload: Workload, outcome: WorkflowOutcome): readonly Change[] {
    const host = (id: Operation['hostId']): Host => this.view.hosts.find((one) => one.id === id) ?? one;
    const base = { operation, workload, outcome, nowMs: this.nowMs };
    if (operation.kind === 'stop') return stopEnding(base).changes;
    if (operation.kind === 'migrate' || operation.kind === 'relocate') return moveEnding({ ...base, source: host(operation.hostId), target: host(operation.targetHostId) }).changes;
    return startEnding({ ...base, target: host(operation.targetHostId), from: operation.hostId === null ? null : host(operation.hostId) }).changes;
  }

  commit(changes: readonly Change[]): void {
    const before = { hosts: new Map(this.view.hosts.map((host) => [host.id as string, host])), workloads: new Map(this.view.workloads.map((workload) => [workload.id as string, workload])), rules: new Map(this.view.rules.map((rule) => [rule.name, rule])) };
    const settled = settleChanges(changes, before);
    if (!settled.ok) throw new Error(settled.error.why);
    const { hosts, workloads, operations, disarm } = settled.value;
    const begun = operations.map(({ wanted, workloadEpoch }) => {
      this.#operations += 1;
      return anOperation(wanted.kind, { ...wanted, id: operationId(`op-${this.#operations}`), workloadEpoch, createdAtMs: this.nowMs, params: wanted.params ?? {}, proof: wanted.proof ?? null });
    });
    this.view = {
      ...this.view,
      voters: settled.value.voters ?? this.view.voters, version: this.view.version + 1,
      hosts: this.view.hosts.map((host) => hosts.get(host.id) ?? host), workloads: this.view.workloads.map((workload) => workloads.get(workload.id) ?? workload),
      operations: [...this.view.operations, ...begun], disarm: disarm === undefined ? this.view.disarm : disarm,
    };
  }
}
