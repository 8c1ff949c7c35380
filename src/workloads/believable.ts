// Which looks at a host count for a workload.
import { isOff, type HostCondition, type HostProof } from '../hosts/host.js';
import type { DriverName, ObservedWorkload } from '../hosts/hypervisor.js';
import type { HostId } from '../shared/ids.js';
import { isOffFor, proofCovers } from './proof-covers.js';
import type { Workload } from './workload.js';

/** What a host's hypervisors showed; see HostInventory. */
export interface HostLook {
  readonly atMs: number;
  readonly bootId: string;
  readonly workloads: readonly ObservedWorkload[];
  readonly mute?: readonly { readonly driver: DriverName }[];
  readonly unadmitted?: { readonly proofAtMs: number | null };
}

/** One host, and the latest that was seen of it. */
export interface ObservedHost {
  readonly hostId: HostId;
  readonly name: string;
  readonly condition: HostCondition;
  readonly conditionSinceMs: number;
  readonly proof: HostProof | null;
  readonly inventory: HostLook | null;
}

interface Judged {
  readonly workload: Workload;
  readonly changedAtMs: number;
  readonly nowMs: number;
  readonly inventoryMaxAgeMs: number;
}

/** The end of an operation is written down by the database's clock, a look by that of the replica which took it. */
export const CLOCKS_MS = 200;

/** Not older than the last change, nor than the bound, nor from before the host was proven off; and said by the hypervisor that would run it. */
export function believable({ workload, changedAtMs, nowMs, inventoryMaxAgeMs }: Judged, host: ObservedHost): HostLook | null {
  const { inventory } = host;
  if (!inventory) return null;
  if (inventory.unadmitted) return runsUnadmitted(host, workload) ? inventory : null;
  if (isMute(inventory, workload.needs.driver)) return null;
  if (inventory.atMs <= changedAtMs + (changedAtMs > 0 ? CLOCKS_MS : 0)) return null;
  if (nowMs - inventory.atMs > inventoryMaxAgeMs) return null;
  return isOff(host) && inventory.atMs <= host.conditionSinceMs ? null : inventory;
}

/**
 * Its re-admission saw a process of it there. Nobody else asks that host, and none of our commands can have ended it there since: it counts however old
 * it is, until the host is admitted, or another proof says that it is gone. A new boot ends what ran in the one before.
 */
export function runsUnadmitted({ hostId, condition, proof, inventory }: Pick<ObservedHost, 'hostId' | 'condition' | 'proof' | 'inventory'>, workload: Pick<Workload, 'uuid' | 'leasedOn'>): boolean {
  if (!inventory?.unadmitted || condition === 'online') return false;
  if (!inventory.workloads.some(({ uuid, runState }) => uuid === workload.uuid && runState !== 'stopped')) return false;
  const isNew = proof !== null && proof.atMs !== inventory.unadmitted.proofAtMs;
  return !(isNew && proofCovers({ id: hostId, proof }, workload) && (proof.kind !== 'new-boot' || proof.bootId === inventory.bootId));
}

/** That hypervisor did not answer: of what it runs an inventory says nothing. */
export const isMute = (inventory: Pick<HostLook, 'mute'>, driver: DriverName): boolean => inventory.mute?.some((one) => one.driver === driver) ?? false;

/** The end of its lease does not say that what came there otherwise has ended. */
export const isOffForIt = (workload: Workload, { hostId, condition, proof }: ObservedHost): boolean => isOffFor({ id: hostId, condition, proof }, workload);
