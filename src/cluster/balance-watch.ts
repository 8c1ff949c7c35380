// Watches how even a quiet cluster is: after enough uneven looks in a row it plans, and hands the plan to the rule. Kept by whoever leads; a new leader looks anew.
import { clusterModel, NOWHERE } from '../scheduler/packing/cluster-model.js';
import { imbalanceOf } from '../scheduler/packing/even-out.js';
import { Packing } from '../scheduler/packing/packing.js';
import { DEFAULT_BALANCE, planBalance } from '../scheduler/plan-balance.js';
import type { Plan } from '../scheduler/plan.js';
import type { Workload } from '../workloads/workload.js';
import type { ClusterPolicy, RebalancePolicy } from './cluster-policy.js';
import type { DecideInput } from './decide.js';
import { activeDisarm } from './disarm.js';
import type { Operation } from './operation.js';
import { placementViewOf } from './placement-ledger.js';

/** Between two looks. */
export const BALANCE_LOOK_MS = 10_000;
/** Looks that are further apart are not in a row: somebody else led, or nobody. */
const IN_A_ROW_MS = 3 * BALANCE_LOOK_MS;
/** So many moves are planned at once; the rest follows when those are over. */
const MOST_MOVES = 50;

export interface BalanceAdvice {
  readonly plan: Plan;
  /** By the policy's method. */
  readonly before: number;
  readonly after: number;
  /** It was told already. */
  readonly isTold: boolean;
}

type Looked = Pick<DecideInput, 'view' | 'verdict' | 'policy' | 'nowMs'>;

export class BalanceWatch {
  #lastMs = Number.NEGATIVE_INFINITY;
  #looks = 0;
  #advice: BalanceAdvice | null = null;
  #isTold = false;

  /** Null: nothing is to be done about evenness now. */
  look(input: Looked): BalanceAdvice | null {
    const { rebalance } = input.policy;
    if (!rebalance || !isQuiet(input)) {
      this.#looks = 0;
      this.#advice = null;
      return null;
    }
    const sinceMs = input.nowMs - this.#lastMs;
    if (sinceMs >= 0 && sinceMs < BALANCE_LOOK_MS) return this.#told();
    if (sinceMs > IN_A_ROW_MS || sinceMs < 0) this.#looks = 0;
    this.#lastMs = input.nowMs;
    this.#lookAnew(input, rebalance);
    return this.#told();
  }

  /** What the rule gave was committed. */
  committed(): void {
    this.#isTold = true;
  }

  #told = (): BalanceAdvice | null => (this.#advice === null ? null : { ...this.#advice, isTold: this.#isTold });

  #lookAnew(input: Looked, rebalance: RebalancePolicy): void {
    const view = placementViewOf(input);
    const packing = new Packing(clusterModel(view));
    const before = imbalanceOf(packing, rebalance.method);
    if (before <= rebalance.threshold) {
      this.#looks = 0;
      this.#advice = null;
      this.#isTold = false;
      return;
    }
    this.#looks += 1;
    if (this.#looks % rebalance.holdRounds !== 0) return;
    const plan = planBalance(view, { ...DEFAULT_BALANCE, movesPerHost: input.policy.migrationsPerHost, method: rebalance.method, maxMoves: MOST_MOVES, leaveAlone: (workload) => movedLately(input.policy, input.nowMs)(workload) || failedLately(input, workload) });
    const after = imbalanceAfter(packing, plan, rebalance);
    this.#advice = plan.moves.length > 0 && before - after >= rebalance.minImprovement * before * Math.min(1, MOST_MOVES / input.view.hosts.length) ? { plan, before, after, isTold: false } : null;
  }
}

/** A move of it failed: it is not tried again and again. */
function failedLately({ view, policy, nowMs }: Looked, { id }: Workload): boolean {
  return view.recentOperations.some(({ workloadId, kind, state, createdAtMs }) => workloadId === id && kind === 'migrate' && (state === 'failed' || state === 'cancelled') && nowMs - createdAtMs < policy.moveRetryMs);
}

/** A person has put it there within the policy's time. */
export const movedLately = ({ handMadeMs }: Pick<ClusterPolicy, 'handMadeMs'>, nowMs: number) => ({ movedByHandAtMs }: Workload): boolean => movedByHandAtMs !== undefined && nowMs - movedByHandAtMs < handMadeMs;

function imbalanceAfter(packing: Packing, { moves }: Plan, rebalance: RebalancePolicy): number {
  const { unitRow, hostRow } = packing.model;
  for (const { workloadId, toId } of moves) {
    const unit = unitRow.get(workloadId) ?? NOWHERE;
    if (unit === NOWHERE) continue;
    packing.take(unit);
    packing.put(unit, hostRow.get(toId) ?? NOWHERE);
  }
  return imbalanceOf(packing, rebalance.method);
}

/** What changes nobody's place. */
const ASIDE: ReadonlySet<Operation['kind']> = new Set(['replicate', 'lease', 'renew-trust']);

function isQuiet({ view, verdict, nowMs }: Looked): boolean {
  if (activeDisarm(view, nowMs) || !verdict.trusted || !verdict.quorum || view.operations.some(({ kind }) => !ASIDE.has(kind))) return false;
  const heard = new Set(verdict.hosts.filter(({ hearing }) => hearing === 'heard').map(({ hostId }) => hostId));
  const settled = view.hosts.every((host) => host.condition === 'offline' || host.condition === 'fenced' || (host.condition === 'online' && host.leaving === null && heard.has(host.id)));
  return settled && view.workloads.every(({ state }) => state !== 'awaiting-fence' && state !== 'starting' && state !== 'stopping' && state !== 'migrating');
}
