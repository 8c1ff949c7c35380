// What a host that came back was seen to run, though it belongs elsewhere, is kept for whoever decides about it.
import type { Host } from '../../hosts/host.js';
import type { ObservedWorkload } from '../../hosts/hypervisor.js';
import type { ReadmissionContext } from '../../hosts/run-readmission.js';
import type { ClusterView } from '../cluster-view.js';
import type { ExecutePorts } from './execute-ports.js';

/**
 * A host that is not admitted is asked by nobody else: what it was seen to run is kept as its inventory, and is started nowhere. The time is that
 * before the question, and after the proof that it was off, whatever this replica's clock says.
 */
export function rememberCopies({ store, clock }: Pick<ExecutePorts, 'store' | 'clock'>, host: Host, { view, bootId }: { readonly view: ClusterView; readonly bootId: string }): ReadmissionContext['onCopies'] {
  const atMs = Math.max(clock.nowMs(), host.conditionSinceMs + 1);
  return ({ workloads, processes }) => {
    const denied = view.workloads.filter(({ uuid }) => processes.includes(uuid) && !workloads.some((one) => one.uuid === uuid && one.runState !== 'stopped'));
    const byTheKernel = denied.map(({ uuid, name, kind, needs: { driver, vcpus, memoryMiB } }): ObservedWorkload => ({ uuid, name, kind, driver, runState: 'running', reason: 'its process is there', vcpus, memoryMiB, autostart: false, persistent: true }));
    const shown = workloads.filter(({ uuid }) => !denied.some((one) => one.uuid === uuid));
    return store.saveInventory({ hostId: host.id, atMs, bootId, workloads: [...shown, ...byTheKernel] });
  };
}
