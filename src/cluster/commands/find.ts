// Finds what an operator named, or says that there is no such thing.
import type { Host } from '../../hosts/host.js';
import { UserError } from '../../shared/errors.js';
import type { Workload } from '../../workloads/workload.js';
import type { ClusterView } from '../cluster-view.js';

export function findHost(view: ClusterView, nameOrId: string): Host {
  const host = view.hosts.find((one) => one.name === nameOrId || one.id === nameOrId);
  if (!host) throw new UserError('not-found', `no host is named ${nameOrId}`, 'reeve host list');
  return host;
}

export function findWorkload(view: ClusterView, nameOrId: string): Workload {
  const workload = view.workloads.find((one) => one.name === nameOrId || one.id === nameOrId || one.uuid === nameOrId);
  if (!workload) throw new UserError('not-found', `no workload is named ${nameOrId}`, 'reeve workload list');
  return workload;
}

/** Refuses when an operation on the workload is under way. */
export function assertIdle(view: ClusterView, workload: Workload): void {
  const active = view.operations.find((operation) => operation.workloadId === workload.id);
  if (!active) return;
  throw new UserError('conflict', `${workload.name}: ${active.kind} is under way (operation ${active.id})`, `reeve operation show ${active.id}`);
}
