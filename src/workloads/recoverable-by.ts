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
  if (pool !== null) return { by: 'pool', summary: `pool ${pool.pool} taken over by ${pool.takers.join(' or ')}, RPO 0`, rpoMs: 0 };
  if (whyNoReplicas !== null) return { by: 'nothing', summary: `nothing: its data lie at its host alone; ${whyNoReplicas}`, rpoMs: null };
  if (replication === null) return { by: 'nothing', summary: `nothing: its data lie at its host alone (\`reeve workload replicate ${name}\`, or a pool on block storage that other hosts see)`, rpoMs: null };
  if (replica === null || replica.asOfMs === null) return { by: 'nothing', summary: `nothing yet: no whole copy of it was made${(replica?.why ?? null) === null ? '' : `: ${replica?.why ?? ''}`}`, rpoMs: null };
  const rpoMs = Math.max(0, nowMs - replica.asOfMs);
  return { by: 'replica', summary: `replica on ${nameOf(replica.hostId) ?? 'a host that is gone'}, RPO ${age(rpoMs)}`, rpoMs };
}

function age(ms: number): string {
  if (ms < MINUTE) return `${Math.round(ms / SECOND)} s`;
  const minutes = Math.floor(ms / MINUTE);
  if (minutes < 60) return `${minutes} m ${Math.round((ms % MINUTE) / SECOND)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} m`;
}
