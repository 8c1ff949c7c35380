// A cluster as numbers in rows: what plans that try thousands of placements work on. The same filters as for one placement, each asked once.
import type { Host } from '../../hosts/host.js';
import type { HostId, WorkloadId } from '../../shared/ids.js';
import type { Workload } from '../../workloads/workload.js';
import { hostsById } from '../hosts-by-id.js';
import type { PlacementView } from '../placement.js';
import { ruleIndex, type KeepApartRule } from '../placement-rule.js';
import { RESOURCES } from '../resources.js';
import { holdsPlace, workloadsById } from '../usage.js';
import { legality, type Legality } from './legality.js';
import { spotsOf, zoneRows } from './spots.js';

/** What is placed as one: a workload, or those of a group that must stand on one host and have the same home. */
export interface Unit {
  readonly workloads: readonly [Workload, ...Workload[]];
  /** Row of its host; NOWHERE: none. */
  readonly home: number;
  /** The highest of its members. */
  readonly priority: number;
  /** Rows of hard keep-apart rules. */
  readonly apart: readonly number[];
  /** Other units that must stand on its host. */
  readonly siblings: readonly number[];
  /** Other units that must stand in its zone. */
  readonly zoneSiblings: readonly number[];
  /** Something is under way with it: it stays where it is, and counts there and where it goes. */
  readonly isUnderWay: boolean;
}

export const NOWHERE = -1;

export interface ClusterModel {
  readonly view: PlacementView;
  /** By id. */
  readonly hosts: readonly Host[];
  readonly hostRow: ReadonlyMap<HostId, number>;
  readonly units: readonly Unit[];
  readonly unitRow: ReadonlyMap<WorkloadId, number>;
  /** Hosts × resources. What is taken by strangers and promised to units on their way is off already; -Infinity where sizes are not known. */
  readonly limits: Float64Array;
  /** Units × resources. */
  readonly needs: Float64Array;
  /** By host row: its zone, by the row of the first host there. */
  readonly zones: Int32Array;
  /** Of each hard keep-apart rule: the row of the place of each host (its own, or its zone's). */
  readonly spots: readonly Int32Array[];
  /** Of each hard keep-apart rule: rows of its units. */
  readonly members: readonly (readonly number[])[];
  /** By its filters, without room and without where others stand. */
  readonly may: Legality;
}

/** `extra`: workloads to be placed that stand nowhere, as new ones. */
export function clusterModel(view: PlacementView, extra: readonly Workload[] = []): ClusterModel {
  const hosts = hostsById(view.hosts);
  const hostRow = new Map(hosts.map((host, row) => [host.id, row]));
  const apart = view.rules.filter((rule): rule is KeepApartRule => rule.type === 'keep-apart' && rule.hard);
  const units = unitsOf({ view, hostRow, apart: new Map(apart.map((rule, row) => [rule.name, row])) }, [...view.workloads.filter((one) => one.hostId !== null && holdsPlace(one)), ...extra]);
  const needs = new Float64Array(units.length * RESOURCES.length);
  units.forEach(({ workloads }, row) => RESOURCES.forEach((resource, nth) => {
    needs[row * RESOURCES.length + nth] = workloads.reduce((sum, one) => sum + resource.need(one), 0);
  }));
  const unitRow = new Map(units.flatMap(({ workloads }, row) => workloads.map(({ id }) => [id, row] as const)));
  return { view, hosts, hostRow, units, unitRow, limits: limitsOf(view, hosts, hostRow), needs, zones: zoneRows(hosts), spots: apart.map((rule) => spotsOf(rule, hosts)), members: membersOf(apart.length, units), may: legality(view, hosts, units) };
}

function membersOf(count: number, units: readonly Unit[]): readonly (readonly number[])[] {
  const members: number[][] = Array.from({ length: count }, () => []);
  units.forEach(({ apart }, row) => apart.forEach((rule) => members[rule]?.push(row)));
  return members;
}

interface UnitSources {
  readonly view: PlacementView;
  readonly hostRow: ReadonlyMap<HostId, number>;
  readonly apart: ReadonlyMap<string, number>;
}

function unitsOf({ view, hostRow, apart }: UnitSources, workloads: readonly Workload[]): readonly Unit[] {
  const index = ruleIndex(view.rules);
  const underWay = new Set(view.promised.map(({ workloadId }) => workloadId));
  const byPlace = new Map<string, [Workload, ...Workload[]]>();
  for (const workload of [...workloads].sort((one, other) => (one.id < other.id ? -1 : 1))) {
    const group = index.group(workload.id)[0] ?? workload.id;
    const key = `${group} ${workload.hostId ?? ''}`;
    const known = byPlace.get(key);
    if (known) known.push(workload);
    else byPlace.set(key, [workload]);
  }
  const rowOf = new Map([...byPlace.values()].flatMap((members, row) => members.map(({ id }) => [id, row] as const)));
  // One in error draws nobody to where it is.
  const others = (ids: readonly WorkloadId[], row: number): readonly number[] => [...new Set(ids.flatMap((id) => rowOf.get(id) ?? []))].filter((other) => other !== row && units[other]?.some(({ state }) => state !== 'error'));
  const units = [...byPlace.values()];
  return units.map((members, row): Unit => ({
    workloads: members,
    home: members[0].hostId === null ? NOWHERE : (hostRow.get(members[0].hostId) ?? NOWHERE),
    priority: members.reduce((highest, one) => Math.max(highest, one.priority), members[0].priority),
    apart: [...new Set(members.flatMap(({ id }) => index.apart(id).filter((rule) => rule.hard).map((rule) => apart.get(rule.name) ?? 0)))],
    siblings: others(index.group(members[0].id), row),
    zoneSiblings: others(members.flatMap(({ id }) => index.zoneGroup(id)), row),
    isUnderWay: members.some(({ id }) => underWay.has(id)),
  }));
}

function limitsOf(view: PlacementView, hosts: readonly Host[], hostRow: ReadonlyMap<HostId, number>): Float64Array {
  const width = RESOURCES.length;
  const limits = new Float64Array(hosts.length * width);
  hosts.forEach(({ id, facts }, row) => RESOURCES.forEach((resource, nth) => {
    const stranger = view.strangers?.get(id);
    limits[row * width + nth] = facts === null ? Number.NEGATIVE_INFINITY : resource.limit(facts, view.policy) - (stranger ? resource.ofRoom(stranger) : 0);
  }));
  const byId = workloadsById(view.workloads);
  const counted = new Set<string>();
  for (const { workloadId, hostId } of view.promised) {
    const workload = byId.get(workloadId);
    const row = hostRow.get(hostId);
    const key = `${workloadId} ${hostId}`;
    if (!workload || row === undefined || counted.has(key) || (workload.hostId === hostId && holdsPlace(workload))) continue;
    counted.add(key);
    RESOURCES.forEach((resource, nth) => {
      limits[row * width + nth] = (limits[row * width + nth] ?? 0) - resource.need(workload);
    });
  }
  return limits;
}
