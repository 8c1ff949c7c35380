// The hosts of a view as rows of numbers, in the order of their ids: what they give, and what is used of it.
import type { Host } from '../hosts/host.js';
import type { HostId } from '../shared/ids.js';
import { hostsById } from './hosts-by-id.js';
import type { PlacementPolicy, PlacementView } from './placement.js';
import { cpus, memory } from './resources.js';
import { sizeFor } from './score-evenness.js';
import { usageAt } from './usage.js';

export interface HostRows {
  readonly hosts: readonly Host[];
  readonly rowOf: ReadonlyMap<HostId, number>;
  /** What workloads may take; -Infinity where sizes are not known. */
  readonly memoryLimit: Float64Array;
  readonly cpuLimit: Float64Array;
  /** Of what evenness counts shares. */
  readonly memorySize: Float64Array;
  readonly cpuSize: Float64Array;
}

export interface UsageRows {
  readonly memoryMiB: Float64Array;
  readonly vcpus: Float64Array;
  readonly workloads: Float64Array;
  readonly usedMemoryMiB: Float64Array;
  readonly usedCpus: Float64Array;
}

/** A view's hosts and its policy never change. */
const SIZES = new WeakMap<readonly Host[], { readonly policy: PlacementPolicy; readonly rows: HostRows }>();

export function hostRows({ hosts, policy }: Pick<PlacementView, 'hosts' | 'policy'>): HostRows {
  const known = SIZES.get(hosts);
  if (known?.policy === policy) return known.rows;
  const sorted = hostsById(hosts);
  const column = (): Float64Array => new Float64Array(sorted.length).fill(Number.NEGATIVE_INFINITY);
  const rows: HostRows = { hosts: sorted, rowOf: new Map(sorted.map(({ id }, row) => [id, row])), memoryLimit: column(), cpuLimit: column(), memorySize: column(), cpuSize: column() };
  sorted.forEach(({ facts }, row) => {
    if (facts === null) return;
    const size = sizeFor(facts, policy);
    rows.memoryLimit[row] = memory.limit(facts, policy);
    rows.cpuLimit[row] = cpus.limit(facts, policy);
    rows.memorySize[row] = size.memoryMiB;
    rows.cpuSize[row] = size.cpus;
  });
  SIZES.set(hosts, { policy, rows });
  return rows;
}

interface Counted {
  readonly rows: HostRows;
  readonly workloads: PlacementView['workloads'];
  readonly strangers: PlacementView['strangers'];
  readonly usage: UsageRows;
  /** Promises that are counted. */
  read: number;
}

/** Promises grow at their end while a round places one workload after the other: only the hosts of new ones are counted again. */
const COUNTED = new WeakMap<PlacementView['promised'], Counted>();

export function usageRows(view: PlacementView, rows: HostRows): UsageRows {
  const { promised, workloads, strangers } = view;
  const known = COUNTED.get(promised);
  const isKnown = known !== undefined && known.rows === rows && known.workloads === workloads && known.strangers === strangers && known.read <= promised.length;
  const counted = isKnown ? known : countedAnew(view, rows);
  for (; counted.read < promised.length; counted.read += 1) {
    const row = rows.rowOf.get(promised[counted.read]?.hostId as HostId);
    if (row !== undefined) countAt(view, rows, counted.usage, row);
  }
  return counted.usage;
}

function countedAnew(view: PlacementView, rows: HostRows): Counted {
  const { length } = rows.hosts;
  const column = (): Float64Array => new Float64Array(length);
  const usage: UsageRows = { memoryMiB: column(), vcpus: column(), workloads: column(), usedMemoryMiB: column(), usedCpus: column() };
  for (let row = 0; row < length; row += 1) countAt(view, rows, usage, row);
  const counted = { rows, workloads: view.workloads, strangers: view.strangers, usage, read: view.promised.length };
  COUNTED.set(view.promised, counted);
  return counted;
}

function countAt(view: PlacementView, { hosts }: HostRows, usage: UsageRows, row: number): void {
  const host = hosts[row];
  if (!host) return;
  const { memoryMiB, vcpus, workloads, usedMemoryMiB, usedCpus } = usageAt(view, host.id);
  usage.memoryMiB[row] = memoryMiB;
  usage.vcpus[row] = vcpus;
  usage.workloads[row] = workloads;
  usage.usedMemoryMiB[row] = usedMemoryMiB;
  usage.usedCpus[row] = usedCpus;
}
