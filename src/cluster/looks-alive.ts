// What an SSH look that answers says of a host that nobody hears: its agent alone is gone, or its workloads are gone with its lease.
import { enforcesLease, type Host } from '../hosts/host.js';
import type { Workload } from '../workloads/workload.js';

export interface Look {
  readonly bootId: string | null;
  readonly runningUuids: readonly string[];
}

/**
 * True: the host is there, and what counts runs on; it is no host to fence. A host that enforces its lease ends what runs under it when
 * nobody acknowledges it, and its watchdog does so for an agent that can't, while SSH answers all along: once none of that is seen running
 * any more, the answer speaks for nothing that could be saved.
 */
export function looksAlive(host: Host, workloads: readonly Workload[], look: Look): boolean {
  if (look.bootId === null || look.bootId !== host.bootId) return false;
  const leased = workloads.filter((workload) => workload.hostId === host.id && workload.leasedOn === host.id && workload.desired === 'running');
  if (!enforcesLease(host) || leased.length === 0) return true;
  return leased.some((workload) => look.runningUuids.includes(workload.uuid));
}
