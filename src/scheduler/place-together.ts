// Where each of many would go, when placing them one after the other leaves some without a place though all have one.
import type { HostId, WorkloadId } from '../shared/ids.js';
import type { Workload } from '../workloads/workload.js';
import { hostRows } from './host-rows.js';
import { clusterModel, NOWHERE } from './packing/cluster-model.js';
import { Packing } from './packing/packing.js';
import { placeBatch } from './packing/place-batch.js';
import { placeWorkload } from './place-workload.js';
import { hasHugepages } from './placed-at.js';
import type { PlacementView } from './placement.js';
import { ruleIndex } from './placement-rule.js';
import { mayEverBeOn } from './may-ever-be-on.js';
import { workloadKind } from './workload-kind.js';
import { cpus, memory } from './resources.js';

/** It is asked for in each round of the loop as long as somebody waits: some tens of milliseconds at most. */
const EFFORT = 300_000;

/** Beyond, one after the other: a plan for so many would take seconds of a round, and the loss of so many hosts leaves some down in any case. */
const MOST_TOGETHER = 200;

/** Of workloads in the order in which they are placed, none of which runs. Empty: one after the other is as good. */
export function placeTogether(view: PlacementView, workloads: readonly Workload[]): ReadonlyMap<WorkloadId, HostId> {
  if (workloads.length > MOST_TOGETHER || hasPlenty(view, workloads)) return new Map();
  const left = leftInTurn(view, workloads);
  if (left === 0) return new Map();
  const model = clusterModel(view, workloads.filter(({ hostId }) => hostId === null));
  const packing = new Packing(model);
  const units = [...new Set(workloads.map(({ id }) => model.unitRow.get(id) ?? NOWHERE))].filter((unit) => unit !== NOWHERE && model.units[unit]?.isUnderWay === false);
  for (const unit of units) packing.take(unit);
  const { unplaced } = placeBatch(packing, { units, effort: EFFORT });
  const stay = new Set(unplaced.flatMap((unit) => model.units[unit]?.workloads.map(({ id }) => id) ?? []));
  if (workloads.filter(({ id }) => stay.has(id)).length >= left) return new Map();
  return new Map(units.flatMap((unit) => {
    const host = model.hosts[packing.at[unit] ?? NOWHERE];
    return host ? (model.units[unit]?.workloads ?? []).map(({ id }) => [id, host.id] as const) : [];
  }));
}

/** More hosts have room for the largest of them than there are workloads: each finds one. Asked first, as it costs next to nothing. */
function hasPlenty(view: PlacementView, workloads: readonly Workload[]): boolean {
  const index = ruleIndex(view.rules);
  const isBound = workloads.some(({ id, needs }) => index.zoneGroup(id).length > 1 || index.apart(id).some(({ per }) => per === 'zone') || index.hosts(id).length > 0 || needs.instance !== null || hasHugepages(needs));
  if (isBound) return false;
  const keptApart = workloads.reduce((most, { id }) => Math.max(most, index.apart(id).reduce((sum, rule) => sum + rule.workloads.length, 0)), 0);
  const rows = hostRows(view);
  const largest = (need: (one: Workload) => number): number => workloads.reduce((most, one) => Math.max(most, need(one)), 0);
  const [memoryMiB, vcpus] = [largest(memory.need), largest(cpus.need)];
  const roomy = rows.hosts.filter(({ condition, cordoned, intent }, row) => condition === 'online' && !cordoned && intent === 'active'
    && (rows.freeMemoryMiB[row] ?? 0) >= memoryMiB && (rows.freeCpus[row] ?? 0) >= vcpus);
  const enough = 2 * workloads.length + keptApart;
  if (roomy.length <= enough) return false;
  const homes = new Map(view.hosts.map((host) => [host.id, host]));
  // Of one kind all have the same answers.
  const kinds = new Map(workloads.map((workload) => [workloadKind(view, homes, workload), workload]));
  const asked = [...kinds.values()].map((workload) => ({ workload, home: workload.hostId === null ? null : (homes.get(workload.hostId) ?? null) }));
  let found = 0;
  for (const host of roomy) if (found <= enough && asked.every(({ workload, home }) => mayEverBeOn({ view, workload, home, host }))) found += 1;
  return found > enough;
}

function leftInTurn(view: PlacementView, workloads: readonly Workload[]): number {
  const promised = [...view.promised];
  let left = 0;
  for (const workload of workloads) {
    if (promised.some(({ workloadId }) => workloadId === workload.id)) continue;
    const placed = placeWorkload({ ...view, promised }, { workload, exclude: [] });
    if (placed.ok) promised.push({ workloadId: workload.id, hostId: placed.value.hostId });
    else left += 1;
  }
  return left;
}
