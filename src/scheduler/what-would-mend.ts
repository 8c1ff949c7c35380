// How much more room, and where, would give those that stay down a place: the least that is found, on top of how the rest was placed.
import type { HostId } from '../shared/ids.js';
import { NOWHERE } from './packing/cluster-model.js';
import type { Packing } from './packing/packing.js';
import { CPUS, MEMORY, RESOURCES } from './resources.js';

const WIDTH = RESOURCES.length;
/** What one of each resource that is missing weighs, in MiB, when a way is to be chosen: a vCPU as a GiB, a hugepage as its size. */
const WEIGHTS = [1, 1_024, 2, 1_024] as const;

/** Null: room alone would not do. Leaves the packing as it was. */
export function whatWouldMend(packing: Packing, lost: ReadonlySet<HostId>, down: readonly number[]): string | null {
  if (down.length === 0) return null;
  const ways = [allOnOne(packing, lost, down), oneByOne(packing, lost, down)].filter((way) => way !== null);
  const [least] = ways.sort((one, other) => weightOf(one) - weightOf(other));
  return least ? described(packing, least) : null;
}

/** By host row: what is missing there of each resource. */
type Missing = ReadonlyMap<number, readonly number[]>;

const weightOf = (missing: Missing): number => [...missing.values()].reduce((sum, lacks) => sum + weigh(lacks), 0);

/** Each where the least is missing, counting those before. */
function oneByOne(packing: Packing, lost: ReadonlySet<HostId>, down: readonly number[]): Missing | null {
  return tried(packing, down, (unit, used) => {
    let best = NOWHERE;
    let least = Number.POSITIVE_INFINITY;
    for (const host of openRows(packing, lost)) {
      if (!packing.maySit(unit, host)) continue;
      const weight = addedWeight(packing, unit, host, used.has(host));
      if (weight < least) [best, least] = [host, weight];
    }
    return best;
  });
}

/** One host that takes them all: people add memory to one machine rather than to three. */
function allOnOne(packing: Packing, lost: ReadonlySet<HostId>, down: readonly number[]): Missing | null {
  if (down.length === 1) return null;
  const ways = openRows(packing, lost).map((host) => tried(packing, down, (unit) => (packing.maySit(unit, host) ? host : NOWHERE))).filter((way) => way !== null);
  return ways.sort((one, other) => weightOf(one) - weightOf(other))[0] ?? null;
}

const openRows = ({ model: { hosts } }: Packing, lost: ReadonlySet<HostId>): readonly number[] => hosts.flatMap(({ id, facts }, row) => (facts !== null && !lost.has(id) ? [row] : []));

const lacksAt = (packing: Packing, host: number): readonly number[] => RESOURCES.map((_resource, nth) => Math.max(0, -(packing.free[host * WIDTH + nth] ?? 0)));
const weigh = (lacks: readonly number[]): number => lacks.reduce((sum, lack, nth) => sum + lack * (WEIGHTS[nth] ?? 1), 0);

/** Where more than there is was given out already, that is missing too. */
function addedWeight(packing: Packing, unit: number, host: number, isCounted: boolean): number {
  const before = isCounted ? weigh(lacksAt(packing, host)) : 0;
  packing.put(unit, host);
  const after = weigh(lacksAt(packing, host));
  packing.take(unit);
  return after - before;
}

/** Puts all as told, looks at what is missing, and takes them back. */
function tried(packing: Packing, down: readonly number[], choose: (unit: number, used: ReadonlySet<number>) => number): Missing | null {
  const used = new Set<number>();
  const put: number[] = [];
  for (const unit of down) {
    const host = choose(unit, used);
    if (host === NOWHERE) break;
    used.add(host);
    packing.put(unit, host);
    put.push(unit);
  }
  const missing = new Map([...used].map((host) => [host, lacksAt(packing, host)] as const));
  for (const unit of put) packing.take(unit);
  return put.length === down.length ? missing : null;
}

function described({ model: { hosts } }: Packing, missing: Missing): string {
  const parts = [...missing].filter(([, lacks]) => weigh(lacks) > 0).map(([host, lacks]) => {
    const what = lacks.flatMap((lack, nth) => (lack > 0 ? [wordsOf(nth, lack)] : [])).join(' and ');
    return `${what} on ${hosts[host]?.name ?? ''}`;
  });
  return parts.join(', and ');
}

function wordsOf(nth: number, lack: number): string {
  if (nth === MEMORY) return `${lack.toLocaleString('en-US')} MiB more free memory`;
  return nth === CPUS ? `room for ${lack} more vCPUs` : `${lack.toLocaleString('en-US')} more free hugepages of ${WEIGHTS[nth] === 2 ? '2 MiB' : '1 GiB'}`;
}
