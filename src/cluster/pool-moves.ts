// A pool has changed its host: what lies in it is at home there.
import type { Host } from '../hosts/host.js';
import { poolKey } from '../hosts/run-readmission.js';
import { ownerOf, type PoolName } from '../hosts/shared-filesystem.js';
import { nextTry } from '../workloads/placement-epoch.js';
import { poolOf, type Workload } from '../workloads/workload.js';
import type { Change } from './change.js';
import type { ClusterView } from './cluster-view.js';
import { event } from './cluster-event.js';

export interface PoolMove {
  readonly owner: Host;
  readonly target: Pick<Host, 'id' | 'name'>;
  readonly pool: PoolName;
  /** Also what is to run: its old host is back, so it is recovered from nowhere. Else the recovery takes it there, with its proof. */
  readonly all: boolean;
  readonly nowMs: number;
}

export function movedWithPool({ workloads, operations }: ClusterView, { owner, target, pool, all }: PoolMove): readonly Change[] {
  const isRecovered = (one: Workload): boolean => one.isProtected && one.desired === 'running';
  const moved = workloads.filter((one) => one.hostId === owner.id && isIn(one, pool) && (all || !isRecovered(one)) && !operations.some((operation) => operation.workloadId === one.id));
  return moved.flatMap((one): Change[] => {
    const why = `its pool ${pool.pool} was taken over by ${target.name}`;
    // What waits for a person goes on waiting.
    const state = one.desired === 'unmanaged' || one.state === 'error' ? one.state : one.desired === 'running' && one.isProtected ? 'waiting' : 'stopped';
    return [
      // What was last seen of the target is of before it had it.
      { change: 'workload', id: one.id, set: { hostId: target.id, leasedOn: null, isDefinedAtHome: false, workloadEpoch: nextTry(one.workloadEpoch), state, why: state === 'error' ? one.why : why } },
      { change: 'event', event: event('workload.rehomed', `${one.name}: ${why}`, { severity: 'notice', workload: one.name, data: { from: owner.name, to: target.name, proof: owner.proof?.kind ?? null } }) },
    ];
  });
}

const isIn = (workload: Workload, pool: PoolName): boolean => poolOf(workload)?.pool === pool.pool && poolOf(workload)?.driver === pool.driver;

/** A host is back: what it has still is its own again; what others have is at home there. */
export function poolsAfterReturn(view: ClusterView, { id }: Host, memo: Readonly<Record<string, unknown>>, nowMs: number): readonly Change[] {
  const host = view.hosts.find((one) => one.id === id);
  if (!host || host.takenPools.length === 0) return [];
  const isLost = (one: PoolName): boolean => Array.isArray(memo['lostPools']) && memo['lostPools'].includes(poolKey(one));
  const [done, begun] = [host.takenPools.filter((one) => one.isDone), host.takenPools.filter((one) => !one.isDone && isLost(one))];
  // Claimed, and not taken up by anybody yet: that goes on.
  return [{ change: 'host', id, set: { takenPools: [...begun.map((one) => ({ ...one, isClaimed: true })), ...done.filter((pool) => hasBusyIn(view, host, pool))] } }, ...movesOf(view, host, done, nowMs)];
}

/** What an operation was under way on when its host came back without its pool follows once that has ended; until then the note says where its data are. */
export function stragglersOf(view: ClusterView, host: Host, nowMs: number): readonly Change[] {
  const done = host.takenPools.filter((one) => one.isDone);
  const left = done.filter((pool) => hasBusyIn(view, host, pool));
  if (host.condition !== 'online' || left.length === done.length) return [];
  const over = done.filter((pool) => !left.includes(pool));
  return [{ change: 'host', id: host.id, set: { takenPools: host.takenPools.filter((one) => !over.includes(one)) } }, ...movesOf(view, host, over, nowMs)];
}

const hasBusyIn = ({ workloads, operations }: ClusterView, host: Host, pool: PoolName): boolean => workloads.some((one) => one.hostId === host.id && isIn(one, pool) && operations.some((operation) => operation.workloadId === one.id));

const movesOf = (view: ClusterView, host: Host, pools: readonly PoolName[], nowMs: number): readonly Change[] => pools.flatMap((pool) => movedWithPool(view, { owner: host, target: ownerOf(view.hosts, host, pool), pool, all: true, nowMs }));
