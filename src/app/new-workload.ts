// From a specification to a workload with its place and its operation.
import type { NewWorkload } from '../api/ports.js';
import type { Change } from '../cluster/change.js';
import type { ClusterView } from '../cluster/cluster-view.js';
import { event } from '../cluster/cluster-event.js';
import { findHost } from '../cluster/commands/find.js';
import type { Host } from '../hosts/host.js';
import { placeWorkload } from '../scheduler/place-workload.js';
import type { PlacementView } from '../scheduler/placement.js';
import { PassingConflict, UserError } from '../shared/errors.js';
import type { WorkloadId } from '../shared/ids.js';
import { needsOfSpec, parseVmSpec, type VmSpec } from '../workloads/vm-spec.js';
import { NO_FAILURES, WORKLOAD_DEFAULTS, type Workload } from '../workloads/workload.js';

export interface Creation extends NewWorkload {
  readonly actor: string;
  readonly uuid: string;
  readonly id: WorkloadId;
}

export function newWorkload(view: ClusterView, placement: PlacementView, creation: Creation): readonly Change[] {
  const spec = parseVmSpec(creation.spec);
  if (!spec.ok) throw new UserError('invalid', `spec.${spec.error}`);
  const { name } = spec.value;
  if (view.workloads.some((one) => one.name === name)) throw new UserError('conflict', `spec.name: a workload named ${name} exists already`, `reeve workload show ${name}`);
  const unplaced = workloadOf(spec.value, creation, placement.hosts);
  const target = targetOf(view, placement, unplaced, creation.host);
  const workload: Workload = { ...unplaced, hostId: target.id, needs: needsOfSpec(spec.value, { architecture: target.facts?.architecture ?? 'x86_64', accelerator: target.facts?.accelerator ?? 'tcg' }) };
  return [
    { change: 'add-workload', workload },
    { change: 'operation', operation: { kind: 'create', workloadId: workload.id, hostId: null, targetHostId: target.id, requestedBy: creation.actor, reason: `${creation.actor} creates it`, params: { spec: creation.spec } } },
    { change: 'event', event: event('workload.creating', `${name} is created on ${target.name} by ${creation.actor}`, { host: target.name, workload: name }) },
  ];
}

function workloadOf(spec: VmSpec, { id, uuid, isProtected, priority, start }: Creation, hosts: readonly Host[]): Workload {
  const facts = hosts.find((host) => host.facts)?.facts;
  return {
    id, uuid, name: spec.name, kind: 'vm', desired: start ? 'running' : 'stopped', isProtected, priority, hostId: null, leasedOn: null, workloadEpoch: 1, state: 'starting', why: 'being created',
    // New VMs take the accelerator of their host: either will do for the choice.
    needs: needsOfSpec(spec, { architecture: facts?.architecture ?? 'x86_64', accelerator: 'tcg' }),
    definition: '', failures: NO_FAILURES, ...WORKLOAD_DEFAULTS,
  };
}

/** A host that has just come back, or is short of time, is heard and has its lease again in a moment. */
const PASSES: ReadonlySet<string> = new Set(['not-heard', 'no-lease']);

function targetOf(view: ClusterView, placement: PlacementView, workload: Workload, wanted: string | null): Host {
  const only = wanted === null ? null : findHost(view, wanted);
  const exclude = only ? view.hosts.filter((host) => host.id !== only.id).map((host) => ({ hostId: host.id, why: `${only.name} was asked for` })) : [];
  const placed = placeWorkload(placement, { workload, exclude });
  const host = placed.ok ? view.hosts.find((one) => one.id === placed.value.hostId) : undefined;
  if (host) return host;
  if (placed.ok || !only) throw new UserError('refused', placed.ok ? 'no host' : placed.error.why, 'reeve status');
  const refusal = placed.error.refusals.find((one) => one.hostId === only.id);
  const message = `${only.name} can't take ${workload.name}: ${refusal?.why ?? placed.error.why}`;
  throw refusal && PASSES.has(refusal.code) ? new PassingConflict(message, 'reeve status') : new UserError('refused', message, 'reeve status');
}
