// What a list of changes comes to, worked out without I/O: both stores write this outcome, so they can't differ in meaning.
import type { Host } from '../hosts/host.js';
import type { OperationId } from '../shared/ids.js';
import { fail, ok, type Result } from '../shared/result.js';
import type { PlacementRule } from '../scheduler/placement-rule.js';
import type { Workload } from '../workloads/workload.js';
import type { Change, NewOperation } from './change.js';
import type { NewClusterEvent } from './cluster-event.js';
import type { CommitRefusal } from './cluster-store.js';
import type { Operation } from './operation.js';
import type { Disarm, RoomTold } from './cluster-view.js';
import type { VoterSet } from './quorum-lease.js';
import { nextTry } from '../workloads/placement-epoch.js';

/** The hosts and workloads that the changes name, as they are before. */
export interface Before {
  readonly hosts: ReadonlyMap<string, Host>;
  readonly workloads: ReadonlyMap<string, Workload>;
  /** By name. */
  readonly rules: ReadonlyMap<string, PlacementRule>;
}

export interface SettledOperation {
  readonly wanted: NewOperation;
  /** The workload's new epoch, above all that it had before. */
  readonly workloadEpoch: number | null;
}

export interface Settled {
  /** By id, only what was touched; null: removed. */
  readonly hosts: ReadonlyMap<string, Host | null>;
  readonly workloads: ReadonlyMap<string, Workload | null>;
  /** By name, only what was touched; null: removed. */
  readonly rules: ReadonlyMap<string, PlacementRule | null>;
  readonly operations: readonly SettledOperation[];
  readonly cancelled: readonly OperationId[];
  /** What is set in the memos of operations. */
  readonly notes: readonly { readonly id: OperationId; readonly memo: Operation['memo'] }[];
  /** Undefined: untouched. */
  readonly disarm: Disarm | null | undefined;
  /** Undefined: untouched. */
  readonly voters: readonly VoterSet[] | undefined;
  /** Undefined: untouched. */
  readonly room: RoomTold | null | undefined;
  readonly events: readonly NewClusterEvent[];
  /** False when there are only events: nothing that decisions depend on. */
  readonly raisesVersion: boolean;
}

interface Draft {
  readonly before: Before;
  readonly hosts: Map<string, Host | null>;
  readonly workloads: Map<string, Workload | null>;
  readonly rules: Map<string, PlacementRule | null>;
  readonly operations: SettledOperation[];
  readonly cancelled: OperationId[];
  readonly notes: { readonly id: OperationId; readonly memo: Operation['memo'] }[];
  readonly events: NewClusterEvent[];
  disarm: Disarm | null | undefined;
  voters: readonly VoterSet[] | undefined;
  room: RoomTold | null | undefined;
}

export function settleChanges(changes: readonly Change[], before: Before): Result<Settled, CommitRefusal> {
  const draft: Draft = { before, hosts: new Map(), workloads: new Map(), rules: new Map(), operations: [], cancelled: [], notes: [], events: [], disarm: undefined, voters: undefined, room: undefined };
  for (const change of changes) {
    const refusal = settleOne(draft, change);
    if (refusal) return fail(refusal);
  }
  const { hosts, workloads, rules, operations, cancelled, notes, disarm, voters, room, events } = draft;
  return ok({ hosts, workloads, rules, operations, cancelled, notes, disarm, voters, room, events, raisesVersion: changes.some((one) => one.change !== 'event') });
}

/** Ids that must be known to settle the changes. */
export function namedIn(changes: readonly Change[]): { readonly hostIds: readonly string[]; readonly workloadIds: readonly string[]; readonly ruleNames: readonly string[] } {
  const hostIds = new Set<string>();
  const workloadIds = new Set<string>();
  const ruleNames = new Set<string>();
  for (const change of changes) {
    if (change.change === 'host' || change.change === 'remove-host') hostIds.add(change.id);
    if (change.change === 'add-host') hostIds.add(change.host.id);
    if (change.change === 'workload' || change.change === 'remove-workload') workloadIds.add(change.id);
    if (change.change === 'add-workload') workloadIds.add(change.workload.id);
    if (change.change === 'add-rule') ruleNames.add(change.rule.name);
    if (change.change === 'operation' && change.operation.workloadId !== null) workloadIds.add(change.operation.workloadId);
  }
  return { hostIds: [...hostIds], workloadIds: [...workloadIds], ruleNames: [...ruleNames] };
}

const hostNow = (draft: Draft, id: string): Host | null => (draft.hosts.has(id) ? (draft.hosts.get(id) ?? null) : (draft.before.hosts.get(id) ?? null));
const workloadNow = (draft: Draft, id: string): Workload | null => (draft.workloads.has(id) ? (draft.workloads.get(id) ?? null) : (draft.before.workloads.get(id) ?? null));

function settleOne(draft: Draft, change: Change): CommitRefusal | null {
  switch (change.change) {
    case 'host': {
      const host = hostNow(draft, change.id);
      // Removed in the meantime: what was to be said about it is void.
      if (host) draft.hosts.set(change.id, { ...host, ...change.set });
      return null;
    }
    case 'add-host':
      if (hostNow(draft, change.host.id)) return { code: 'name-taken', why: `a host with the id of ${change.host.name} exists` };
      draft.hosts.set(change.host.id, change.host);
      return null;
    case 'remove-host':
      draft.hosts.set(change.id, null);
      return null;
    case 'workload': {
      const workload = workloadNow(draft, change.id);
      // An epoch that went down would let through what is over.
      if (workload) draft.workloads.set(change.id, { ...workload, ...change.set, workloadEpoch: Math.max(workload.workloadEpoch, change.set.workloadEpoch ?? 0) });
      return null;
    }
    case 'add-workload':
      if (workloadNow(draft, change.workload.id)) return { code: 'name-taken', why: `a workload with the id of ${change.workload.name} exists` };
      draft.workloads.set(change.workload.id, change.workload);
      return null;
    case 'remove-workload':
      draft.workloads.set(change.id, null);
      return null;
    case 'operation':
      return settleOperation(draft, change.operation);
    case 'cancel-operation':
      draft.cancelled.push(change.id);
      return null;
    case 'note-operation':
      draft.notes.push({ id: change.id, memo: change.memo });
      return null;
    case 'add-rule': {
      const { name } = change.rule;
      if (draft.rules.has(name) ? draft.rules.get(name) : draft.before.rules.has(name)) return { code: 'name-taken', why: `a rule named ${name} exists` };
      draft.rules.set(name, change.rule);
      return null;
    }
    case 'remove-rule':
      draft.rules.set(change.name, null);
      return null;
    case 'disarm':
      draft.disarm = change.disarm;
      return null;
    case 'voters':
      draft.voters = change.voters;
      return null;
    case 'room':
      draft.room = change.room;
      return null;
    case 'event':
      draft.events.push(change.event);
      return null;
  }
}

function settleOperation(draft: Draft, wanted: NewOperation): CommitRefusal | null {
  if (wanted.workloadId === null) {
    draft.operations.push({ wanted, workloadEpoch: null });
    return null;
  }
  const workload = workloadNow(draft, wanted.workloadId);
  if (!workload) return { code: 'stale-view', why: `the workload of this ${wanted.kind} was removed in the meantime` };
  // Whatever an earlier operation sent and is still under way is older than all that this one sends.
  const workloadEpoch = nextTry(workload.workloadEpoch);
  draft.workloads.set(workload.id, { ...workload, workloadEpoch });
  draft.operations.push({ wanted, workloadEpoch });
  return null;
}
