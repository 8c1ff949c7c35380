// What is protected and in our hands runs under the lease of its host, where the host enforces one.
import { enforcesLease, type Host } from '../hosts/host.js';
import type { Workload } from '../workloads/workload.js';

export function runsUnderLease(workload: Pick<Workload, 'isProtected' | 'desired'>, host: Pick<Host, 'fenceDevices' | 'facts'>): boolean {
  return workload.isProtected && workload.desired !== 'unmanaged' && enforcesLease(host);
}
