// One round of the loop: look, decide, commit, hand over to the workers. Runs only on the leader.
import type { Clock } from '../shared/clock.js';
import { event, type NewClusterEvent } from './cluster-event.js';
import type { ClusterPolicy } from './cluster-policy.js';
import type { ClusterStore } from './cluster-store.js';
import type { ClusterView } from './cluster-view.js';
import { decide } from './decide.js';
import type { Decision, Hold } from './decision.js';
import type { ClusterVerdict } from './verdict.js';

export interface ReconcilePorts {
  readonly store: ClusterStore;
  readonly clock: Clock;
  readonly policy: ClusterPolicy;
  readonly verdict: () => ClusterVerdict;
  /** Called after operations were committed: hands the outbox to the queue at once. */
  readonly dispatch: () => Promise<void>;
}

export interface Round {
  readonly view: ClusterView;
  readonly decision: Decision;
  readonly committed: number;
}

/** A commit that finds a newer view looks again; after this many tries the next round does. */
const LOOKS_PER_ROUND = 3;

export async function reconcile(ports: ReconcilePorts, leaderEpoch: number): Promise<Round> {
  let last: Round | null = null;
  for (let look = 0; look < LOOKS_PER_ROUND; look += 1) {
    const view = await ports.store.readView();
    const decision = decide({ view, verdict: ports.verdict(), nowMs: ports.clock.nowMs(), policy: ports.policy });
    const changes = decision.actions.flatMap((action) => action.changes);
    last = { view, decision, committed: 0 };
    if (changes.length === 0) return last;
    const committed = await ports.store.commit(changes, { viewVersion: view.version, leaderEpoch });
    if (committed.ok) {
      if (committed.value.operationIds.length > 0) await ports.dispatch();
      return { ...last, committed: decision.actions.length };
    }
    if (committed.error.code === 'stale-leader') return last;
  }
  return last ?? { view: await ports.store.readView(), decision: { actions: [], holds: [] }, committed: 0 };
}

/** Events for holds that came or went; a hold that only changes its numbers is not told again. */
export function holdEvents(before: readonly Hold[], now: readonly Hold[]): readonly NewClusterEvent[] {
  const same = (one: Hold, other: Hold): boolean => one.code === other.code && one.about === other.about;
  const came = now.filter((one) => !before.some((other) => same(one, other)));
  const went = before.filter((one) => !now.some((other) => same(one, other)));
  return [
    ...came.map((one) => event('hold', `${one.about || 'cluster'}: ${one.code}: ${one.why}`, { severity: 'notice', data: { code: one.code, about: one.about } })),
    ...went.map((one) => event('hold.released', `${one.about || 'cluster'}: ${one.code} no longer holds`, { data: { code: one.code, about: one.about } })),
  ];
}
