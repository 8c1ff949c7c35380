// One round of the loop: look, decide, commit, hand over to the workers. Runs only on the leader.
import type { Clock } from '../shared/clock.js';
import type { Change } from './change.js';
import { event, type NewClusterEvent } from './cluster-event.js';
import type { ClusterPolicy } from './cluster-policy.js';
import type { ClusterStore } from './cluster-store.js';
import type { ClusterView } from './cluster-view.js';
import type { BalanceWatch } from './balance-watch.js';
import { BALANCE_RULE } from './rules/balance-cluster.js';
import { decide } from './decide.js';
import type { Decision, Hold, HoldCode } from './decision.js';
import type { ClusterVerdict } from './verdict.js';

export interface ReconcilePorts {
  readonly store: ClusterStore;
  readonly clock: Clock;
  readonly policy: ClusterPolicy;
  readonly verdict: () => ClusterVerdict;
  /** Called after operations were committed: hands the outbox to the queue at once. */
  readonly dispatch: () => Promise<void>;
  /** Of this leader; absent: evenness is not watched. */
  readonly balance?: BalanceWatch;
}

export interface Round {
  readonly view: ClusterView;
  readonly decision: Decision;
  readonly committed: number;
}

/** A commit that finds a newer view looks again; after this many tries it decides under the lock: workers that end one operation after the other must not keep it waiting. */
const OPTIMISTIC_LOOKS = 2;

export async function reconcile(ports: ReconcilePorts, leaderEpoch: number): Promise<Round> {
  for (let look = 0; look < OPTIMISTIC_LOOKS; look += 1) {
    const view = await ports.store.readView();
    const decision = decideOn(ports, view);
    const changes = changesOf(decision);
    if (changes.length === 0) return { view, decision, committed: 0 };
    const committed = await ports.store.commit(changes, { viewVersion: view.version, leaderEpoch });
    if (committed.ok) return handOver(ports, { view, decision, committed: decision.actions.length }, committed.value.operationIds);
    if (committed.error.code === 'stale-leader') return { view, decision, committed: 0 };
  }
  return underLock(ports, leaderEpoch);
}

function decideOn({ verdict, clock, policy, balance }: ReconcilePorts, view: ClusterView): Decision {
  const input = { view, verdict: verdict(), nowMs: clock.nowMs(), policy };
  return decide({ ...input, balance: balance?.look(input) ?? null });
}

const changesOf = (decision: Decision): readonly Change[] => decision.actions.flatMap((action) => action.changes);

async function underLock(ports: ReconcilePorts, leaderEpoch: number): Promise<Round> {
  let round: Round | null = null;
  const result = await ports.store.decideAndCommit((view) => {
    const decision = decideOn(ports, view);
    const leads = view.leaderEpoch === leaderEpoch;
    round = { view, decision, committed: leads ? decision.actions.length : 0 };
    return leads ? changesOf(decision) : [];
  });
  const decided = round ?? { view: await ports.store.readView(), decision: { actions: [], holds: [] }, committed: 0 };
  return result.ok ? handOver(ports, decided, result.value.operationIds) : { ...decided, committed: 0 };
}

async function handOver({ dispatch, balance }: ReconcilePorts, round: Round, operationIds: readonly unknown[]): Promise<Round> {
  if (round.decision.actions.some(({ rule }) => rule === BALANCE_RULE)) balance?.committed();
  if (operationIds.length > 0) await dispatch();
  return round;
}

/** While one of these holds, no lost host is recovered at all: people must know, though nothing was declared. */
const GRAVE: ReadonlySet<HoldCode> = new Set(['no-quorum', 'too-many-silent-hosts']);

/** Events for holds that came or went; a hold that only changes its numbers is not told again. */
export function holdEvents(before: readonly Hold[], now: readonly Hold[]): readonly NewClusterEvent[] {
  const same = (one: Hold, other: Hold): boolean => one.code === other.code && one.about === other.about;
  const came = now.filter((one) => !before.some((other) => same(one, other)));
  const went = before.filter((one) => !now.some((other) => same(one, other)));
  return [
    ...came.map((one) => event('hold', `${one.about || 'cluster'}: ${one.code}: ${one.why}`, { severity: GRAVE.has(one.code) ? 'alert' : 'notice', data: { code: one.code, about: one.about } })),
    ...went.map((one) => event('hold.released', `${one.about || 'cluster'}: ${one.code} no longer holds`, { data: { code: one.code, about: one.about } })),
  ];
}
