// The ClusterStore in memory, for the simulator and for tests: the same rules as in Postgres, on a clock that is given.
import type { Change } from '../cluster/change.js';
import type { ClusterEvent, NewClusterEvent } from '../cluster/cluster-event.js';
import { INVENTORY_LATE_MS, type ClusterStore, type CommitAt, type Committed, type CommitRefusal, type Lease, type OperationFilter } from '../cluster/cluster-store.js';
import type { ClusterView, Disarm, HostInventory, RoomTold } from '../cluster/cluster-view.js';
import { JOB_CLASS } from '../cluster/job-queue.js';
import { RECENT_OPERATIONS, type Operation, type OperationState, type OperationStep } from '../cluster/operation.js';
import { settleChanges, type Settled, type SettledOperation } from '../cluster/settle-changes.js';
import type { VoterSet } from '../cluster/quorum-lease.js';
import type { Host } from '../hosts/host.js';
import type { PlacementRule } from '../scheduler/placement-rule.js';
import type { Clock } from '../shared/clock.js';
import { Defect, OperationalError } from '../shared/errors.js';
import { operationId, type OperationId } from '../shared/ids.js';
import { fail, ok, type Result } from '../shared/result.js';
import { storableJson } from '../shared/storable.js';
import type { ProgressUpdate } from '../shared/workflow.js';
import type { Workload } from '../workloads/workload.js';
import { RulesNow } from './rules-now.js';
import { constraintRefusal, isActive } from './memory-constraints.js';
import { nextTry } from '../workloads/placement-epoch.js';

interface Held {
  readonly operation: Operation;
  readonly worker: string | null;
  /** On the monotonic clock. */
  readonly workerUntilMs: number;
}

export class MemoryClusterStore implements ClusterStore {
  #version = 1;
  #disarm: Disarm | null = null;
  #voters: readonly VoterSet[] = [];
  #room: RoomTold | null = null;
  #hosts = new Map<string, Host>();
  #workloads = new Map<string, Workload>();
  #rules = new Map<string, PlacementRule>();
  /** What their selectors come to. */
  #rulesNow: ReadonlyMap<string, PlacementRule> = new Map();
  readonly #following = new RulesNow();
  /** In the order of their commits. */
  readonly #operations = new Map<OperationId, Held>();
  readonly #outbox = new Set<OperationId>();
  readonly #inventories = new Map<string, HostInventory>();
  readonly #events: ClusterEvent[] = [];
  readonly #listeners = new Set<() => void>();
  #lease = { epoch: 0, holder: '', untilMs: -Infinity };
  #away = false;
  /** Rises with everything that a view shows. */
  #writes = 0;
  #viewed: { readonly view: ClusterView; readonly writes: number; readonly untilMs: number } | null = null;

  /** Each commit that was taken: by which leader epoch, and which one led. */
  onCommit: (by: number, leads: number) => void = () => undefined;

  constructor(private readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>) {}

  /** A fault: while away, every call is refused as by a database that is down. */
  setAway(away: boolean): void {
    this.#away = away;
    if (!away) this.#tell();
  }

  /** For whoever watches a simulation: no fault applies, and nothing is waited for. */
  peek(): { readonly version: number; readonly hosts: ReadonlyMap<string, Host>; readonly workloads: ReadonlyMap<string, Workload>; readonly events: readonly ClusterEvent[]; readonly rules: ReadonlyMap<string, PlacementRule>; readonly leader: { readonly epoch: number; readonly holder: string }; readonly disarm: Disarm | null; readonly voters: readonly VoterSet[] } {
    return { version: this.#version, disarm: this.#disarm, voters: this.#voters, hosts: this.#hosts, workloads: this.#workloads, events: this.#events, rules: this.#rulesNow, leader: this.#lease };
  }

  /** How long ago something was written down at this time. */
  ageMs(atMs: number): number {
    return this.clock.nowMs() - atMs;
  }

  peekOperation(id: string): Operation | undefined {
    return this.#operations.get(operationId(id))?.operation;
  }

  peekOperations(): readonly Operation[] {
    return [...this.#operations.values()].map((held) => held.operation);
  }

  /** How many operations are under way or wait for their turn. */
  activeOperations(): number {
    return [...this.#operations.values()].filter((held) => isActive(held.operation)).length;
  }

  async readView(): Promise<ClusterView> {
    return this.#view();
  }

  /** The same view again for as long as nothing was written and no operation has become too old for it. */
  #view(): ClusterView {
    this.#reach();
    const known = this.#viewed;
    if (known?.writes === this.#writes && this.clock.nowMs() < known.untilMs) return known.view;
    const view = this.#newView();
    const ends = view.recentOperations.map((one) => (one.endedAtMs ?? 0) + RECENT_OPERATIONS.withinMs);
    this.#viewed = { view, writes: this.#writes, untilMs: Math.min(Infinity, ...ends) };
    return view;
  }

  #newView(): ClusterView {
    const byName = (one: { name: string }, other: { name: string }): number => (one.name < other.name ? -1 : 1);
    const operations = [...this.#operations.values()].map((held) => held.operation);
    const since = this.clock.nowMs() - RECENT_OPERATIONS.withinMs;
    const ended = operations.filter((one) => one.endedAtMs !== null && one.endedAtMs > since).reverse();
    return {
      version: this.#version,
      leaderEpoch: this.#lease.epoch,
      hosts: [...this.#hosts.values()].sort(byName),
      workloads: [...this.#workloads.values()].sort(byName),
      operations: operations.filter(isActive),
      recentOperations: ended.sort((one, other) => (other.endedAtMs ?? 0) - (one.endedAtMs ?? 0)).slice(0, RECENT_OPERATIONS.limit),
      inventories: [...this.#inventories.values()].sort((one, other) => (one.hostId < other.hostId ? -1 : 1)),
      rules: [...this.#rulesNow.values()].sort(byName),
      disarm: this.#disarm,
      voters: this.#voters,
      room: this.#room,
    };
  }

  async commit(changes: readonly Change[], at: CommitAt): Promise<Result<Committed, CommitRefusal>> {
    this.#reach();
    const { epoch } = this.#lease;
    if (epoch !== at.leaderEpoch) return fail({ code: 'stale-leader', why: `leader epoch ${at.leaderEpoch} is over, ${epoch} leads` });
    if (at.viewVersion !== null && at.viewVersion !== this.#version) return fail({ code: 'stale-view', why: `decided on version ${at.viewVersion}, the store is at ${this.#version}` });
    const applied = this.#apply(changes, at.leaderEpoch, null);
    if (applied.ok) this.onCommit(at.leaderEpoch, epoch);
    return applied.ok ? ok({ operationIds: applied.value, version: this.#version }) : applied;
  }

  async decideAndCommit(decide: (view: ClusterView) => readonly Change[]): Promise<Result<Committed, CommitRefusal>> {
    const view = this.#view();
    const changes = decide(view);
    return changes.length === 0 ? ok({ operationIds: [], version: view.version }) : this.commit(changes, { viewVersion: view.version, leaderEpoch: view.leaderEpoch });
  }

  async operation(id: OperationId): Promise<Operation | null> {
    this.#reach();
    return this.#operations.get(id)?.operation ?? null;
  }

  async listOperations(filter: OperationFilter): Promise<readonly Operation[]> {
    this.#reach();
    const newestFirst = [...this.#operations.values()].map((held) => held.operation).reverse();
    const from = filter.before === undefined ? 0 : newestFirst.findIndex((one) => one.id === filter.before) + 1;
    if (filter.before !== undefined && from === 0) return [];
    return newestFirst.slice(from).filter((one) => matches(one, filter)).slice(0, filter.limit);
  }

  async claimOperation(id: OperationId, worker: string, leaseMs: number): Promise<Operation | null> {
    this.#reach();
    const held = this.#operations.get(id);
    if (!held || !isActive(held.operation)) return null;
    if (held.operation.state === 'running' && held.workerUntilMs > this.clock.monotonicMs()) return null;
    const operation: Operation = { ...held.operation, ...this.#nextTryOf(held.operation), state: 'running', attempts: held.operation.attempts + 1, startedAtMs: held.operation.startedAtMs ?? this.clock.nowMs() };
    this.#operations.set(id, { operation, worker, workerUntilMs: this.clock.monotonicMs() + leaseMs });
    this.#writes += 1;
    this.#changed();
    return operation;
  }

  /** A try that is resumed has an epoch above the one before; unless the workload was placed anew: then its commands are over. */
  #nextTryOf({ attempts, workloadId, workloadEpoch }: Operation): Partial<Operation> {
    const workload = workloadId === null ? null : this.#workloads.get(workloadId);
    if (attempts === 0 || !workload || workload.workloadEpoch !== workloadEpoch) return {};
    this.#workloads.set(workload.id, { ...workload, workloadEpoch: nextTry(workloadEpoch) });
    return { workloadEpoch: nextTry(workloadEpoch) };
  }

  async renewOperation(id: OperationId, worker: string, leaseMs: number): Promise<boolean> {
    return this.#owned(id, worker, (held) => ({ ...held, workerUntilMs: this.clock.monotonicMs() + leaseMs }));
  }

  async recordStep(id: OperationId, worker: string, step: OperationStep, memo: Readonly<Record<string, unknown>> | null): Promise<boolean> {
    const kept = copy(step);
    const written = this.#owned(id, worker, (held) => {
      const known = held.operation.steps.some((one) => one.name === step.name);
      const steps = known ? held.operation.steps.map((one) => (one.name === step.name ? kept : one)) : [...held.operation.steps, kept];
      return { ...held, operation: { ...held.operation, steps, memo: memo === null ? held.operation.memo : copy(memo) } };
    });
    if (written) this.#tell();
    return written;
  }

  async recordProgress(id: OperationId, worker: string, progress: ProgressUpdate): Promise<boolean> {
    return this.#owned(id, worker, (held) => ({ ...held, operation: { ...held.operation, progress: copy(progress) } }));
  }

  async finishOperation(
    id: OperationId,
    worker: string,
    end: { readonly state: Exclude<OperationState, 'pending' | 'running'>; readonly code: string | null; readonly why: string | null },
    changes: readonly Change[],
  ): Promise<boolean> {
    this.#reach();
    const held = this.#operations.get(id);
    if (held?.operation.state !== 'running' || held.worker !== worker) return false;
    const operation = copy<Operation>({ ...held.operation, state: end.state, outcomeCode: end.code, why: end.why, endedAtMs: this.clock.nowMs() });
    const applied = this.#apply(changes, operation.leaderEpoch, operation);
    if (!applied.ok) throw new Defect(`what follows from operation ${id} can't be: ${applied.error.why}`);
    return true;
  }

  async undispatched(limit: number): Promise<readonly OperationId[]> {
    this.#reach();
    return [...this.#outbox].slice(0, limit);
  }

  async markDispatched(ids: readonly OperationId[]): Promise<void> {
    this.#reach();
    for (const id of ids) this.#outbox.delete(id);
  }

  async stranded(olderThanMs: number, limit: number): Promise<readonly OperationId[]> {
    this.#reach();
    const before = this.clock.nowMs() - olderThanMs;
    const lost = [...this.#operations.values()].filter(({ operation, workerUntilMs }) => {
      if (operation.createdAtMs >= before) return false;
      return operation.state === 'pending' || (operation.state === 'running' && workerUntilMs <= this.clock.monotonicMs());
    });
    // A lost fence must not wait behind many others. The sort keeps the order within a class.
    const rank = ({ operation }: Held): number => (JOB_CLASS[operation.kind] === 'urgent' ? 0 : 1);
    return lost.sort((one, other) => rank(one) - rank(other)).slice(0, limit).map(({ operation }) => operation.id);
  }

  async saveInventory(inventory: HostInventory): Promise<void> {
    this.#reach();
    const aheadMs = (this.#inventories.get(inventory.hostId)?.atMs ?? -Infinity) - inventory.atMs;
    if (!this.#hosts.has(inventory.hostId) || (aheadMs >= 1 && aheadMs <= INVENTORY_LATE_MS)) return;
    this.#inventories.set(inventory.hostId, copy(inventory));
    this.#writes += 1;
  }

  async appendEvents(events: readonly NewClusterEvent[]): Promise<void> {
    this.#reach();
    if (events.length === 0) return;
    this.#append(events);
    this.#tell();
  }

  async events(afterSeq: number | null, limit: number, filter: { readonly types?: readonly string[]; readonly host?: string; readonly workload?: string } = {}): Promise<readonly ClusterEvent[]> {
    this.#reach();
    const { types, host, workload } = filter;
    const wanted = this.#events.filter((one) => (!types || types.includes(one.type)) && (host === undefined || one.host === host) && (workload === undefined || one.workload === workload));
    return afterSeq === null ? wanted.slice(Math.max(0, wanted.length - limit)) : wanted.filter((one) => one.seq > afterSeq).slice(0, limit);
  }

  onChange(listener: () => void): () => void {
    const own = (): void => listener();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  async acquireLease(holder: string, ttlMs: number): Promise<Lease> {
    this.#reach();
    const now = this.clock.monotonicMs();
    const over = this.#lease.untilMs <= now;
    if (!over && this.#lease.holder !== holder) return { epoch: this.#lease.epoch, held: false, holder: this.#lease.holder };
    if (over) this.#writes += 1;
    this.#lease = { epoch: over ? this.#lease.epoch + 1 : this.#lease.epoch, holder, untilMs: now + ttlMs };
    return { epoch: this.#lease.epoch, held: true, holder };
  }

  async releaseLease(holder: string): Promise<void> {
    this.#reach();
    if (this.#lease.holder === holder) this.#lease = { ...this.#lease, untilMs: this.clock.monotonicMs() };
  }

  #reach(): void {
    if (this.#away) throw new OperationalError('unreachable', 'the database is away: simulated');
  }

  #owned(id: OperationId, worker: string, change: (held: Held) => Held): boolean {
    this.#reach();
    const held = this.#operations.get(id);
    if (held?.operation.state !== 'running' || held.worker !== worker) return false;
    this.#operations.set(id, change(held));
    this.#writes += 1;
    return true;
  }

  /** All or none: everything is worked out and checked before the first write. `ended`: an operation that ends with these changes. */
  #apply(changes: readonly Change[], leaderEpoch: number, ended: Operation | null): Result<readonly OperationId[], CommitRefusal> {
    const settled = settleChanges(changes, { hosts: this.#hosts, workloads: this.#workloads, rules: this.#rules });
    if (!settled.ok) return settled;
    const hosts = merged(this.#hosts, settled.value.hosts);
    const workloads = merged(this.#workloads, settled.value.workloads);
    const created = settled.value.operations.map((one, index) => this.#newOperation(one, leaderEpoch, index));
    const others = [...this.#operations.values()].map((held) => held.operation).filter((one) => one.id !== ended?.id);
    const refusal = constraintRefusal({ hosts, workloads, operations: [...others, ...created] });
    if (refusal) return fail(refusal);
    this.#writes += 1;
    this.#hosts = hosts;
    this.#workloads = workloads;
    this.#rules = merged(this.#rules, settled.value.rules);
    this.#rulesNow = this.#following.follow(this.#rules, () => ({ hosts: [...hosts.values()], workloads: [...workloads.values()] }));
    if (ended) this.#operations.set(ended.id, { operation: ended, worker: null, workerUntilMs: -Infinity });
    this.#write(settled.value, created);
    if (settled.value.raisesVersion || ended) this.#version += 1;
    this.#tell();
    return ok(created.map((operation) => operation.id));
  }

  #write(settled: Settled, created: readonly Operation[]): void {
    for (const [id, host] of settled.hosts) if (!host) this.#inventories.delete(id);
    for (const operation of created) {
      this.#operations.set(operation.id, { operation, worker: null, workerUntilMs: -Infinity });
      this.#outbox.add(operation.id);
    }
    for (const id of settled.cancelled) {
      const held = this.#operations.get(id);
      if (held && isActive(held.operation)) this.#operations.set(id, { ...held, operation: { ...held.operation, cancelRequested: true } });
    }
    for (const { id, memo } of settled.notes) {
      const held = this.#operations.get(id);
      if (held && isActive(held.operation)) this.#operations.set(id, { ...held, operation: { ...held.operation, memo: { ...held.operation.memo, ...copy(memo) } } });
    }
    if (settled.disarm !== undefined) this.#disarm = settled.disarm;
    if (settled.voters !== undefined) this.#voters = copy(settled.voters);
    if (settled.room !== undefined) this.#room = settled.room;
    this.#append(settled.events);
  }

  #newOperation({ wanted, workloadEpoch }: SettledOperation, leaderEpoch: number, index: number): Operation {
    return copy<Operation>({
      ...wanted, id: operationId((this.#operations.size + index + 1).toString(16).padStart(16, '0')), state: 'pending', params: wanted.params ?? {}, proof: wanted.proof ?? null,
      leaderEpoch, workloadEpoch, steps: [], memo: {}, progress: null, cancelRequested: false, outcomeCode: null, why: null, attempts: 0,
      createdAtMs: this.clock.nowMs(), startedAtMs: null, endedAtMs: null,
    });
  }

  #append(events: readonly NewClusterEvent[]): void {
    for (const event of events) this.#events.push({ ...copy(event), seq: this.#events.length + 1, atMs: this.clock.nowMs() });
  }

  #changed(): void {
    this.#version += 1;
    this.#tell();
  }

  /** Soon, not at once: nobody may rely on being called within the commit. */
  #tell(): void {
    for (const listener of this.#listeners) void Promise.resolve().then(() => this.#listeners.has(listener) && listener());
  }
}

/** What goes in is copied as the database would: later changes of the caller's object don't reach it. */
function copy<T>(value: T): T {
  return JSON.parse(storableJson(value)) as T;
}

function merged<T>(before: ReadonlyMap<string, T>, touched: ReadonlyMap<string, T | null>): Map<string, T> {
  const after = new Map(before);
  for (const [id, value] of touched) {
    if (value === null) after.delete(id);
    else after.set(id, copy(value));
  }
  return after;
}

function matches(operation: Operation, { states, workloadId, hostId, kind, ids }: OperationFilter): boolean {
  if (states && !states.includes(operation.state)) return false;
  if (workloadId !== undefined && operation.workloadId !== workloadId) return false;
  if (hostId !== undefined && operation.hostId !== hostId && operation.targetHostId !== hostId) return false;
  if (kind !== undefined && operation.kind !== kind) return false;
  return !ids || ids.includes(operation.id);
}
