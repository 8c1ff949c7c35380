// What a host has left once data have come to it: known with the end of the operation, so that the next placement does not count on the same room.
import type { Host } from '../../hosts/host.js';
import { poolOf, type Workload } from '../../workloads/workload.js';
import type { Change } from '../change.js';
import type { Ending } from '../run-operation.js';
import { freshHost, type ExecutePorts } from './execute-ports.js';

/** Only where the room of its pool is known at all. A host that does not answer now is looked at again soon. */
export async function withFactsAfter(ports: ExecutePorts, { target, workload }: { readonly target: Host; readonly workload: Workload }, ending: Ending): Promise<Ending> {
  if (ending.state !== 'succeeded' || !knowsRoom(target, workload)) return ending;
  const facts = await ports.world.hypervisorOf(target).facts().catch(() => null);
  const now = await freshHost(ports, target);
  if (facts === null || now?.condition !== 'online' || now.bootId !== facts.bootId) return ending;
  const change: Change = { change: 'host', id: target.id, set: { facts } };
  return { ...ending, changes: [change, ...ending.changes] };
}

function knowsRoom({ facts }: Host, workload: Workload): boolean {
  const own = poolOf(workload);
  if (own === null) return false;
  const pools = facts?.containerDaemons.find(({ driver }) => driver === own.driver)?.pools ?? [];
  // Of one that is not made yet, its profile says where it lies.
  return pools.some((pool) => pool.freeMiB !== undefined && (own.pool === '' || pool.name === own.pool));
}
