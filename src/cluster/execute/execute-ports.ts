// What the executors reach the world through.
import type { HostAgent } from '../../hosts/host-agent.js';
import type { Host } from '../../hosts/host.js';
import type { CommandToken, Hypervisor } from '../../hosts/hypervisor.js';
import type { CheckPoint } from '../../hosts/enrolment-check.js';
import type { EnrolmentSide } from '../../hosts/enrolment-side.js';
import type { FenceDevice } from '../../fencing/fence-device.js';
import type { MigrationPolicy } from '../../migration/migration-policy.js';
import type { WantedInstance } from '../../workloads/instance-spec.js';
import type { CreateContext } from '../../workloads/run-create.js';
import type { WorkloadNeeds } from '../../workloads/workload.js';
import type { Clock } from '../../shared/clock.js';
import { Defect, messageOf } from '../../shared/errors.js';
import type { HostId } from '../../shared/ids.js';
import { JournalLost } from '../../shared/workflow.js';
import type { Workload } from '../../workloads/workload.js';
import type { Place } from '../../workloads/place.js';
import type { ClusterStore } from '../cluster-store.js';
import type { ClusterView } from '../cluster-view.js';
import type { ExclusionAsked, ExclusionState } from '../exclusion.js';
import type { VoterSet } from '../quorum-lease.js';
import type { Operation } from '../operation.js';
import { runsUnderLease } from '../runs-under-lease.js';

/** The hosts as they can be reached. */
export interface HostWorld {
  hypervisorOf(host: Host): Hypervisor;
  agentOf(host: Host): HostAgent;
  /** Its fence devices in order; one that can't be made from its options is left out and told. */
  fenceDevicesOf(host: Host): readonly FenceDevice[];
  /** As enrolment reaches it; `members` are all hosts its agent is to know. */
  sideOf(host: Host, members: readonly Host[]): EnrolmentSide;
  /** Domain XML and seed image for a new VM; what is asked of a daemon for a new container. */
  makerOf(host: Host): CreateContext['make'] & { readonly instance: (wanted: WantedInstance) => string };
  /** Reads what a definition needs of a host. */
  needsOf(host: Host, definition: string): WorkloadNeeds;
}

/** What enrolment asks beside the hosts. */
export interface EnrolmentEar {
  isHeard(host: Host, bootId: string): Promise<boolean>;
  /** Does it judge its lease by this set of voters, or a newer one? By its own word. */
  judgesBy(host: Host, voterEpoch: number): Promise<boolean>;
  newMarkerId(): string;
  /** The report of the last check of each host, by name. */
  keepReport(host: Host, points: readonly CheckPoint[]): Promise<void>;
}

/** Asks the voters to exclude a host, and knows when its lease is surely over. */
export interface Excluding {
  exclude(asked: ExclusionAsked, sets: readonly VoterSet[]): ExclusionState;
  withdrawExclusion(id: HostId): void;
}

export interface ExecutePorts {
  readonly store: ClusterStore;
  readonly clock: Clock;
  readonly world: HostWorld;
  readonly ear: EnrolmentEar;
  readonly excluding: Excluding;
  readonly migration: MigrationPolicy;
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
  return workload === null ? base : { ...base, workload: { uuid: workload.uuid, epoch: operation.workloadEpoch ?? workload.workloadEpoch }, lease: runsUnderLease(workload, host) };
}

export function placeOf(ports: ExecutePorts, operation: Operation, host: Host, workload: Workload): Place {
  return { name: host.name, hypervisor: ports.world.hypervisorOf(host), token: tokenFor(operation, host, workload) };
}

/** As the store has it now; null: it was removed. */
export async function freshHost({ store }: Pick<ExecutePorts, 'store'>, { id }: Host): Promise<Host | null> {
  return (await store.readView()).hosts.find((one) => one.id === id) ?? null;
}

export async function freshWorkload({ store }: Pick<ExecutePorts, 'store'>, { id }: Workload): Promise<Workload | null> {
  return (await store.readView()).workloads.find((one) => one.id === id) ?? null;
}

/** A place that may turn out to be off for good while a start is under way there. */
export function losablePlaceOf(ports: ExecutePorts, operation: Operation, host: Host, workload: Workload): Place {
  const provenOff = async (): Promise<boolean> => {
    try {
      return await isProvenGone(ports, host, workload);
    } catch (error) {
      throw new JournalLost(`was ${host.name} proven off? ${messageOf(error)}`);
    }
  };
  return { ...placeOf(ports, operation, host, workload), provenOff };
}

/**
 * Proven since that the workload can't run there: the proof is about the epoch at which it was there. A higher epoch alone says nothing
 * (an excluded host gets one while it lives), and the end of a lease nothing about what did not run under it; nor about what arrives past its guard (`arrives`).
 */
export async function isProvenGone(ports: ExecutePorts, host: Host, workload: Workload, arrives = false): Promise<boolean> {
  const now = await freshHost(ports, host);
  if (now === null) return true;
  if (now.proof === null || now.proof.hostEpoch < host.hostEpoch) return false;
  return now.proof.kind !== 'lease-expired' || (!arrives && runsUnderLease(workload, host));
}

/** A JSON value of the operation's params, of the type that its kind is committed with. */
export function param<T extends string | number | boolean>(operation: Operation, name: string, fallback: T): T {
  const value = operation.params[name];
  return typeof value === typeof fallback ? (value as T) : fallback;
}
