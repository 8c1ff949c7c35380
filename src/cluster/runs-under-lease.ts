// What is protected runs under the lease of its host, where the host enforces one.
import { enforcesLease, type Host } from '../hosts/host.js';
import type { Workload } from '../workloads/workload.js';

export function runsUnderLease(workload: Pick<Workload, 'isProtected'>, host: Pick<Host, 'fenceDevices' | 'facts'>): boolean {
  return workload.isProtected && enforcesLease(host);
}
