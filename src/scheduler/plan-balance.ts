// The fewest moves that make the cluster more even: each the one that gains most, as long as it gains enough.
import type { Workload } from '../workloads/workload.js';
import { clusterFigures } from './cluster-figures.js';
import { unitMayMove } from './movable.js';
import { evenOut } from './packing/even-out.js';
import { clusterModel, type ClusterModel } from './packing/cluster-model.js';
import { Packing } from './packing/packing.js';
import type { PlacementView } from './placement.js';
import { preference } from './score-rules.js';
import { ruleIndex } from './placement-rule.js';
import type { Plan } from './plan.js';
import { plannedMoves, toPlan, type PlanTiming } from './to-plan.js';

export interface BalanceOptions {
  readonly movesPerHost: number;
  /** What counts: declared sizes, or what was measured. */
  readonly method: 'capacity' | 'usage';
  /** So much, divided by the number of hosts, must each move take off the imbalance: one host of a hundred changes little for all. */
  readonly minGain: number;
  readonly maxMoves: number;
  readonly timing?: PlanTiming;
  /** Of those that could move: not these, as one that a person has moved lately. */
  readonly leaveAlone?: (workload: Workload) => boolean;
}

/** What gains less is not worth its copying. */
export const DEFAULT_BALANCE = { movesPerHost: 2, method: 'capacity', minGain: 0.02, maxMoves: 10_000 } as const satisfies BalanceOptions;

export function planBalance(view: PlacementView, options: BalanceOptions = DEFAULT_BALANCE): Plan {
  const model = clusterModel(view);
  const packing = new Packing(model);
  const before = clusterFigures(packing);
  const { movesPerHost: perHost, method, minGain, maxMoves } = options;
  const moves = evenOut(model, { perHost, method, minGain, maxMoves, mayMove: (unit) => mayMove(model, unit, options), mayGo: (unit, host) => keepsPreference(model, unit, host) });
  for (const { unit, to } of moves) {
    packing.take(unit);
    packing.put(unit, to);
  }
  return toPlan({ moves: plannedMoves(model, moves, () => 'makes the cluster more even'), unplaced: [], before, after: clusterFigures(packing) }, options.timing);
}

function mayMove({ units, hosts, view }: ClusterModel, unit: number, { leaveAlone = () => false }: BalanceOptions): boolean {
  const one = units[unit];
  const index = ruleIndex(view.rules);
  // Who stands beside it now counts for a soft rule: a move for evenness would not ask.
  const isSoftly = ({ id }: Workload): boolean => index.softTogether(id).length > 0 || index.apart(id).some(({ hard }) => !hard);
  return one !== undefined && unitMayMove(one, hosts[one.home]) && !one.workloads.some((workload) => isSoftly(workload) || leaveAlone(workload));
}

/** Evenness is worth less than what its owner prefers: it goes to no host that its rules like less, nor to one that is in trouble. */
function keepsPreference({ units, hosts, view }: ClusterModel, unit: number, host: number): boolean {
  const [one, to] = [units[unit], hosts[host]];
  const from = one ? hosts[one.home] : undefined;
  if (!one || !to || !from || to.trouble !== null) return false;
  return one.workloads.every(({ id }) => {
    const rules = ruleIndex(view.rules).hosts(id);
    return rules.length === 0 || preference(rules, to.id) >= preference(rules, from.id);
  });
}
