// Storage: every disk lies in a pool that the host shares with the workload's home, proven by the pool's marker.
import type { Host } from '../../hosts/host.js';
import type { StoragePool } from '../../hosts/host-facts.js';
import type { WorkloadDisk } from '../../workloads/workload.js';
import type { Filter, FilterInput } from '../filter.js';

export const storageReachable: Filter = (input) => {
  for (const disk of input.workload.needs.disks) {
    const why = whyNot(input, disk);
    if (why) return { code: 'pool-unreachable', why };
  }
  return null;
};

function whyNot(input: FilterInput, disk: WorkloadDisk): string | null {
  const { workload, host, facts } = input;
  const target = facts.pools.find((pool) => pool.name === disk.pool);
  // Placed nowhere yet, or asked about its own host: nothing is to be shared with another one.
  if (workload.hostId === null || workload.hostId === host.id) return target || disk.pool === null ? null : `${host.name} has no pool ${disk.pool}`;
  if (disk.pool === null) return `disk ${disk.target} (${disk.path}) lies in no pool that Reeve knows, so not on ${host.name}`;
  const home = homePool(input, disk);
  if (typeof home === 'string') return home;
  if (!target) return `${host.name} has no pool ${disk.pool}`;
  if (target.path !== home.path) return `pool ${disk.pool} is at ${target.path} on ${host.name}, at ${home.path} where disk ${disk.target} lies`;
  if (target.markerId === home.markerId) return null;
  if (target.markerId === null) return `pool ${disk.pool} of ${host.name} has no marker, so nobody knows whether it is the shared one; \`reeve host refresh ${host.name}\``;
  return `pool ${disk.pool} of ${host.name} is another storage than the one where disk ${disk.target} lies`;
}

/** The pool with the disk as its home shows it, or as several others show it alike when its home can't; else why it is not known. */
function homePool({ view, home, workload }: FilterInput, disk: WorkloadDisk): StoragePool | string {
  const own = home?.facts?.pools.find((pool) => pool.name === disk.pool) ?? sharedByOthers(view.hosts, workload.hostId, disk);
  if (!own) return `${home?.name ?? 'its host'} does not show pool ${disk.pool} of disk ${disk.target}, so nobody knows who shares it`;
  return own.markerId === null ? `pool ${disk.pool} of ${home?.name ?? 'its host'} has no marker, so nobody knows who shares it` : own;
}

/** One host alone would prove nothing: its pool of that name may be its own. */
const WITNESSES = 2;

function sharedByOthers(hosts: readonly Host[], homeId: string | null, disk: WorkloadDisk): StoragePool | null {
  const holds = (pool: StoragePool): boolean => pool.name === disk.pool && pool.markerId !== null && disk.path.startsWith(`${pool.path}/`);
  const pools = hosts.filter((host) => host.id !== homeId).flatMap((host) => host.facts?.pools.filter(holds) ?? []);
  const first = pools[0];
  if (!first || pools.length < WITNESSES) return null;
  return pools.every((pool) => pool.markerId === first.markerId && pool.path === first.path) ? first : null;
}
