// Is a workload recovered from its copy, though its pool could be had?
import type { Host } from '../hosts/host.js';
import { ownerOf } from '../hosts/shared-filesystem.js';
import { poolOf, type Workload } from './workload.js';

/** A person has decided so, at this loss of its host; what lies in the pool is not waited for. Over once the pool has changed its host. */
export function choosesReplica(hosts: readonly Host[], home: Host, workload: Pick<Workload, 'needs' | 'replica'>): boolean {
  const [pool, chosenAtProofMs] = [poolOf(workload), workload.replica?.chosenAtProofMs];
  return chosenAtProofMs !== undefined && chosenAtProofMs === home.proof?.atMs && (pool === null || ownerOf(hosts, home, pool) === home);
}
