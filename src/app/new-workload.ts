// From a specification to a workload with its place and its operation.
import type { NewWorkload } from '../api/ports.js';
import { admit, type Admission } from '../cluster/admission.js';
import type { Change } from '../cluster/change.js';
import type { ClusterView } from '../cluster/cluster-view.js';
import { event } from '../cluster/cluster-event.js';
import { findHost } from '../cluster/commands/find.js';
import { assertRulesTake } from '../cluster/commands/label-commands.js';
import type { Host } from '../hosts/host.js';
import { placeWorkload } from '../scheduler/place-workload.js';
import { rankedHosts } from '../scheduler/ranked-hosts.js';
import type { PlacementView } from '../scheduler/placement.js';
import { resolveRules } from '../scheduler/resolve-rules.js';
import { PassingConflict, UserError } from '../shared/errors.js';
import type { WorkloadId } from '../shared/ids.js';
import { needsOfInstance, type InstanceSpec, type WantedInstance } from '../workloads/instance-spec.js';
import { needsOfSpec } from '../workloads/vm-spec.js';
import { movesLive, NO_FAILURES, WORKLOAD_DEFAULTS, type Workload, type WorkloadNeeds } from '../workloads/workload.js';
import { parseWorkloadSpec } from '../workloads/workload-spec.js';

export interface Creation extends NewWorkload {
  readonly actor: string;
  readonly uuid: string;
  readonly id: WorkloadId;
  /** What its start is held to; absent: to nothing. */
  readonly admission?: Admission;
  /** The definition of a container that is to be made on a host. */
  readonly define: (host: Host, wanted: WantedInstance) => string;
}

export function newWorkload(view: ClusterView, placement: PlacementView, creation: Creation): readonly Change[] {
  const spec = parseWorkloadSpec(creation.spec);
  if (!spec.ok) throw new UserError('invalid', `spec.${spec.error}`);
  const { name } = spec.value.kind === 'vm' ? spec.value.vm : spec.value.container;
  if (view.workloads.some((one) => one.name === name)) throw new UserError('conflict', `spec.name: a workload named ${name} exists already`, `reeve workload show ${name}`);
  const copied = spec.value.kind === 'container' ? copiedBy(view, spec.value.container) : null;
  const needsOn = (architecture: string, accelerator: 'kvm' | 'tcg'): WorkloadNeeds => (spec.value.kind === 'vm' ? needsOfSpec(spec.value.vm, { architecture, accelerator }) : needsOfInstance(spec.value.container, architecture, copied?.workload.needs ?? null));
  const facts = placement.hosts.find((host) => host.facts)?.facts;
  // New VMs take the accelerator of their host: either will do for the choice.
  const unplaced = workloadOf(spec.value.kind, name, creation, needsOn(facts?.architecture ?? 'x86_64', 'tcg'));
  assertRulesTake(view, unplaced);
  const workloads = [...view.workloads, unplaced];
  const ruled = { ...placement, rules: resolveRules(placement.rules, { hosts: view.hosts, workloads }) };
  const hosts = hostsFor(view, ruled, unplaced, placeWanted(view, creation.host, copied));
  const admission = creation.admission === undefined ? undefined : { ...creation.admission, placement: () => ruled };
  const { host: target, told } = creation.start ? admit(admission, unplaced, hosts, creation.actor) : { host: hosts[0], told: [] };
  const definition = spec.value.kind === 'vm' ? '' : creation.define(target, { uuid: creation.uuid, spec: spec.value.container, copied: copied?.workload.definition ?? null });
  const workload: Workload = { ...unplaced, hostId: target.id, definition, needs: needsOn(target.facts?.architecture ?? 'x86_64', target.facts?.accelerator ?? 'tcg') };
  const params = { spec: creation.spec, ...(copied ? { copyOf: copied.workload.uuid } : {}) };
  return [
    { change: 'add-workload', workload },
    { change: 'operation', operation: { kind: 'create', workloadId: workload.id, hostId: null, targetHostId: target.id, requestedBy: creation.actor, reason: `${creation.actor} creates it${copied ? ` as a copy of ${copied.workload.name}` : ''}`, params } },
    { change: 'event', event: event('workload.creating', `${name} is created on ${target.name} by ${creation.actor}`, { host: target.name, workload: name }) },
    ...told,
  ];
}

interface Copied {
  readonly workload: Workload;
  readonly host: Host;
}

/** Its data are at its host alone: it is copied there. */
function copiedBy(view: ClusterView, { source, driver }: InstanceSpec): Copied | null {
  if (source.kind !== 'copy') return null;
  const workload = view.workloads.find((one) => one.name === source.from);
  if (!workload) throw new UserError('invalid', `spec.from: there is no workload ${source.from}`, 'reeve workload list');
  if (workload.kind !== 'container' || movesLive(workload)) throw new UserError('invalid', `spec.from: ${workload.name} is no container; a copy of a VM is made with disks[].from`);
  if (workload.needs.driver !== driver) throw new UserError('invalid', `spec.driver: ${workload.name} is run by ${workload.needs.driver}, and its copy with it`);
  const host = view.hosts.find((one) => one.id === workload.hostId);
  if (!host || host.condition !== 'online') throw new UserError('refused', `spec.from: ${workload.name} is on ${host ? `${host.name}, which is ${host.condition}` : 'no host'}: its data can't be copied now`, `reeve workload show ${workload.name}`);
  const active = view.operations.find((one) => one.workloadId === workload.id && one.kind !== 'lease');
  if (active) throw new UserError('conflict', `spec.from: ${workload.name}: ${active.kind} is under way (operation ${active.id})`, `reeve operation show ${active.id}`);
  return { workload, host };
}

function placeWanted(view: ClusterView, host: string | null, copied: Copied | null): Only | null {
  if (copied === null) return host === null ? null : { host: findHost(view, host), why: `${host} was asked for` };
  if (host !== null && findHost(view, host).id !== copied.host.id) throw new UserError('refused', `host: a copy of ${copied.workload.name} is made where that is, on ${copied.host.name}`, `without host; then: reeve workload relocate COPY --to ${host}`);
  return { host: copied.host, why: `what is copied is on ${copied.host.name}` };
}

function workloadOf(kind: Workload['kind'], name: string, { id, uuid, isProtected, priority, start, labels }: Creation, needs: WorkloadNeeds): Workload {
  return {
    id, uuid, name, kind, desired: start ? 'running' : 'stopped', isProtected, priority, hostId: null, leasedOn: null, workloadEpoch: 1, state: 'starting', why: 'being created',
    needs, definition: '', failures: NO_FAILURES, ...WORKLOAD_DEFAULTS, labels, ...(kind === 'container' ? { drainPolicy: 'relocate' as const } : {}),
  };
}

/** A host that has just come back, or is short of time, is heard and has its lease again in a moment. */
const PASSES: ReadonlySet<string> = new Set(['not-heard', 'no-lease']);

interface Only {
  readonly host: Host;
  readonly why: string;
}

/** All that take it, best first. */
function hostsFor(view: ClusterView, placement: PlacementView, workload: Workload, only: Only | null): readonly [Host, ...Host[]] {
  const exclude = only ? view.hosts.filter((host) => host.id !== only.host.id).map((host) => ({ hostId: host.id, why: only.why })) : [];
  const placed = placeWorkload(placement, { workload, exclude });
  const [first, ...others] = placed.ok ? rankedHosts(view.hosts, placed.value) : [];
  if (first) return [first, ...others];
  if (placed.ok || !only) throw new UserError('refused', placed.ok ? 'no host' : placed.error.why, 'reeve status');
  const refusal = placed.error.refusals.find((one) => one.hostId === only.host.id);
  const message = `${only.host.name} can't take ${workload.name}: ${refusal?.why ?? placed.error.why}`;
  throw refusal && PASSES.has(refusal.code) ? new PassingConflict(message, 'reeve status') : new UserError('refused', message, 'reeve status');
}
