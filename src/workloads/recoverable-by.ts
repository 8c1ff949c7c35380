// What would bring a workload back if its host were lost now, as people are told before it is.
import type { HostId } from '../shared/ids.js';
import type { Workload } from './workload.js';

export interface Recoverability {
  readonly by: 'shared-storage' | 'pool' | 'replica' | 'nothing';
  /** "replica on host-3, 4 m 10 s old". */
  readonly summary: string;
  /** What was written in the last so many milliseconds would be lost; null: nothing would, or all; 0: nothing that was synced. */
  readonly rpoMs: number | null;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** The pool on shared block storage that its data lie in, and who could take it over. */
export interface RecoverablePool {
  readonly pool: string;
  /** Names. */
  readonly takers: readonly string[];
  readonly home: string;
  /** It has a fence device that tells its power by itself: nothing else proves that a pool may be taken over. */
  readonly isProvenByDevice: boolean;
}

export interface RecoverableCase {
  readonly nameOf: (id: HostId) => string | null;
  readonly nowMs: number;
  /** Null: its data lie in none. */
  readonly pool: RecoverablePool | null;
  /** Why no replica of it can be kept, whatever is wanted; null: one can. */
  readonly whyNoReplicas?: string | null;
}

export function recoverableBy(workload: Pick<Workload, 'name' | 'isProtected' | 'needs' | 'replica' | 'replication'>, { nameOf, nowMs, pool, whyNoReplicas = null }: RecoverableCase): Recoverability {
  const { name, isProtected, needs, replica, replication } = workload;
  if (!isProtected) return { by: 'nothing', summary: `nothing: it is not protected (\`reeve workload protect ${name}\`)`, rpoMs: null };
  if (needs.instance === null) return { by: 'shared-storage', summary: 'its disks, which other hosts reach', rpoMs: null };
  const copy = replica?.asOfMs === undefined || replica.asOfMs === null ? null : { on: nameOf(replica.hostId) ?? 'a host that is gone', rpoMs: Math.max(0, nowMs - replica.asOfMs) };
  const fromCopy = copy && `replica on ${copy.on}, RPO ${age(copy.rpoMs)}`;
  if (pool !== null && (pool.isProvenByDevice || copy === null)) return { by: 'pool', summary: `${fromPool(pool)}${fromCopy === null ? '' : `; while that is not proven: ${fromCopy}`}`, rpoMs: 0 };
  if (whyNoReplicas !== null) return { by: 'nothing', summary: `nothing: its data lie at its host alone; ${whyNoReplicas}`, rpoMs: null };
  if (copy !== null) return { by: 'replica', summary: `${fromCopy ?? ''}${pool === null ? '' : `; what its pool ${pool.pool} has is newer, and had only when a person has confirmed that ${pool.home} has no power before`}`, rpoMs: copy.rpoMs };
  if (replication === null) return { by: 'nothing', summary: `nothing: its data lie at its host alone (\`reeve workload replicate ${name}\`, or a pool on block storage that other hosts see)`, rpoMs: null };
  return { by: 'nothing', summary: `nothing yet: no whole copy of it was made${(replica?.why ?? null) === null ? '' : `: ${replica?.why ?? ''}`}`, rpoMs: null };
}

function fromPool({ pool, takers, home, isProvenByDevice }: RecoverablePool): string {
  const proof = isProvenByDevice ? `once a fence device says that ${home} has no power` : `once a person has confirmed that ${home} has no power (it has no fence device for that)`;
  return `pool ${pool} taken over by ${takers.join(' or ')}, RPO 0, ${proof}`;
}

function age(ms: number): string {
  if (ms < MINUTE) return `${Math.round(ms / SECOND)} s`;
  const minutes = Math.floor(ms / MINUTE);
  if (minutes < 60) return `${minutes} m ${Math.round((ms % MINUTE) / SECOND)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} m`;
}
