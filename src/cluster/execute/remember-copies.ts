// What a host that came back was seen to run is kept for whoever decides about it: its re-admission alone asks that host.
import type { Host } from '../../hosts/host.js';
import type { ObservedWorkload } from '../../hosts/hypervisor.js';
import type { ReadmissionContext } from '../../hosts/run-readmission.js';
import type { ClusterView } from '../cluster-view.js';
import type { ExecutePorts } from './execute-ports.js';

interface ReadmissionSeen {
  /** As it was before the look. */
  readonly view: ClusterView;
  readonly bootId: string;
}

/** Each look replaces the one before, whatever this replica's clock says; of a hypervisor that is mute, what was seen before stays. */
export function rememberCopies({ store, clock }: Pick<ExecutePorts, 'store' | 'clock'>, host: Host, { view, bootId }: ReadmissionSeen): ReadmissionContext['onLook'] {
  return async ({ workloads, mute, processes }) => {
    const last = (await store.readView()).inventories.find((one) => one.hostId === host.id);
    const running = workloads.filter((one) => one.runState !== 'stopped');
    const before = last?.unadmitted && last.bootId === bootId ? last.workloads.filter(({ driver }) => mute.some((one) => one.driver === driver)) : [];
    const shown = [...running, ...before];
    const denied = view.workloads.filter(({ uuid }) => processes.includes(uuid) && !shown.some((one) => one.uuid === uuid));
    const atMs = Math.max(clock.nowMs(), (last?.atMs ?? 0) + 1);
    await store.saveInventory({ hostId: host.id, atMs, bootId, workloads: [...shown, ...denied.map(byTheKernel)], unadmitted: { proofAtMs: host.proof?.atMs ?? null } });
  };
}

/** Its process is there, whatever the hypervisor says. */
function byTheKernel({ uuid, name, kind, needs: { driver, vcpus, memoryMiB } }: ClusterView['workloads'][number]): ObservedWorkload {
  return { uuid, name, kind, driver, runState: 'running', reason: 'its process is there', vcpus, memoryMiB, autostart: false, persistent: true };
}
