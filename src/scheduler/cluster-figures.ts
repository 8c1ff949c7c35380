// How full each host is and how evenly: the figures of a plan before and after.
import { takesPart } from './packing/takes-part.js';
import type { Packing } from './packing/packing.js';
import type { ClusterFigures, HostFigures } from './plan.js';
import { CPUS, MEMORY, RESOURCES } from './resources.js';

const WIDTH = RESOURCES.length;
const DIGITS = 10_000;

/** Of a packing as it stands. Hosts whose sizes are not known are left out. */
export function clusterFigures(packing: Packing): ClusterFigures {
  const { hosts, view } = packing.model;
  const used = (row: number, nth: number): number => capacity(packing, row, nth) - (packing.free[row * WIDTH + nth] ?? 0);
  const figures = hosts.flatMap(({ name, facts }, row): readonly HostFigures[] =>
    facts === null ? [] : [{ host: name, memoryMiB: used(row, MEMORY), ofMemoryMiB: capacity(packing, row, MEMORY), vcpus: used(row, CPUS), ofVcpus: capacity(packing, row, CPUS), workloads: membersAt(packing, row) + (view.strangers?.get(hosts[row]?.id ?? ('' as never))?.workloads ?? 0) }]);
  const shares = (nth: number): readonly number[] => hosts.flatMap((_host, row) => (takesPart(packing, row) ? [used(row, nth) / Math.max(1, capacity(packing, row, nth))] : []));
  const [memoryImbalance, cpuImbalance] = [deviation(shares(MEMORY)), deviation(shares(CPUS))];
  return { imbalance: rounded(memoryImbalance + cpuImbalance), memoryImbalance: rounded(memoryImbalance), cpuImbalance: rounded(cpuImbalance), fullest: rounded(Math.max(0, ...shares(MEMORY))), hosts: figures };
}

function capacity({ model: { hosts, view } }: Packing, row: number, nth: number): number {
  const facts = hosts[row]?.facts;
  return facts ? (RESOURCES[nth]?.limit(facts, view.policy) ?? 0) : 0;
}

function membersAt(packing: Packing, row: number): number {
  return [...(packing.standing[row] ?? [])].reduce((sum, unit) => sum + (packing.model.units[unit]?.workloads.length ?? 0), 0);
}

/** Of the whole, not of a sample. */
export function deviation(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const mean = values.reduce((sum, one) => sum + one, 0) / values.length;
  return Math.sqrt(values.reduce((sum, one) => sum + (one - mean) ** 2, 0) / values.length);
}

const rounded = (value: number): number => Math.round(value * DIGITS) / DIGITS;
