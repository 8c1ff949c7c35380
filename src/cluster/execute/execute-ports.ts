// What the executors reach the world through.
import type { HostAgent } from '../../hosts/host-agent.js';
import type { Host } from '../../hosts/host.js';
import type { CommandToken, Hypervisor } from '../../hosts/hypervisor.js';
import type { Clock } from '../../shared/clock.js';
import { Defect } from '../../shared/errors.js';
import type { HostId } from '../../shared/ids.js';
import type { Workload } from '../../workloads/workload.js';
import type { Place } from '../../workloads/place.js';
import type { ClusterStore } from '../cluster-store.js';
import type { ClusterView } from '../cluster-view.js';
import type { Operation } from '../operation.js';

/** The hosts as they can be reached. */
export interface HostWorld {
  hypervisorOf(host: Host): Hypervisor;
  agentOf(host: Host): HostAgent;
}

export interface ExecutePorts {
  readonly store: ClusterStore;
  readonly clock: Clock;
  readonly world: HostWorld;
}

export function hostOf(view: ClusterView, id: HostId | null, role: string): Host {
  const host = view.hosts.find((one) => one.id === id);
  if (!host) throw new Defect(`the operation's ${role} host ${id ?? '(none)'} is gone`);
  return host;
}

export function workloadOf(view: ClusterView, operation: Operation): Workload {
  const workload = view.workloads.find((one) => one.id === operation.workloadId);
  if (!workload) throw new Defect(`the operation's workload ${operation.workloadId ?? '(none)'} is gone`);
  return workload;
}

/** Epochs as committed with the operation: an older operation's commands are refused by a host that saw a newer one. */
export function tokenFor(operation: Operation, host: Host, workload: Workload | null): CommandToken {
  const base = { leaderEpoch: operation.leaderEpoch, hostEpoch: host.hostEpoch };
  return workload === null ? base : { ...base, workload: { uuid: workload.uuid, epoch: operation.workloadEpoch ?? workload.workloadEpoch } };
}

export function placeOf(ports: ExecutePorts, operation: Operation, host: Host, workload: Workload): Place {
  return { name: host.name, hypervisor: ports.world.hypervisorOf(host), token: tokenFor(operation, host, workload) };
}

/** A JSON value of the operation's params, of the type that its kind is committed with. */
export function param<T extends string | number | boolean>(operation: Operation, name: string, fallback: T): T {
  const value = operation.params[name];
  return typeof value === typeof fallback ? (value as T) : fallback;
}
