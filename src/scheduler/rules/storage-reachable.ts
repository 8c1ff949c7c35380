// Storage: every disk lies in a pool that the host shares, proven by the pool's marker.
import type { Host } from '../../hosts/host.js';
import type { WorkloadDisk } from '../../workloads/workload.js';
import type { Filter, FilterInput } from '../filter.js';

export const storageReachable: Filter = (input) => {
  for (const disk of input.workload.needs.disks) {
    const why = whyNot(input, disk);
    if (why) return { code: 'pool-unreachable', why };
  }
  return null;
};

function whyNot({ view, workload, host, facts }: FilterInput, disk: WorkloadDisk): string | null {
  if (workload.hostId === null || workload.hostId === host.id) return whyNoPool(facts.pools.some((pool) => pool.name === disk.pool), disk, host);
  const home = view.hosts.find((one) => one.id === workload.hostId);
  const source = home?.facts?.pools.find((pool) => pool.name === disk.pool);
  if (disk.pool === null || !source) return `disk ${disk.target} (${disk.path}) lies in no pool that Reeve knows, so not on ${host.name}`;
  if (source.markerId === null) return `pool ${disk.pool} has no marker, so nobody knows whether ${host.name} shares it`;
  const target = facts.pools.find((pool) => pool.name === disk.pool);
  if (!target) return `${host.name} has no pool ${disk.pool}`;
  if (target.path !== source.path) return `pool ${disk.pool} is at ${target.path} on ${host.name}, at ${source.path} on ${home?.name ?? 'its host'}`;
  if (target.markerId !== source.markerId) return `pool ${disk.pool} of ${host.name} is another storage than on ${home?.name ?? 'its host'} (disk ${disk.target})`;
  return null;
}

function whyNoPool(known: boolean, disk: WorkloadDisk, host: Host): string | null {
  return known || disk.pool === null ? null : `${host.name} has no pool ${disk.pool}`;
}
