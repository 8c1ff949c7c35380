// Which part of a domain's memory lies in hugepages, and in which: for all of it, or for some nodes of its own NUMA.
import type { HugepageNeed } from '../../../workloads/hugepage-needs.js';
import { all, first, type XmlElement } from './xml.js';

/** Of libvirt's units of memory, in KiB. */
export const KIB_OF_UNIT: Readonly<Record<string, number>> = {
  b: 1 / 1024, bytes: 1 / 1024, KB: 1000 / 1024, k: 1, KiB: 1, MB: 1e6 / 1024, M: 1024, MiB: 1024,
  GB: 1e9 / 1024, G: 1024 ** 2, GiB: 1024 ** 2, TB: 1e12 / 1024, T: 1024 ** 3, TiB: 1024 ** 3,
};

/** Pages of this size are no huge ones: a way to say that some nodes have ordinary memory. */
const ORDINARY_PAGE_KIB = 4;

export function hugepagesOf(domain: XmlElement, memoryMiB: number): readonly HugepageNeed[] {
  const backing = first(domain, 'memoryBacking/hugepages');
  if (!backing) return [];
  const pages = all(backing, 'page');
  if (pages.length === 0) return [{ sizeKiB: null, memoryMiB }];
  const cells = all(domain, 'cpu/numa/cell').map((cell, index) => ({ id: Number(cell.attributes['id'] ?? index), mib: Math.ceil(kib(cell.attributes['memory'], cell.attributes['unit']) / 1024) }));
  const named = pages.map((page) => ({ page, nodes: nodesOf(page.attributes['nodeset']) }));
  const others = (id: number): boolean => !named.some(({ nodes }) => nodes?.has(id));
  return named.flatMap(({ page, nodes }) => {
    const sizeKiB = kib(page.attributes['size'], page.attributes['unit']);
    const share = cells.length === 0 ? memoryMiB : cells.filter(({ id }) => nodes?.has(id) ?? others(id)).reduce((sum, { mib }) => sum + mib, 0);
    return sizeKiB > ORDINARY_PAGE_KIB && share > 0 ? [{ sizeKiB, memoryMiB: share }] : [];
  });
}

function kib(count: string | undefined, unit: string | undefined): number {
  return Number(count ?? 0) * (KIB_OF_UNIT[unit ?? 'KiB'] ?? 0);
}

/** "0-3,5"; "^2" takes one out again. Null: of all that no other page names. */
function nodesOf(nodeset: string | undefined): ReadonlySet<number> | null {
  if (nodeset === undefined) return null;
  const nodes = new Set<number>();
  for (const part of nodeset.split(',')) {
    const [, not, from, to] = /^\s*(\^?)(\d+)(?:-(\d+))?\s*$/.exec(part) ?? [];
    const last = Math.min(Number(to ?? from), Number(from) + MOST_NODES);
    for (let node = Number(from); node <= last; node += 1) if (not) nodes.delete(node);
    else nodes.add(node);
  }
  return nodes;
}

/** More than any guest has; a bound for the loop above. */
const MOST_NODES = 1_024;
