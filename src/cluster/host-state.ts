// The one word a person sees for a host, from what is proven, what is heard and what is wanted.
import type { Host, HostState } from '../hosts/host.js';
import type { Workload } from '../workloads/workload.js';
import type { HostVerdict } from './verdict.js';

export function hostState(host: Host, verdict: HostVerdict | null, workloads: readonly Workload[]): HostState {
  if (host.condition !== 'online') return host.condition;
  if (verdict?.hearing === 'suspect' || verdict?.hearing === 'silent') return 'suspect';
  if (host.intent === 'maintenance') return isEmpty(host, workloads) ? 'maintenance' : 'draining';
  return 'online';
}

function isEmpty(host: Host, workloads: readonly Workload[]): boolean {
  return !workloads.some((workload) => workload.hostId === host.id && RUNS_THERE.has(workload.state));
}

const RUNS_THERE: ReadonlySet<Workload['state']> = new Set(['running', 'starting', 'stopping', 'migrating', 'paused']);
