// What the loss of hosts would do: who starts where, in what order, and who stays down. As recovery does it.
import type { Host } from '../hosts/host.js';
import type { HostId } from '../shared/ids.js';
import type { Workload } from '../workloads/workload.js';
import { clusterFigures } from './cluster-figures.js';
import { orderForRecovery } from './drain-order.js';
import { LossWaves, type Moved, type Started } from './loss-waves.js';
import { clusterModel, NOWHERE } from './packing/cluster-model.js';
import { isRecovered } from './packing/lose-hosts.js';
import { Packing } from './packing/packing.js';
import type { PlacementView } from './placement.js';
import type { Plan, PlannedMove, Unplaced } from './plan.js';
import { DEFAULT_TIMING, planned } from './to-plan.js';

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
  waves.run();
  const moves = [...waves.moved.map(makesRoom), ...[...waves.started.values()].map((one) => moveOf(view, one))].sort((one, other) => one.round - other.round);
  const rounds = moves.reduce((most, { round }) => Math.max(most, round), 0);
  return {
    moves, unplaced: [...waves.unplaced(), ...there.filter((one) => !isRecovered(one)).map(leftAlone)],
    before: clusterFigures(new Packing(clusterModel(view))), after: clusterFigures(packingAfter(without, waves)),
    rounds, estimatedS: rounds === 0 ? null : rounds * START_S + Math.ceil(waves.moved.reduce((sum, { workload }) => sum + workload.needs.memoryMiB, 0) / DEFAULT_TIMING.copyMiBps),
  };
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

function leftAlone({ name, state }: Workload): Unplaced {
  return { workload: name, why: state === 'error' ? 'it is in error, and waits for a person wherever it is' : 'it is not protected, or not managed: it stays down until its host is back' };
}

/** Those that run on stand where they are, or were moved to; the lost ones where they are started. */
function packingAfter(view: PlacementView, { started, moved }: LossWaves): Packing {
  const packing = new Packing(clusterModel(view));
  const { units, hosts, hostRow } = packing.model;
  const targets = new Map([...[...started.values()].map(({ workload, hostId }) => [workload.id, hostId] as const), ...moved.map(({ workload, to }) => [workload.id, to.id] as const)]);
  hosts.forEach(({ condition }, row) => {
    if (condition === 'fenced') packing.closed[row] = 1;
  });
  units.forEach(({ home, workloads }, unit) => {
    const target = workloads.map(({ id }) => targets.get(id)).find((id) => id !== undefined);
    if (home === NOWHERE || (hosts[home]?.condition !== 'fenced' && target === undefined)) return;
    packing.take(unit);
    const row = target === undefined ? undefined : hostRow.get(target);
    if (row !== undefined) packing.put(unit, row);
  });
  return packing;
}

const makesRoom = ({ workload, from, to, round, for: other }: Moved): PlannedMove => planned(workload, from, to, { round, why: `makes room for ${other}`, how: 'live' });

function moveOf(view: PlacementView, { workload, hostId, round }: Started): PlannedMove {
  const nameOf = (id: HostId | null): string => view.hosts.find((host) => host.id === id)?.name ?? 'a host that is gone';
  const from = nameOf(workload.hostId);
  return { workloadId: workload.id, workload: workload.name, from, fromId: workload.hostId, to: nameOf(hostId), toId: hostId, round, how: 'start', why: `${from} is lost`, memoryMiB: workload.needs.memoryMiB };
}
