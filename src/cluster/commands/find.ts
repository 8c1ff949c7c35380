// Finds what an operator named, or says that there is no such thing.
import type { Host } from '../../hosts/host.js';
import { PassingConflict, UserError } from '../../shared/errors.js';
import type { Workload } from '../../workloads/workload.js';
import { activeDisarm } from '../disarm.js';
import type { ClusterView } from '../cluster-view.js';

export function findHost<Named extends Pick<Host, 'id' | 'name'>>(view: { readonly hosts: readonly Named[] }, nameOrId: string): Named {
  const host = view.hosts.find((one) => one.name === nameOrId || one.id === nameOrId);
  if (!host) throw new UserError('not-found', `no host is named ${nameOrId}`, 'reeve host list');
  return host;
}

export function findWorkload<Named extends Pick<Workload, 'id' | 'name' | 'uuid'>>(view: { readonly workloads: readonly Named[] }, nameOrId: string): Named {
  const workload = view.workloads.find((one) => one.name === nameOrId || one.id === nameOrId || one.uuid === nameOrId);
  if (!workload) throw new UserError('not-found', `no workload is named ${nameOrId}`, 'reeve workload list');
  return workload;
}

/** Refuses what would start, stop or move a workload that is to be left alone. */
export function assertOurs(view: ClusterView, workload: Workload, nowMs: number): void {
  if (workload.desired === 'unmanaged') throw new UserError('refused', `${workload.name} is unmanaged: it is watched and never touched`, `reeve workload manage ${workload.name}`);
  const disarm = activeDisarm(view, nowMs);
  if (disarm) throw new UserError('refused', `the cluster is disarmed (${disarm.mode}) by ${disarm.by}: ${disarm.reason}; nothing is started, stopped or moved meanwhile`, 'reeve arm');
}

/** Refuses what would move or stop a locked workload. */
export function assertUnlocked({ name, lock }: Workload): void {
  if (lock) throw new UserError('refused', `${name} is locked by ${lock.by} (${lock.reason}): it is not moved and not stopped meanwhile`, `reeve workload unlock ${name}`);
}

/** Refuses when an operation on the workload is under way. */
export function assertIdle(view: ClusterView, workload: Workload): void {
  const active = view.operations.find((operation) => operation.workloadId === workload.id);
  if (!active) return;
  const [message, remedy] = [`${workload.name}: ${active.kind} is under way (operation ${active.id})`, `reeve operation show ${active.id}`];
  // Nobody asked for that one: it follows an adoption or a start by itself.
  throw active.kind === 'lease' ? new PassingConflict(message, remedy) : new UserError('conflict', message, remedy);
}
