// Local disk: what is made or copied there finds room in the host's pool, as far as sizes are known.
import type { Host } from '../../hosts/host.js';
import type { HostFacts } from '../../hosts/host-facts.js';
import type { Workload } from '../../workloads/workload.js';
import type { Filter } from '../filter.js';
import { copiedTo, promisedTo } from '../placed-at.js';
import type { PlacementView } from '../placement.js';

interface PoolRoom {
  readonly freeMiB: number;
  readonly totalMiB: number;
}

interface Brought {
  readonly pool: string;
  readonly mib: number;
}

export const diskFits: Filter = ({ facts, workload, companions, view, host, home }) => {
  for (const { pool, mib } of bringsTo(workload, host, home)) {
    const room = roomOf(facts, workload, pool);
    if (room === null) continue;
    const coming = comingTo(view, host, [workload, ...companions]).reduce((sum, one) => sum + alsoBringsMiB(one, pool, workload, host), 0);
    const free = Math.max(0, room.freeMiB - coming);
    if (mib > free) return { code: 'disk', why: `needs ${size(mib)} in pool ${pool}, ${size(free)} free of ${size(room.totalMiB)}${coming > 0 ? `, without the ${size(coming)} of what else comes there` : ''}` };
  }
  return null;
};

const NOTHING: readonly Brought[] = [];

/** With those that come along: nobody's room was taken yet. */
function comingTo(view: PlacementView, host: Host, [workload, ...companions]: readonly Workload[]): readonly Workload[] {
  const on = [...promisedTo(view, host.id), ...copiedTo(view.workloads, host.id)].filter((one) => one.id !== workload?.id && !companions.includes(one));
  return [...companions, ...new Set(on)];
}

/** What it would add to pools there, as far as anybody knows. */
function bringsTo(workload: Workload, host: Host, home: Host | null): readonly Brought[] {
  const { needs, hostId, replica } = workload;
  if (hostId === host.id) return NOTHING;
  const { instance } = needs;
  // What has a home has its disks already, in pools that both hosts share.
  if (instance === null) return hostId === null ? newDisks(workload) : NOTHING;
  // A copy that is there is written over. From a host that is lost nothing is copied: what comes then comes with its pool.
  const comesWhole = replica?.hostId !== host.id && (home === null ? hostId === null : home.condition === 'online');
  return instance.rootMiB === undefined || !comesWhole ? NOTHING : [{ pool: instance.pool, mib: instance.rootMiB }];
}

function newDisks({ needs }: Workload): readonly Brought[] {
  if (!needs.disks.some(({ sizeMiB }) => sizeMiB !== undefined)) return NOTHING;
  const byPool = new Map<string, number>();
  for (const { pool, sizeMiB } of needs.disks) if (pool !== null && sizeMiB !== undefined) byPool.set(pool, (byPool.get(pool) ?? 0) + sizeMiB);
  return [...byPool].map(([pool, mib]) => ({ pool, mib }));
}

/** Whole: the host knows that it has it. */
const isCopiedThere = ({ replica }: Workload, host: Host): boolean => replica !== null && replica.hostId === host.id && replica.asOfMs !== null;

/** One on its way takes its part of the same daemon's pool, wherever it comes from. */
function alsoBringsMiB(one: Workload, pool: string, workload: Workload, host: Host): number {
  if (one.needs.driver !== workload.needs.driver || (one.hostId === host.id && one.isDefinedAtHome)) return 0;
  if (one.needs.instance !== null) return one.needs.instance.pool === pool && !isCopiedThere(one, host) ? (one.needs.instance.rootMiB ?? 0) : 0;
  return one.needs.disks.reduce((sum, disk) => sum + (disk.pool === pool ? (disk.sizeMiB ?? 0) : 0), 0);
}

function roomOf(facts: HostFacts, { needs: { driver } }: Workload, pool: string): PoolRoom | null {
  if (driver === 'libvirt') return facts.pools.find(({ name }) => name === pool) ?? null;
  const found = facts.containerDaemons.find((one) => one.driver === driver)?.pools.find(({ name }) => name === pool);
  // There the size of a root disk is what it may take at most, and nothing is set aside for it.
  return found?.freeMiB === undefined || THIN.has(found.driver) ? null : { freeMiB: found.freeMiB, totalMiB: found.totalMiB ?? found.freeMiB };
}

const THIN: ReadonlySet<string> = new Set(['zfs', 'btrfs', 'lvm', 'lvmcluster', 'ceph', 'cephfs']);

const size = (value: number): string => `${value.toLocaleString('en-US')} MiB`;
