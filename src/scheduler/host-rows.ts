// The hosts of a view as rows of numbers, in the order of their ids: what is free there, and how even it is.
import type { Host } from '../hosts/host.js';
import type { HostId } from '../shared/ids.js';
import { hostsById } from './hosts-by-id.js';
import type { PlacementPolicy, PlacementView } from './placement.js';
import { cpus, memory } from './resources.js';
import { evennessWith } from './score-evenness.js';
import { usageAt } from './usage.js';

export interface HostRows {
  readonly hosts: readonly Host[];
  readonly rowOf: ReadonlyMap<HostId, number>;
  /** Of what workloads may take; -Infinity where sizes are not known. */
  readonly freeMemoryMiB: Float64Array;
  readonly freeCpus: Float64Array;
  /** What evenness is worth now, before anything is placed. */
  readonly evenness: Float64Array;
}

interface Counted {
  readonly workloads: PlacementView['workloads'];
  readonly strangers: PlacementView['strangers'];
  readonly policy: PlacementPolicy;
  readonly rows: HostRows;
}

/** A view's hosts, workloads and policy never change: without promises they are counted once. */
const PLACED = new WeakMap<readonly Host[], Counted>();

function placedRows(view: PlacementView): Counted {
  const { hosts, workloads, strangers, policy } = view;
  const known = PLACED.get(hosts);
  if (known && known.workloads === workloads && known.strangers === strangers && known.policy === policy) return known;
  const sorted = hostsById(hosts);
  const column = (): Float64Array => new Float64Array(sorted.length).fill(Number.NEGATIVE_INFINITY);
  const rows: HostRows = { hosts: sorted, rowOf: new Map(sorted.map(({ id }, row) => [id, row])), freeMemoryMiB: column(), freeCpus: column(), evenness: column() };
  const without = { ...view, promised: [] };
  for (let row = 0; row < sorted.length; row += 1) countAt(without, rows, row);
  const counted = { workloads, strangers, policy, rows };
  PLACED.set(hosts, counted);
  return counted;
}

interface Promised {
  readonly placed: Counted;
  readonly rows: HostRows;
  /** Promises that are counted. */
  read: number;
}

/** Promises grow at their end while a round places one workload after the other: only the hosts of new ones are counted again. */
const PROMISED = new WeakMap<PlacementView['promised'], Promised>();

export function hostRows(view: PlacementView): HostRows {
  const { promised } = view;
  const placed = placedRows(view);
  const known = PROMISED.get(promised);
  const counted = known !== undefined && known.placed === placed && known.read <= promised.length ? known : { placed, rows: copyOf(placed.rows), read: 0 };
  if (counted !== known) PROMISED.set(promised, counted);
  for (; counted.read < promised.length; counted.read += 1) {
    const row = counted.rows.rowOf.get(promised[counted.read]?.hostId as HostId);
    if (row !== undefined) countAt(view, counted.rows, row);
  }
  return counted.rows;
}

const copyOf = ({ freeMemoryMiB, freeCpus, evenness, ...rows }: HostRows): HostRows => ({ ...rows, freeMemoryMiB: freeMemoryMiB.slice(), freeCpus: freeCpus.slice(), evenness: evenness.slice() });

function countAt(view: PlacementView, rows: HostRows, row: number): void {
  const host = rows.hosts[row];
  if (!host?.facts) return;
  const usage = usageAt(view, host.id);
  rows.freeMemoryMiB[row] = memory.limit(host.facts, view.policy) - usage.memoryMiB;
  rows.freeCpus[row] = cpus.limit(host.facts, view.policy) - usage.vcpus;
  rows.evenness[row] = evennessWith({ facts: host.facts, usage, policy: view.policy }, null);
}
