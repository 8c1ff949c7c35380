// What the inventories of all hosts say about one workload now, as findings.
import type { Host } from '../hosts/host.js';
import { driversOf } from '../hosts/drivers-of.js';
import type { DriverName } from '../hosts/hypervisor.js';
import { runsUnadmitted, type ObservedHost } from '../workloads/believable.js';
import { reconcileObserved, type Finding } from '../workloads/reconcile-observed.js';
import type { Workload } from '../workloads/workload.js';
import type { ClusterPolicy } from './cluster-policy.js';
import type { ClusterView } from './cluster-view.js';
import type { HostId } from '../shared/ids.js';

interface Observing {
  readonly view: ClusterView;
  readonly nowMs: number;
  readonly policy: ClusterPolicy;
}

export function findingsOf({ view, nowMs, policy }: Observing, workload: Workload): readonly Finding[] {
  return reconcileObserved({
    workload: asSeen(view, workload),
    hosts: observedHosts(view),
    operationActive: view.operations.some((operation) => operation.workloadId === workload.id),
    changedAtMs: lastChangeMs(view, workload),
    nowMs,
    inventoryMaxAgeMs: policy.inventoryMaxAgeMs,
  });
}

/** Its host answers after all, or is proven off: what is seen counts, whatever was feared before. */
function asSeen(view: ClusterView, workload: Workload): Workload {
  const home = view.hosts.find((host) => host.id === workload.hostId);
  const known = home?.condition === 'online' || home?.condition === 'fenced' || home?.condition === 'offline';
  return workload.state === 'awaiting-fence' && known ? { ...workload, state: 'running' } : workload;
}

/** The same for every workload of a view. */
const KNOWN = new WeakMap<ClusterView, readonly ObservedHost[]>();

function observedHosts(view: ClusterView): readonly ObservedHost[] {
  const known = KNOWN.get(view) ?? observe(view);
  KNOWN.set(view, known);
  return known;
}

/** A host that came back, is not admitted, and was seen to run it: it is started nowhere else. */
export function seenUnadmitted(view: ClusterView, workload: Workload): ObservedHost | null {
  return observedHosts(view).find((host) => runsUnadmitted(host, workload)) ?? null;
}

/** An inventory of another boot says nothing about this one: a host that was admitted again shows what runs there now. */
function observe(view: ClusterView): readonly ObservedHost[] {
  const inventories = new Map(view.inventories.map((one) => [one.hostId, one]));
  const ofThisBoot = (host: Host): ObservedHost['inventory'] => {
    const inventory = inventories.get(host.id) ?? null;
    return inventory && (host.condition !== 'online' || inventory.bootId === host.bootId) ? inventory : null;
  };
  return view.hosts.map((host) => ({
    hostId: host.id,
    name: host.name,
    condition: host.condition,
    conditionSinceMs: host.conditionSinceMs,
    proof: host.proof,
    inventory: ofThisBoot(host),
  }));
}

/** Operations older than what `recentOperations` remembers ended long before any inventory that is believed. */
export function lastChangeMs(view: Pick<ClusterView, 'recentOperations'>, workload: Workload): number {
  return view.recentOperations.reduce((latest, operation) => (operation.workloadId === workload.id ? Math.max(latest, operation.endedAtMs ?? 0) : latest), 0);
}

/**
 * The hypervisors of each host that have not answered for long, while others' have: their daemons hang or are gone.
 * Measured against the newest look of all, so that a pause of our own says nothing.
 */
export function hypervisorsSilent(view: Pick<ClusterView, 'hosts' | 'inventories'>, maxAgeMs: number): ReadonlyMap<HostId, readonly DriverName[]> {
  const newestMs = Math.max(...view.inventories.filter((one) => !one.unadmitted).map((one) => one.atMs));
  const isLong = (sinceMs: number): boolean => newestMs - sinceMs > maxAgeMs;
  const latest = new Map(view.inventories.map((one) => [one.hostId, one]));
  const silent = new Map<HostId, readonly DriverName[]>();
  for (const { id, condition, bootId, facts } of view.hosts) {
    const last = latest.get(id);
    if (condition !== 'online' || !last || last.bootId !== bootId || last.unadmitted) continue;
    const drivers = isLong(last.atMs) ? driversOf(facts) : (last.mute ?? []).filter(({ sinceMs }) => isLong(sinceMs)).map(({ driver }) => driver);
    if (drivers.length > 0) silent.set(id, drivers);
  }
  return silent;
}
