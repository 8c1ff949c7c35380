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
  const isInIt = (one: Workload): boolean => poolOf(one)?.pool === pool.pool && poolOf(one)?.driver === pool.driver;
  const isRecovered = (one: Workload): boolean => one.isProtected && one.desired === 'running';
  const moved = workloads.filter((one) => one.hostId === owner.id && isInIt(one) && (all || !isRecovered(one)) && !operations.some((operation) => operation.workloadId === one.id));
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

/** A host is back: what it has still is its own again; what others have is at home there. */
export function poolsAfterReturn(view: ClusterView, { id }: Host, memo: Readonly<Record<string, unknown>>, nowMs: number): readonly Change[] {
  const host = view.hosts.find((one) => one.id === id);
  if (!host || host.takenPools.length === 0) return [];
  const isLost = (one: PoolName): boolean => Array.isArray(memo['lostPools']) && memo['lostPools'].includes(poolKey(one));
  const [done, begun] = [host.takenPools.filter((one) => one.isDone), host.takenPools.filter((one) => !one.isDone && isLost(one))];
  const moves = done.flatMap((pool) => movedWithPool(view, { owner: host, target: ownerOf(view.hosts, host, pool), pool, all: true, nowMs }));
  // Claimed, and not taken up by anybody yet: that goes on.
  return [{ change: 'host', id, set: { takenPools: begun.map((one) => ({ ...one, isClaimed: true })) } }, ...moves];
}
