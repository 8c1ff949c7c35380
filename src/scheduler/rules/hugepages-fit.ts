// Hugepages: the host has pages of the workload's size that no other workload placed there has.
import { pageSizeText, type HugepagePool } from '../../hosts/hugepages.js';
import type { Workload } from '../../workloads/workload.js';
import type { Filter, FilterRefusal } from '../filter.js';
import { hasHugepages, withHugepagesAt } from '../placed-at.js';

export const hugepagesFit: Filter = ({ facts, workload, companions, view, host }) => {
  if (!hasHugepages(workload.needs) && !companions.some(({ needs }) => hasHugepages(needs))) return null;
  const { hugepages } = facts;
  // Looked at by an older release: its hypervisor says no when there are none.
  if (hugepages === undefined) return null;
  const wanted = [workload, ...companions];
  const missing = wanted.flatMap(({ needs }) => needs.hugepages ?? []).find(({ sizeKiB }) => poolFor(hugepages, sizeKiB) === undefined);
  if (missing) return { code: 'hugepages', why: `needs hugepages of ${missing.sizeKiB === null ? 'the default size' : pageSizeText(missing.sizeKiB)}, ${host.name} has ${hugepages.length === 0 ? 'none' : `only ${hugepages.map(({ sizeKiB }) => pageSizeText(sizeKiB)).join(', ')}`}` };
  const there = withHugepagesAt(view, host.id, wanted);
  for (const pool of hugepages) {
    const refusal = tooMany({ pool, hugepages, wanted, there, companions });
    if (refusal) return refusal;
  }
  return null;
};

interface Asked {
  readonly pool: HugepagePool;
  readonly hugepages: readonly HugepagePool[];
  readonly wanted: readonly Workload[];
  readonly there: readonly Workload[];
  readonly companions: readonly Workload[];
}

function tooMany({ pool, hugepages, wanted, there, companions }: Asked): FilterRefusal | null {
  const needed = pagesOf(wanted, pool, hugepages);
  const free = Math.max(0, pool.total - pagesOf(there, pool, hugepages));
  if (needed <= free) return null;
  const along = companions.length > 0 ? `with ${companions.map(({ name }) => name).join(', ')} ` : '';
  return { code: 'hugepages', why: `${along}needs ${count(needed)} hugepages of ${pageSizeText(pool.sizeKiB)}, ${count(free)} free of ${count(pool.total)}` };
}

const poolFor = (hugepages: readonly HugepagePool[], sizeKiB: number | null): HugepagePool | undefined => hugepages.find((one) => (sizeKiB === null ? one.isDefault : one.sizeKiB === sizeKiB));

/** Each has whole pages of its own. */
function pagesOf(workloads: readonly Workload[], pool: HugepagePool, hugepages: readonly HugepagePool[]): number {
  let pages = 0;
  for (const { needs } of workloads) for (const { sizeKiB, memoryMiB } of needs.hugepages ?? []) if (poolFor(hugepages, sizeKiB) === pool) pages += Math.ceil((memoryMiB * 1024) / pool.sizeKiB);
  return pages;
}

const count = (value: number): string => value.toLocaleString('en-US');
