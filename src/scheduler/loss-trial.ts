// One cluster in which losses are tried, each as if it were the only one, and each once.
import type { Workload } from '../workloads/workload.js';
import { withLost } from './as-lost.js';
import { boundToHost } from './bound-to-host.js';
import type { LossToTry } from './losses-to-try.js';
import { clusterModel, NOWHERE, type ClusterModel, type Unit } from './packing/cluster-model.js';
import { legality, type Legality } from './packing/legality.js';
import { isRecovered, loseHosts, type Loss } from './packing/lose-hosts.js';
import { Packing } from './packing/packing.js';
import type { PlacementView } from './placement.js';
import { roomView } from './room-view.js';

export interface LossTrial {
  /** The room view that is tried. */
  readonly view: PlacementView;
  readonly packing: Packing;
  /** `whileLost` is called at each call. */
  readonly lose: (loss: LossToTry, whileLost?: (loss: Loss) => void) => Loss;
  /** Those of a loss that find no place, what is bound to its host left out; remembered. */
  readonly downAfter: (loss: LossToTry) => readonly Workload[];
  /** One of the unit is bound to its host. */
  readonly isBound: (unit: number) => boolean;
}

/** A view never changes. */
const KNOWN = new WeakMap<PlacementView, LossTrial>();

export function lossTrial(of: PlacementView): LossTrial {
  const view = roomView(of);
  const known = KNOWN.get(view) ?? newTrial(view);
  KNOWN.set(view, known);
  return known;
}

function newTrial(view: PlacementView): LossTrial {
  const model = forLosses(clusterModel(view));
  const packing = new Packing(model);
  const found = new Map<string, readonly Workload[]>();
  const bound = new Map<number, boolean>();
  const isBound = (unit: number): boolean => {
    const known = bound.get(unit) ?? model.units[unit]?.workloads.some((one) => boundToHost(view, one)) ?? false;
    bound.set(unit, known);
    return known;
  };
  const lose: LossTrial['lose'] = (loss, whileLost) => loseHosts(packing, loss.hosts.map(({ id }) => model.hostRow.get(id) ?? NOWHERE), whileLost);
  const downAfter = (loss: LossToTry): readonly Workload[] => {
    const key = keyOfLoss(loss);
    const known = found.get(key) ?? membersOf(model, lose(loss).down.filter((unit) => !isBound(unit)));
    found.set(key, known);
    return known;
  };
  return { view, packing, lose, downAfter, isBound };
}

export const keyOfLoss = ({ hosts }: LossToTry): string => hosts.map(({ id }) => id).join(' ');

/** Those that would be recovered: a unit may have others among its members. */
export const membersOf = ({ units }: ClusterModel, rows: readonly number[]): readonly Workload[] => rows.flatMap((row) => units[row]?.workloads.filter(isRecovered) ?? []);

/** From a host that is there an instance is copied; from one that is lost it can start only where its replica or its pool is. */
function forLosses(model: ClusterModel): ClusterModel {
  const bound = model.units.flatMap((unit, row) => (unit.workloads.some(({ needs }) => needs.instance !== null) ? [{ row, unit }] : []));
  if (bound.length === 0) return model;
  const nth = new Map(bound.map(({ row }, index) => [row, index]));
  const units = bound.map(({ unit }) => unit);
  const byHome = new Map<number, Legality>();
  const lostFrom = (home: number): Legality => {
    const known = byHome.get(home) ?? legalityWithout(model, home, units);
    byHome.set(home, known);
    return known;
  };
  const ask = (unit: number, host: number): boolean => {
    const index = nth.get(unit);
    return index === undefined ? model.may.ask(unit, host) : lostFrom(units[index]?.home ?? NOWHERE).ask(index, host);
  };
  return { ...model, may: { ask, kind: model.may.kind } };
}

function legalityWithout({ view, hosts }: ClusterModel, home: number, units: readonly Unit[]): Legality {
  const id = hosts[home]?.id;
  return legality(id === undefined ? view : withLost(view, [id]), id === undefined ? hosts : withLost({ hosts }, [id]).hosts, units);
}
