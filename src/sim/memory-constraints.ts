// The database's constraints, for the store in memory: names are unique, and one operation at a time has a workload or a host's power.
import type { CommitRefusal } from '../cluster/cluster-store.js';
import { ACTIVE_STATES, ONE_PER_HOST, type Operation } from '../cluster/operation.js';
import type { Host } from '../hosts/host.js';
import type { Workload } from '../workloads/workload.js';

export const isActive = (operation: Operation): boolean => ACTIVE_STATES.includes(operation.state);

export interface Tables {
  readonly hosts: ReadonlyMap<string, Host>;
  readonly workloads: ReadonlyMap<string, Workload>;
  readonly operations: readonly Operation[];
}

/** The first constraint that these tables break; null: none. */
export function constraintRefusal({ hosts, workloads, operations }: Tables): CommitRefusal | null {
  const active = operations.filter(isActive);
  const onHosts = active.filter((one) => one.hostId !== null && ONE_PER_HOST.includes(one.kind));
  if (repeats([...hosts.values()].map((host) => host.name))) return { code: 'name-taken', why: 'a host of this name exists' };
  if (repeats([...workloads.values()].map((workload) => workload.name))) return { code: 'name-taken', why: 'a workload of this name exists' };
  if (repeats([...workloads.values()].map((workload) => workload.uuid))) return { code: 'name-taken', why: 'a workload of this uuid is managed already' };
  if (repeats(active.map((one) => one.workloadId).filter((id) => id !== null))) return { code: 'operation-active', why: 'an operation on this workload is under way' };
  if (repeats(onHosts.map((one) => `${one.kind} ${one.hostId}`))) return { code: 'operation-active', why: 'an operation of this kind is under way on this host' };
  return null;
}

const repeats = (values: readonly string[]): boolean => new Set(values).size < values.length;
