// What owners say about a workload: what they want of it, whether it is ours at all, its lock, its order and its policies.
import { placeWorkload } from '../../scheduler/place-workload.js';
import { isMember, whyNoReplicas } from '../../hosts/daemon-cluster.js';
import { PassingConflict, UserError } from '../../shared/errors.js';
import type { WorkloadId } from '../../shared/ids.js';
import { isOffFor } from '../../workloads/proof-covers.js';
import { CLOCKS_MS, isMute } from '../../workloads/believable.js';
import { DESIRED_STATES, NO_FAILURES, type DesiredState, type Workload } from '../../workloads/workload.js';
import { admit } from '../admission.js';
import type { Change, WorkloadFields } from '../change.js';
import { event } from '../cluster-event.js';
import type { ClusterView, HostInventory } from '../cluster-view.js';
import { lastChangeMs } from '../observations.js';
import { assertIdle, findHost, findWorkload } from './find.js';
import type { Asked } from './host-commands.js';
import { nextTry } from '../../workloads/placement-epoch.js';

const set = (workload: Workload, fields: WorkloadFields): Change => ({ change: 'workload', id: workload.id, set: fields });
const tell = (workload: Workload, type: string, message: string): Change => ({ change: 'event', event: event(type, `${workload.name}: ${message}`, { severity: 'notice', workload: workload.name }) });

/** Says what is wanted; the rules bring it about, now or when it becomes possible. */
export function setDesired(view: ClusterView, name: string, desired: DesiredState, asked: Asked): readonly Change[] {
  const workload = findWorkload(view, name);
  if (workload.desired === desired && workload.state !== 'error') return [];
  if (desired === 'unmanaged') return unmanageWorkload(view, name, asked);
  if (workload.desired === 'unmanaged') return manageWorkload(view, name, { ...asked, host: null, desired });
  if (workload.state === 'error' && desired !== 'disabled') throw new UserError('conflict', `${workload.name} is in error: ${workload.why ?? 'it failed for good'}`, `reeve workload clear ${workload.name}`);
  const told = desired === 'running' ? admitted(view, workload, asked) : [];
  return [set(workload, { desired, ...stateFor(view, workload, desired) }), tell(workload, 'workload.desired', `${asked.by} wants it ${desired}: ${DESIRED_STATES[desired]}`), ...told];
}

/** It will start at home, or where it is placed when that is off; with no place now it waits, and takes no room. */
function admitted({ hosts }: ClusterView, workload: Workload, { admission, by }: Asked): readonly Change[] {
  if (admission === undefined || admission.mode === 'off') return [];
  const home = hosts.find((host) => host.id === workload.hostId && host.condition === 'online');
  const placed = home ? null : placeWorkload(admission.placement(), { workload, exclude: [] });
  const target = home ?? (placed?.ok ? hosts.find((host) => host.id === placed.value.hostId) : undefined);
  return target ? admit(admission, workload, [target], by).told : [];
}

function stateFor(view: ClusterView, workload: Workload, desired: DesiredState): WorkloadFields {
  if (view.operations.some((operation) => operation.workloadId === workload.id)) return {};
  if (desired === 'running') return workload.state === 'stopped' || workload.state === 'missing' ? { ...startable(view, workload), failures: NO_FAILURES } : {};
  // Whether it runs is seen by looking: what was in error may be there.
  if (workload.state === 'error') return { state: workload.hostId === null ? 'stopped' : 'stopping', why: 'its error is cleared: it is disabled', failures: NO_FAILURES };
  return workload.state === 'waiting' || workload.state === 'frozen' ? { state: 'stopped', why: null } : {};
}

/** It waits for its start, or for certainty about its host. */
function startable(view: ClusterView, { hostId }: Workload): WorkloadFields {
  const home = view.hosts.find((host) => host.id === hostId);
  if (home && (home.condition === 'silent' || home.condition === 'fencing')) return { state: 'awaiting-fence', why: `its host ${home.name} is ${home.condition} and not proven off` };
  return { state: 'waiting', why: 'it is wanted running' };
}

/** Out of our hands, as it is: it is not stopped by this. */
export function unmanageWorkload(view: ClusterView, name: string, { by }: Asked): readonly Change[] {
  const workload = findWorkload(view, name);
  if (workload.desired === 'unmanaged') return [];
  assertIdle(view, workload);
  return [
    set(workload, { desired: 'unmanaged', state: 'unmanaged', why: `taken out by ${by}; it is left as it is`, lock: null, failures: NO_FAILURES }),
    tell(workload, 'workload.unmanaged', `taken out of our hands by ${by}; \`reeve workload manage ${workload.name}\` takes it back`),
  ];
}

export interface ManageWanted extends Asked {
  /** Where it is, by name; null: where it is seen, else where it was. */
  readonly host: string | null;
  /** Null: what it does now. */
  readonly desired: Exclude<DesiredState, 'unmanaged'> | null;
}

export function manageWorkload(view: ClusterView, name: string, { by, nowMs, host, desired: wanted }: ManageWanted): readonly Change[] {
  const workload = findWorkload(view, name);
  if (workload.desired !== 'unmanaged') throw new UserError('conflict', `${workload.name} is managed already`, `reeve workload show ${workload.name}`);
  const seen = view.inventories.filter((one) => isOfNow(view, workload, one, nowMs));
  const runsOn = seen.filter((one) => one.workloads.some((other) => other.uuid === workload.uuid && other.runState !== 'stopped')).map((one) => one.hostId);
  const told = host === null ? null : findHost(view, host);
  const names = runsOn.map((id) => view.hosts.find((one) => one.id === id)?.name ?? id);
  if (runsOn.length > 1) throw new UserError('refused', `${workload.name} runs on ${names.join(' and ')}: stop the wrong one first`);
  if (told && runsOn[0] !== undefined && runsOn[0] !== told.id) throw new UserError('refused', `${workload.name} runs on ${names[0] ?? ''}, not on ${told.name}`, `reeve workload manage ${workload.name} --host ${names[0] ?? ''}`);
  if (runsOn.length === 0) assertNowhere(view, workload, seen);
  const desired = wanted ?? (runsOn.length > 0 ? 'running' : 'stopped');
  const home = told?.id ?? runsOn[0] ?? workload.hostId;
  const state: WorkloadFields = runsOn.length > 0 ? { state: 'running', why: null } : desired === 'running' ? startable(view, { ...workload, hostId: home }) : { state: 'stopped', why: null };
  return [
    set(workload, { desired, hostId: home, ...state, workloadEpoch: nextTry(workload.workloadEpoch), failures: NO_FAILURES }),
    tell(workload, 'workload.managed', `taken into our hands by ${by}: wanted ${desired}`),
  ];
}

/** Hosts are asked every two seconds. */
const NOW_MS = 6_000;

/** An inventory tells where a workload runs: of the boot that the host is admitted with, of these seconds, and newer than what was last done about it. */
function isOfNow(view: ClusterView, workload: Workload, inventory: HostInventory, nowMs: number): boolean {
  const { hostId, bootId, atMs } = inventory;
  if (isMute(inventory, workload.needs.driver)) return false;
  const host = view.hosts.find((one) => one.id === hostId);
  return host?.condition === 'online' && host.bootId === bootId && nowMs - atMs <= NOW_MS && atMs > lastChangeMs(view, workload) + CLOCKS_MS;
}

/** Seen nowhere, it may run on a host that can't be asked all the same: it was nobody's but its owner's. Started, it could run twice; kept stopped, it would be stopped. */
function assertNowhere(view: ClusterView, workload: Workload, seen: readonly HostInventory[]): void {
  const unknown = view.hosts.filter((host) => host.condition !== 'enrolling' && !isOffFor(host, workload) && !seen.some((one) => one.hostId === host.id));
  const [first] = unknown;
  if (!first) return;
  const [message, remedy] = [`${workload.name}: whether it runs on ${unknown.map((host) => host.name).join(' or ')} is not known now; ask again once that was looked at or is proven off`, `reeve host show ${first.name}`];
  // A host in service is looked at every two seconds.
  throw unknown.every((host) => host.condition === 'online') ? new PassingConflict(message, remedy) : new UserError('refused', message, remedy);
}

export function lockWorkload(view: ClusterView, name: string, { by, nowMs, reason }: Asked & { readonly reason: string }): readonly Change[] {
  const workload = findWorkload(view, name);
  if (workload.lock) throw new UserError('conflict', `${workload.name} is locked already by ${workload.lock.by} (${workload.lock.reason})`, `reeve workload unlock ${workload.name}`);
  if (workload.desired === 'unmanaged') throw new UserError('conflict', `${workload.name} is unmanaged: nothing would touch it`, `reeve workload manage ${workload.name}`);
  const moving = view.operations.find((operation) => operation.workloadId === workload.id && MOVES_OR_STOPS.has(operation.kind));
  if (moving) throw new UserError('conflict', `${workload.name}: ${moving.kind} is under way (operation ${moving.id})`, `reeve operation show ${moving.id}`);
  return [set(workload, { lock: { by, reason, sinceMs: nowMs } }), tell(workload, 'workload.locked', `locked by ${by} (${reason}): not moved and not stopped`)];
}

const MOVES_OR_STOPS: ReadonlySet<string> = new Set(['migrate', 'relocate', 'stop', 'delete']);

export function unlockWorkload(view: ClusterView, name: string, { by }: Asked): readonly Change[] {
  const workload = findWorkload(view, name);
  return workload.lock ? [set(workload, { lock: null }), tell(workload, 'workload.unlocked', `unlocked by ${by}`)] : [];
}

export interface WorkloadPolicies {
  readonly maxRestarts?: number | undefined;
  readonly maxRelocations?: number | undefined;
  readonly failback?: boolean | undefined;
  readonly drainPolicy?: Workload['drainPolicy'] | undefined;
  /** Of a container. */
  readonly movesLiveByCriu?: boolean | undefined;
  /** Names. */
  readonly startAfter?: readonly string[] | undefined;
  /** Seconds; null: no copy is kept. */
  readonly replicateEveryS?: number | null | undefined;
  /** `reuse`: what a host had of it before it was recovered elsewhere may be written over by the next copy; `keep`: it stays until it is discarded. */
  readonly replicateStale?: 'keep' | 'reuse' | undefined;
}

/** What is not named stays. */
export function setPolicies(view: ClusterView, name: string, { startAfter, replicateEveryS, replicateStale, ...plain }: WorkloadPolicies, { by, nowMs }: Asked): readonly Change[] {
  const workload = findWorkload(view, name);
  if (plain.movesLiveByCriu === true && (workload.kind !== 'container' || workload.needs.instance === null)) throw new UserError('refused', `${workload.name} is no container: it moves live as it is`, `reeve workload migrate ${workload.name}`);
  const named = Object.fromEntries(Object.entries(plain).filter(([, value]) => value !== undefined)) as WorkloadFields;
  const fields: WorkloadFields = { ...named, ...(startAfter === undefined ? {} : { startAfter: orderOf(view, workload, startAfter) }), ...(replicateEveryS === undefined && replicateStale === undefined ? {} : replicationFields(view, workload, { everyS: replicateEveryS, stale: replicateStale, nowMs })) };
  if (Object.keys(fields).length === 0) return [];
  return [set(workload, fields), tell(workload, 'workload.policies', `${by} set ${Object.keys(fields).join(', ')}`)];
}

/** The copy that is there stays where it is: nothing is deleted by this. */
function replicationFields({ hosts }: ClusterView, workload: Workload, { everyS, stale, nowMs }: { readonly everyS: number | null | undefined; readonly stale: WorkloadPolicies['replicateStale']; readonly nowMs: number }): WorkloadFields {
  if (everyS === null) return { replication: null };
  const everyMs = everyS === undefined ? workload.replication?.everyMs : everyS * 1_000;
  if (everyMs === undefined) throw new UserError('conflict', `replicateStale: no copy of ${workload.name} is kept`, `reeve workload replicate ${workload.name} --every SECONDS`);
  if (workload.needs.instance === null) throw new UserError('refused', `${workload.name}: its disks can be reached from other hosts: no copy of it is kept`, `reeve workload show ${workload.name}`);
  const home = hosts.find((one) => one.id === workload.hostId);
  const { driver } = workload.needs;
  if (home && driver !== 'libvirt' && isMember(home.facts, driver)) throw new UserError('refused', `${workload.name}: ${whyNoReplicas(driver, home.name)}`, `reeve workload show ${workload.name}`);
  const isReused = stale === undefined ? workload.replication?.reusesStale === true : stale === 'reuse';
  return { replication: { everyMs, sinceMs: (everyS === undefined ? workload.replication?.sinceMs : null) ?? nowMs, ...(isReused ? { reusesStale: true as const } : {}) } };
}

function orderOf(view: ClusterView, workload: Workload, names: readonly string[]): readonly WorkloadId[] {
  const ids = [...new Set(names.map((one) => findWorkload(view, one).id))].sort();
  const circle = circleThrough(view.workloads, workload.id, ids);
  if (circle) throw new UserError('invalid', `startAfter: ${circle.map((id) => view.workloads.find((one) => one.id === id)?.name ?? id).join(' after ')} is a circle: none of them could ever start first`);
  return ids;
}

/** A way from the workload back to itself, if it were to start after these; null: there is none. */
export function circleThrough(workloads: readonly Pick<Workload, 'id' | 'startAfter'>[], id: WorkloadId, after: readonly WorkloadId[]): readonly WorkloadId[] | null {
  const order = new Map(workloads.map((one) => [one.id, one.id === id ? after : one.startAfter]));
  const seen = new Set<WorkloadId>();
  const walk = (at: WorkloadId, way: readonly WorkloadId[]): readonly WorkloadId[] | null => {
    for (const next of order.get(at) ?? []) {
      if (next === id) return [...way, next];
      if (seen.has(next)) continue;
      seen.add(next);
      const found = walk(next, [...way, next]);
      if (found) return found;
    }
    return null;
  };
  return walk(id, [id]);
}
