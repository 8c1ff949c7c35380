// GET /metrics: the state of all clusters as Prometheus reads it.
import { Gauge, Registry } from 'prom-client';
import { hostState } from '../cluster/host-state.js';
import type { ClusterVerdict } from '../cluster/verdict.js';
import type { ClusterView } from '../cluster/cluster-view.js';
import type { HostState } from '../hosts/host.js';
import type { FailureRoom } from '../scheduler/failure-room.js';
import { WORKLOAD_STATES } from '../workloads/workload.js';
import { shownState } from '../cluster/shown-state.js';

export interface Measured {
  readonly cluster: string;
  readonly view: ClusterView;
  readonly verdict: ClusterVerdict;
  /** Null: it was not computed in time; what is known of it is left out. */
  readonly room: FailureRoom | null;
}

const HOST_STATES: { readonly [S in HostState]: true } = { enrolling: true, online: true, suspect: true, silent: true, fencing: true, fenced: true, draining: true, maintenance: true, offline: true };

/** Of one moment: nothing is counted up between two scrapes. */
export function metricsOf(all: readonly Measured[], nowMs: number): Registry {
  const registry = new Registry();
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[]): Gauge<Label | 'cluster'> => new Gauge({ name, help, labelNames: ['cluster', ...labelNames], registers: [registry] });
  const gauges = {
    hosts: gauge('reeve_hosts', 'Hosts by state', ['state']),
    workloads: gauge('reeve_workloads', 'Workloads by state', ['state']),
    memory: gauge('reeve_cluster_memory_mib', 'Memory of hosts that take workloads: what the policy lets be used, and what is', ['kind']),
    vcpus: gauge('reeve_cluster_vcpus', 'vCPUs of hosts that take workloads: what the policy lets be used, and what is', ['kind']),
    isOk: gauge('reeve_room_for_failure_ok', '1: nothing stays down after any loss that the mode asks about, 0: something does', ['mode']),
    down: gauge('reeve_room_for_failure_down', 'Workloads that would stay down if this were lost, for want of room or by a rule', ['mode', 'host']),
  };
  for (const { cluster, view, verdict, room } of all) {
    const verdicts = new Map(verdict.hosts.map((one) => [one.hostId, one]));
    // Each state has its line, also without any: a series that comes and goes raises no alarm.
    for (const state of Object.keys(HOST_STATES)) gauges.hosts.set({ cluster, state }, 0);
    for (const state of Object.keys(WORKLOAD_STATES)) gauges.workloads.set({ cluster, state }, 0);
    for (const host of view.hosts) gauges.hosts.inc({ cluster, state: hostState(host, verdicts.get(host.id) ?? null, view.workloads) });
    for (const workload of view.workloads) gauges.workloads.inc({ cluster, state: shownState(view, workload, nowMs) });
    if (room === null) continue;
    for (const kind of ['used', 'limit'] as const) {
      gauges.memory.set({ cluster, kind }, room.memoryMiB[kind]);
      gauges.vcpus.set({ cluster, kind }, room.vcpus[kind]);
    }
    gauges.isOk.set({ cluster, mode: room.mode }, room.isOk ? 1 : 0);
    for (const { host, down } of worstByHost(room)) gauges.down.set({ cluster, mode: room.mode, host }, down);
  }
  return registry;
}

/** Of pairs and zones, the worst that a host is part of: one line a host, however many pairs there are. */
function worstByHost({ outcomes }: FailureRoom): readonly { readonly host: string; readonly down: number }[] {
  const worst = new Map<string, number>();
  for (const { hosts, down } of outcomes) {
    const counted = down.filter(({ isBound }) => !isBound).length;
    for (const host of hosts) worst.set(host, Math.max(worst.get(host) ?? 0, counted));
  }
  return [...worst].map(([host, down]) => ({ host, down }));
}
