// Copies of workloads on all hosts, as people see them: what each is, and when one may be deleted. Only a person deletes one.
import type { Host } from '../../hosts/host.js';
import type { Replica, ReplicaKind, ReplicasLook } from '../../hosts/hypervisor.js';
import { UserError } from '../../shared/errors.js';
import type { Workload } from '../../workloads/workload.js';
import type { Change } from '../change.js';
import { event } from '../cluster-event.js';
import type { ClusterView } from '../cluster-view.js';
import { replicationOf } from '../replication.js';
import { findHost, findWorkload } from './find.js';

/** What a host answered when it was asked for its copies; `why`: it did not. */
export interface AskedHost {
  readonly hostId: Host['id'];
  readonly answer: ReplicasLook | { readonly why: string };
}

export interface CopyDocument {
  readonly host: string;
  /** Of a workload that Reeve knows; null: of one that it does not know any more. */
  readonly workload: string | null;
  readonly uuid: string;
  /** What the host's daemon calls it. */
  readonly name: string;
  readonly kind: ReplicaKind;
  /** A leftover of a move or of a recovery: nothing would be recovered from it, and nothing is copied over it unless a copy is kept on that host again. */
  readonly isLeftover: boolean;
  readonly isRecoveredFrom: boolean;
  /** Null: it is not whole, or nothing is known of its age. */
  readonly asOfMs: number | null;
}

export interface CopiesDocument {
  readonly copies: readonly CopyDocument[];
  /** What may be there is not known. */
  readonly unseen: readonly { readonly host: string; readonly why: string }[];
}

/** By workload, then host. Null for the name: all. */
export function copiesDocument(view: ClusterView, asked: readonly AskedHost[], name: string | null): CopiesDocument {
  const only = name === null ? null : findWorkload(view, name);
  const hostName = (id: Host['id']): string => view.hosts.find((one) => one.id === id)?.name ?? id;
  const copies = asked.flatMap(({ hostId, answer }) => ('why' in answer ? [] : answer.replicas.filter((one) => only === null || one.uuid === only.uuid).map((one) => copyDocument(view, hostId, one))));
  return {
    copies: copies.toSorted((one, other) => compare(one.workload ?? one.name, other.workload ?? other.name) || compare(one.host, other.host) || compare(one.kind, other.kind)),
    unseen: asked.flatMap(({ hostId, answer }) => ('why' in answer ? [answer.why] : answer.mute.map(({ driver, why }) => `${driver}: ${why}`)).map((why) => ({ host: hostName(hostId), why }))).toSorted((one, other) => compare(one.host, other.host)),
  };
}

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

function copyDocument(view: ClusterView, hostId: Host['id'], { uuid, name, kind, asOfMs }: Replica): CopyDocument {
  const workload = view.workloads.find((one) => one.uuid === uuid);
  const isKept = workload?.replica?.hostId === hostId && workload.hostId !== hostId;
  return { host: view.hosts.find((one) => one.id === hostId)?.name ?? hostId, workload: workload?.name ?? null, uuid, name, kind, isLeftover: !isKept && kind !== 'set-aside', isRecoveredFrom: isKept && kind === 'replica' && asOfMs !== null, asOfMs };
}

export interface Discarding {
  readonly host: string;
  readonly kind: ReplicaKind;
  /** Also what it would be recovered from, and what may be all that is left of it. */
  readonly force: boolean;
}

/** Throws why it may not be deleted. `isAtHome`: its home was asked just now and has it. */
export function assertDiscardable(view: ClusterView, name: string, { host: hostName, kind, force }: Discarding, seen: { readonly there: readonly Replica[]; readonly isAtHome: boolean }): { readonly workload: Workload; readonly host: Host; readonly copy: Replica } {
  const [workload, host] = [findWorkload(view, name), findHost(view, hostName)];
  const copy = seen.there.find((one) => one.uuid === workload.uuid && one.kind === kind);
  if (!copy) throw new UserError('not-found', `${host.name} has no copy of ${workload.name} that is a ${kind}`, `reeve workload replicas ${workload.name}`);
  assertNothingUnderWay(view, workload);
  if (force) return { workload, host, copy };
  const home = view.hosts.find((one) => one.id === workload.hostId);
  const beyond = `--force, if it is to be lost`;
  if (!seen.isAtHome) throw new UserError('refused', `${workload.name} is not seen at its home ${home ? `${home.name} (${home.condition})` : '(none)'}: the ${kind} on ${host.name} may be all that is left of it`, beyond);
  if (copyDocument(view, host.id, copy).isRecoveredFrom) throw new UserError('refused', `${workload.name} would be recovered from the ${kind} on ${host.name} if ${home?.name ?? 'its host'} were lost now`, `keep it, or ${beyond}; \`reeve workload replicate ${workload.name} --off\` first, or another one is made`);
  return { workload, host, copy };
}

function assertNothingUnderWay(view: ClusterView, workload: Workload): void {
  const busy = view.operations.find((one) => one.workloadId === workload.id) ?? replicationOf(view, workload);
  if (busy) throw new UserError('conflict', `${busy.kind} of ${workload.name} is under way`, `wait for it (reeve operation show ${busy.id} --wait), or: reeve operation cancel ${busy.id}`);
}

/** Before it is deleted: from then on nobody relies on it. */
export function discarding(view: ClusterView, { by, name, host: hostName, kind }: { readonly by: string; readonly name: string } & Omit<Discarding, 'force'>): readonly Change[] {
  const [workload, host] = [findWorkload(view, name), findHost(view, hostName)];
  assertNothingUnderWay(view, workload);
  const { replica } = workload;
  const isRelied = kind === 'replica' && replica?.hostId === host.id;
  return [
    ...(isRelied ? [{ change: 'workload', id: workload.id, set: { replica: null } } as const] : []),
    { change: 'event', event: event('workload.copy-discarded', `${workload.name}: its ${kind} on ${host.name} is deleted, by ${by}`, { severity: 'notice', workload: workload.name, host: host.name, data: { kind, by } }) },
  ];
}
