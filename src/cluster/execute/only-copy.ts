// A host that comes back runs what belongs elsewhere: is that the only copy, moved there by hand, or one of two?
import type { Host } from '../../hosts/host.js';
import type { ObservedWorkload } from '../../hosts/hypervisor.js';
import { OperationalError } from '../../shared/errors.js';
import { isOffFor } from '../../workloads/proof-covers.js';
import type { ExecutePorts } from './execute-ports.js';

/**
 * True only when nothing else can be: nothing of ours is under way, and every other member, asked now, shows no process of it, its home not even a
 * definition (or one that says that it was migrated). A member that does not answer may have it, unless it is proven off.
 */
export async function isOnlyCopy({ store, world }: Pick<ExecutePorts, 'store' | 'world'>, here: Host, uuid: string): Promise<boolean> {
  const { workloads, hosts, operations } = await store.readView();
  const workload = workloads.find((one) => one.uuid === uuid);
  if (!workload) return false;
  // It was seen here, and is placed here by now.
  if (workload.hostId === here.id) return true;
  if (operations.some((one) => one.workloadId === workload.id)) return false;
  const others = hosts.filter((one) => one.id !== here.id && one.condition !== 'enrolling' && !isOffFor(one, workload));
  if (!others.some((one) => one.id === workload.hostId) || others.some((one) => one.condition !== 'online')) return false;
  const free = await Promise.all(others.map((one) => isFreeOf(world, one, uuid, one.id === workload.hostId)));
  return free.every(Boolean);
}

async function isFreeOf(world: ExecutePorts['world'], host: Host, uuid: string, isHome: boolean): Promise<boolean> {
  try {
    const seen = await world.hypervisorOf(host).observe(uuid);
    return seen === null || (isHome ? wasMigrated(seen) : seen.runState === 'stopped');
  } catch (error) {
    if (error instanceof OperationalError) return false;
    throw error;
  }
}

const wasMigrated = ({ runState, reason }: ObservedWorkload): boolean => runState === 'stopped' && reason === 'migrated';
