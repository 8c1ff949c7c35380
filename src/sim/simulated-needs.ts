// What a simulated guest's definition needs of a host: libvirt's reading, and of one whose data lie at its host, LXD's.
import { needsOf as readNeeds } from '../hosts/drivers/libvirt/domain-needs.js';
import type { WorkloadNeeds } from '../workloads/workload.js';

type Pools = Parameters<typeof readNeeds>[1];

/** In the definition of a guest that has its own storage at its host. */
export const LOCAL_STORAGE = '<description>storage: local';
/** The rest of it: `default`, or a pool that lies on a LUN; and how large it is at most, where that is known. */
export const storageIn = (pool: string, rootMiB?: number): string => `${LOCAL_STORAGE}, pool ${pool}${rootMiB === undefined ? '' : `, root ${rootMiB} MiB`}</description>`;
export const lunPoolOf = (host: string): string => `ha-${host}`;

/** Reading XML costs more than all the rest of a look; definitions repeat. */
const READ = new WeakMap<readonly object[], Map<string, WorkloadNeeds>>();
const NO_POOLS: readonly never[] = [];

export function simulatedNeeds(definition: string, pools: Pools): WorkloadNeeds {
  const place = pools.length === 0 ? NO_POOLS : pools;
  const known = READ.get(place) ?? new Map<string, WorkloadNeeds>();
  READ.set(place, known);
  const read = known.get(definition) ?? needsOf(definition, pools);
  known.set(definition, read);
  return read;
}

function needsOf(definition: string, pools: Pools): WorkloadNeeds {
  const needs = readNeeds(definition, pools);
  if (!definition.includes(LOCAL_STORAGE)) return needs;
  const [, pool = 'default', root] = /storage: local, pool ([^<,]*)(?:, root (\d+) MiB)?</.exec(definition) ?? [];
  return { ...needs, disks: [], accelerator: 'none', driver: 'lxd', instance: { pool, ...(root === undefined ? {} : { rootMiB: Number(root) }), profiles: ['default'], networks: [] } };
}
