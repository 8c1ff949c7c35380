// What the loss of hosts would do: who starts where, in what order, and who stays down. As recovery places, one after the other; what finds no place so is tried together with the rest.
import type { Host } from '../hosts/host.js';
import type { HostId } from '../shared/ids.js';
import type { Workload } from '../workloads/workload.js';
import { clusterFigures } from './cluster-figures.js';
import { orderForRecovery } from './drain-order.js';
import { LossWaves, type Started } from './loss-waves.js';
import { clusterModel, NOWHERE, type ClusterModel } from './packing/cluster-model.js';
import { Packing } from './packing/packing.js';
import { placeBatch } from './packing/place-batch.js';
import type { PlacementView } from './placement.js';
import type { Plan, PlannedMove, Unplaced } from './plan.js';

export interface LossOptions {
  /** Starts under way at once on one host. */
  readonly startsPerHost: number;
}

/** A start that is confirmed takes about so long; that a host is proven off comes before all of them, and is not in it. */
const START_S = 10;

export function planLoss(view: PlacementView, hostIds: readonly HostId[], options: LossOptions = { startsPerHost: 6 }): Plan {
  const lost = new Set(hostIds);
  const without = viewWithout(view, lost);
  const there = view.workloads.filter((one) => one.hostId !== null && lost.has(one.hostId) && one.state !== 'stopped');
  const waves = new LossWaves(without, orderForRecovery(there.filter(isRecovered)), options);
  const packing = recovered(clusterModel(without), waves);
  const started = [...waves.started.values()];
  const rounds = started.reduce((most, { round }) => Math.max(most, round), 0);
  return {
    moves: started.map((one) => moveOf(view, one)).sort((one, other) => one.round - other.round),
    unplaced: [...waves.unplaced(), ...there.filter((one) => !isRecovered(one)).map(leftAlone)],
    before: clusterFigures(new Packing(clusterModel(view))), after: clusterFigures(packing),
    rounds, estimatedS: rounds === 0 ? null : rounds * START_S,
  };
}

/** Those that wait for one which has found a place in the end follow it. */
function recovered(model: ClusterModel, waves: LossWaves): Packing {
  for (;;) {
    waves.run();
    const packing = packingAfter(model, waves.started);
    const count = waves.started.size;
    placeTheRest(packing, waves);
    if (waves.started.size === count) return packing;
  }
}

/** As recovery sees it once they are proven off. */
function viewWithout(view: PlacementView, lost: ReadonlySet<HostId>): PlacementView {
  const off = (host: Host): Host => ({ ...host, condition: 'fenced', proof: null });
  return {
    ...view, hosts: view.hosts.map((host) => (lost.has(host.id) ? off(host) : host)), heard: new Set([...view.heard].filter((id) => !lost.has(id))),
    // What is under way from there or to there comes to nothing.
    promised: view.promised.filter(({ hostId, workloadId }) => !lost.has(hostId) && !view.workloads.some((one) => one.id === workloadId && one.hostId !== null && lost.has(one.hostId))),
  };
}

const isRecovered = ({ isProtected, desired, state }: Workload): boolean => isProtected && desired === 'running' && state !== 'error';

function leftAlone({ name, state }: Workload): Unplaced {
  return { workload: name, why: state === 'error' ? 'it is in error, and waits for a person wherever it is' : 'it is not protected, or not managed: it stays down until its host is back' };
}

/** Those that run on stand where they are; the lost ones where they are started. */
function packingAfter(model: ClusterModel, started: ReadonlyMap<string, Started>): Packing {
  const packing = new Packing(model);
  const { units, hosts, hostRow } = packing.model;
  hosts.forEach(({ condition }, row) => {
    if (condition === 'fenced') packing.closed[row] = 1;
  });
  units.forEach(({ home, workloads }, unit) => {
    if (home === NOWHERE || hosts[home]?.condition !== 'fenced') return;
    packing.take(unit);
    const target = workloads.map(({ id }) => started.get(id)?.hostId).find((id) => id !== undefined);
    const row = target === undefined ? undefined : hostRow.get(target);
    if (row !== undefined) packing.put(unit, row);
  });
  return packing;
}

/** Those that were placed before them have not begun to run: they may go elsewhere for it. */
function placeTheRest(packing: Packing, waves: LossWaves): void {
  const { unitRow, units, hosts } = packing.model;
  const rows = (some: readonly Workload[]): readonly number[] => [...new Set(some.flatMap(({ id }) => unitRow.get(id) ?? []))];
  const left = rows(waves.refused());
  if (left.length === 0) return;
  const before = new Set(rows([...waves.started.values()].map(({ workload }) => workload)));
  placeBatch(packing, { units: left, movable: (unit) => before.has(unit) });
  for (const unit of [...left, ...before]) {
    const host = hosts[packing.at[unit] ?? NOWHERE];
    for (const workload of host ? (units[unit]?.workloads ?? []).filter(isRecovered) : []) if (host) waves.settle(workload, host.id);
  }
}

function moveOf(view: PlacementView, { workload, hostId, round }: Started): PlannedMove {
  const nameOf = (id: HostId | null): string => view.hosts.find((host) => host.id === id)?.name ?? 'a host that is gone';
  const from = nameOf(workload.hostId);
  return { workloadId: workload.id, workload: workload.name, from, fromId: workload.hostId, to: nameOf(hostId), toId: hostId, round, how: 'start', why: `${from} is lost`, memoryMiB: workload.needs.memoryMiB };
}
