// What operators do to workloads, each as changes to commit; refusals are UserErrors with the remedy.
import { placeWorkload } from '../../scheduler/place-workload.js';
import { hardRuleAgainst } from '../../scheduler/hard-rules.js';
import { rankedHosts } from '../../scheduler/ranked-hosts.js';
import type { PlacementRequest, PlacementView } from '../../scheduler/placement.js';
import type { HostId } from '../../shared/ids.js';
import { UserError } from '../../shared/errors.js';
import { isOffFor } from '../../workloads/proof-covers.js';
import { describeNotLive, whyNotLive } from '../../workloads/live-move.js';
import { ownerOf, takersOf } from '../../hosts/shared-filesystem.js';
import { choosesReplica } from '../../workloads/chooses-replica.js';
import { hasReplica, movesLive, NO_FAILURES, poolOf, type Workload } from '../../workloads/workload.js';
import { admit } from '../admission.js';
import type { Change } from '../change.js';
import { event } from '../cluster-event.js';
import type { ClusterView } from '../cluster-view.js';
import type { Host, TakenPool } from '../../hosts/host.js';
import { assertIdle, assertOurs, assertUnlocked, findHost, findWorkload } from './find.js';
import type { Asked } from './host-commands.js';

export function startWorkload(view: ClusterView, placement: PlacementView, name: string, asked: Asked): readonly Change[] {
  const { by, nowMs } = asked;
  const workload = findWorkload(view, name);
  assertIdle(view, workload);
  assertOurs(view, workload, nowMs);
  if (workload.state === 'error') throw new UserError('conflict', `${workload.name} is in error: ${workload.why ?? 'it failed for good'}`, `reeve workload clear ${workload.name}`);
  if (workload.state === 'running') return workload.desired === 'running' ? [] : wantedRunning(view, workload, asked);
  if (workload.state === 'awaiting-fence') throw new UserError('refused', `${workload.name}: ${workload.why ?? 'its host is lost and not proven off'}`, 'reeve status');
  const home = homeOf(view, workload);
  const against = home ? hardRuleAgainst(placement, workload, home) : null;
  if (home && against) throw new UserError('refused', `${workload.name} may not run on ${home.name}: ${against.why}`, `reeve workload explain ${workload.name}`);
  // What is wanted running already is started by automation too.
  const { host: target, told } = admit(workload.desired === 'running' ? undefined : asked.admission, workload, home ? [home] : placeOrRefuse(placement, workload, []), by);
  const proof = home ? null : (view.hosts.find((host) => host.id === workload.hostId)?.proof ?? null);
  return [
    { change: 'workload', id: workload.id, set: { desired: 'running', state: 'starting', why: null, failures: NO_FAILURES } },
    { change: 'operation', operation: { kind: home || workload.hostId === null ? 'start' : 'recover', workloadId: workload.id, hostId: workload.hostId, targetHostId: target.id, requestedBy: by, reason: `${by} starts it`, proof } },
    ...told,
  ];
}

/** It runs where it was to be stopped. */
function wantedRunning(view: ClusterView, workload: Workload, { admission, by }: Asked): readonly Change[] {
  const home = view.hosts.find((one) => one.id === workload.hostId);
  return [{ change: 'workload', id: workload.id, set: { desired: 'running' } }, ...(home ? admit(admission, workload, [home], by).told : [])];
}

/** Its data are on their way to another host: no copy is started beside them. */
function takenFrom(host: Host, workload: Workload): TakenPool | null {
  const pool = poolOf(workload);
  return host.takenPools.find((one) => !one.isDone && one.pool === pool?.pool && one.driver === pool.driver) ?? null;
}

/** Its host, when a start there is safe; null when it must be placed elsewhere with proof. */
function homeOf(view: ClusterView, workload: Workload): Host | null {
  if (workload.hostId === null) return null;
  const host = view.hosts.find((one) => one.id === workload.hostId) ?? null;
  if (!host || host.condition === 'online') return host;
  const taken = takenFrom(host, workload);
  if (taken) throw new UserError('conflict', `${workload.name}: its pool ${taken.pool} is being taken over by ${view.hosts.find((one) => one.id === taken.byHostId)?.name ?? 'a host that is gone'}, with its newest data: it starts there by itself`, 'reeve operation list');
  assertPoolNotWaitedFor(view, host, workload);
  if (isOffFor(host, workload)) return null;
  throw new UserError('refused', `${workload.name}: its host ${host.name} is ${host.condition} and not proven off; starting it elsewhere could run it twice`, `reeve host confirm-off ${host.name}`);
}

/** What it wrote last lies in a pool that another host can have: an older copy is started only when that is asked for by its name. */
function assertPoolNotWaitedFor({ hosts }: ClusterView, home: Host, workload: Workload): void {
  const pool = poolOf(workload);
  const owner = pool === null ? null : ownerOf(hosts, home, pool);
  if (pool === null || owner === null || owner.condition === 'online' || choosesReplica(hosts, home, workload)) return;
  const takers = takersOf(hosts, owner, pool).filter(({ id }) => id !== workload.replica?.hostId);
  if (takers.length === 0) return;
  const otherwise = hasReplica(workload) ? `; from its replica, which is older: reeve workload recover ${workload.name} --from-replica` : '';
  throw new UserError('conflict', `${workload.name}: its newest data lie in the pool ${pool.pool} of ${owner.name}, which ${takers.map(({ name }) => name).join(' or ')} can take over: it starts with that, when it is wanted running and protected`, `reeve workload show ${workload.name}${otherwise}`);
}

/** All hosts that take it, best first. */
function placeOrRefuse(placement: PlacementView, workload: Workload, exclude: PlacementRequest['exclude'], leftByMates: readonly HostId[] = []): readonly [Host, ...Host[]] {
  const placed = placeWorkload(placement, { workload, exclude, leftByMates });
  const [first, ...others] = placed.ok ? rankedHosts(placement.hosts, placed.value) : [];
  if (!first) throw new UserError('refused', `${workload.name}: ${placed.ok ? 'no host' : placed.error.why}`, `reeve workload explain ${workload.name}`);
  return [first, ...others];
}

export function stopWorkload(view: ClusterView, name: string, asked: Asked & { readonly force: boolean; readonly timeoutS: number }): readonly Change[] {
  const workload = findWorkload(view, name);
  assertIdle(view, workload);
  assertOurs(view, workload, asked.nowMs);
  assertUnlocked(workload);
  if (workload.state === 'stopped') return [{ change: 'workload', id: workload.id, set: { desired: 'stopped' } }];
  if (workload.hostId === null) return [{ change: 'workload', id: workload.id, set: { desired: 'stopped', state: 'stopped', why: null } }];
  return [
    { change: 'workload', id: workload.id, set: { desired: 'stopped', state: 'stopping', why: null } },
    {
      change: 'operation',
      operation: {
        kind: 'stop', workloadId: workload.id, hostId: workload.hostId, targetHostId: null, requestedBy: asked.by,
        reason: `${asked.by} stops it`, params: { force: asked.force, timeoutMs: asked.timeoutS * 1000 },
      },
    },
  ];
}

export function deleteWorkload(view: ClusterView, name: string, asked: Asked & { readonly deleteDisks: boolean; readonly forget: boolean }): readonly Change[] {
  const workload = findWorkload(view, name);
  assertIdle(view, workload);
  if (!asked.forget) assertUnlocked(workload);
  if (asked.forget || workload.hostId === null) {
    return [
      { change: 'remove-workload', id: workload.id },
      { change: 'event', event: event('workload.forgotten', `${workload.name} is no longer managed, by ${asked.by}; it is left as it is`, { severity: 'notice', workload: workload.name }) },
    ];
  }
  if (workload.state !== 'stopped' && workload.state !== 'missing') throw new UserError('conflict', `${workload.name} is ${workload.state}; only a stopped workload can be deleted`, `reeve workload stop ${workload.name}`);
  if (!movesLive(workload) && !asked.deleteDisks) throw new UserError('refused', `${workload.name} is a container: without its data nothing of it is left to delete`, `reeve workload delete ${workload.name} --disks (with its data), or --forget (it is left as it is)`);
  return [
    {
      change: 'operation',
      operation: {
        kind: 'delete', workloadId: workload.id, hostId: workload.hostId, targetHostId: null, requestedBy: asked.by,
        reason: `${asked.by} deletes it`, params: { deleteDisks: asked.deleteDisks },
      },
    },
  ];
}

export function protectWorkload(view: ClusterView, name: string, isProtected: boolean, { by }: Asked): readonly Change[] {
  const workload = findWorkload(view, name);
  if (workload.isProtected === isProtected) return [];
  const word = isProtected ? 'protected' : 'no longer protected';
  return [
    { change: 'workload', id: workload.id, set: { isProtected } },
    { change: 'event', event: event(isProtected ? 'workload.protected' : 'workload.unprotected', `${workload.name} is ${word}, by ${by}`, { workload: workload.name }) },
  ];
}

export function clearError(view: ClusterView, name: string, { by }: Asked): readonly Change[] {
  const workload = findWorkload(view, name);
  assertIdle(view, workload);
  if (workload.state !== 'error') throw new UserError('conflict', `${workload.name} is ${workload.state}, not in error`);
  return [
    { change: 'workload', id: workload.id, set: { state: workload.desired === 'running' ? 'waiting' : 'stopped', why: `error cleared by ${by}`, failures: NO_FAILURES } },
    { change: 'event', event: event('workload.cleared', `${workload.name}: error cleared by ${by}`, { workload: workload.name }) },
  ];
}

export interface MoveWanted extends Asked {
  /** Name of the target host; null: the scheduler chooses. */
  readonly to: string | null;
  readonly kind: 'migrate' | 'relocate';
  readonly params: Readonly<Record<string, unknown>>;
}

export function moveWorkload(view: ClusterView, placement: PlacementView, name: string, wanted: MoveWanted): readonly Change[] {
  const workload = findWorkload(view, name);
  assertIdle(view, workload);
  assertOurs(view, workload, wanted.nowMs);
  assertUnlocked(workload);
  const isCold = wanted.kind === 'relocate' && workload.state === 'stopped';
  if ((workload.state !== 'running' && !isCold) || workload.hostId === null) throw new UserError('conflict', `${workload.name} is ${workload.state}; only what runs can move${workload.state === 'stopped' ? ' live' : ', or is stopped'}`, workload.state === 'stopped' ? `reeve workload relocate ${workload.name}` : `reeve workload start ${workload.name}`);
  const notLive = wanted.kind === 'migrate' ? whyNotLive(workload, view.hosts.find((one) => one.id === workload.hostId) ?? null, null) : null;
  if (notLive) throw new UserError('refused', `${workload.name} does not move while it runs: ${describeNotLive(notLive)}; else it is stopped, copied and started`, `reeve workload relocate ${workload.name}`);
  const from = findHost(view, workload.hostId);
  const chosen = wanted.to === null ? null : chosenTarget(view, placement, workload, wanted.to);
  if (chosen?.id === from.id) throw new UserError('conflict', `${workload.name} is on ${from.name} already`);
  const { host: target, told } = admit(isCold ? undefined : wanted.admission, workload, chosen ? [chosen] : placeOrRefuse(placement, workload, [{ hostId: from.id, why: 'it runs there now' }], [from.id]), wanted.by);
  const notThere = wanted.kind === 'migrate' ? whyNotLive(workload, from, target) : null;
  if (notThere) throw new UserError('refused', `${workload.name} does not move to ${target.name} while it runs: ${describeNotLive(notThere)}`, `reeve workload relocate ${workload.name} --to ${target.name}`);
  const why = `${wanted.by} moves it from ${from.name} to ${target.name}`;
  return [
    // Why what is stopped is so stays said: whether it is to be started again hangs on that.
    ...(isCold ? [] : [{ change: 'workload', id: workload.id, set: { state: 'migrating', why } } as const]),
    { change: 'operation', operation: { kind: wanted.kind, workloadId: workload.id, hostId: from.id, targetHostId: target.id, requestedBy: wanted.by, reason: why, params: { ...wanted.params, cause: 'operator', ...(isCold ? { isCold, wasDesired: workload.desired } : {}) } } },
    { change: 'event', event: event(wanted.kind === 'migrate' ? 'workload.migrating' : 'workload.relocating', `${workload.name}: ${why}`, { host: from.name, workload: workload.name, data: { from: from.name, to: target.name } }) },
    ...told,
  ];
}

/** A named target is held to the same filters; its own refusal is said. */
function chosenTarget(view: ClusterView, placement: PlacementView, workload: Workload, to: string): Host {
  const target = findHost(view, to);
  const others = view.hosts.filter((host) => host.id !== target.id).map((host) => ({ hostId: host.id, why: `${target.name} was asked for` }));
  // Who must stay with it follows.
  const leftByMates = workload.hostId === null ? [] : [workload.hostId];
  const placed = placeWorkload(placement, { workload, exclude: others, leftByMates });
  if (placed.ok) return target;
  const refusal = placed.error.refusals.find((one) => one.hostId === target.id);
  throw new UserError('refused', `${workload.name} can't go to ${target.name}: ${refusal?.why ?? placed.error.why}`, `reeve workload explain ${workload.name}`);
}
