// Plans as the API asks for them: of the cluster as it is now, with what the store remembers of drains.
import { beginPlan } from '../commands/begin-plan.js';
import { findHost } from '../commands/find.js';
import type { PlanDocument, Planning, PlanRequest } from '../commands/plan-commands.js';
import type { Asked } from '../commands/host-commands.js';
import type { Change } from '../change.js';
import type { ClusterPolicy } from '../cluster-policy.js';
import type { ClusterStore } from '../cluster-store.js';
import type { ClusterView } from '../cluster-view.js';
import { drainedAway } from './drained-away.js';
import { placementViewOf } from '../placement-ledger.js';
import type { Planner } from '../planner.js';
import type { ClusterVerdict } from '../verdict.js';
import type { Clock } from '../../shared/clock.js';
import { UserError } from '../../shared/errors.js';

export interface PlanPorts {
  readonly store: ClusterStore;
  readonly policy: ClusterPolicy;
  readonly verdict: () => ClusterVerdict;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly planner: Planner;
}

export async function clusterPlan(ports: PlanPorts, request: PlanRequest): Promise<PlanDocument> {
  return ports.planner.compute('plan', { ...(await planning(ports, await ports.store.readView(), request)), request });
}

/** Planned before the store is locked for the commit: its moves are looked at again when their turn comes. */
export async function planToBegin(ports: PlanPorts, request: PlanRequest): Promise<(view: ClusterView, asked: Asked) => readonly Change[]> {
  const view = await ports.store.readView();
  const hosts = request.hosts.map((name) => findHost(view, name));
  const away = hosts.find(({ intent }) => intent === 'maintenance');
  if (away) throw new UserError('conflict', `${away.name} is in maintenance`, `reeve host undrain ${away.name} --return`);
  const plan = await ports.planner.compute('moves', { ...(await planning(ports, view, request)), kind: request.kind, hosts: hosts.map(({ id }) => id) });
  const cause = request.kind === 'return' ? 'return' : 'balance';
  return (now, asked) => beginPlan(now, plan, { ...asked, cause, about: hosts.map(({ name }) => name).join(', ') });
}

async function planning({ store, policy, verdict, clock }: PlanPorts, view: ClusterView, { kind, hosts }: PlanRequest): Promise<Planning> {
  const placement = placementViewOf({ view, verdict: verdict(), policy });
  if (kind !== 'return') return { view: placement, policy, wanted: [], nowMs: clock.nowMs() };
  const ids = hosts.map((name) => findHost(view, name).id);
  // Asked while it is still in maintenance: what would be after its end.
  const back = placement.hosts.map((host) => (ids.includes(host.id) ? { ...host, intent: 'active' as const, cordoned: false } : host));
  return { view: { ...placement, hosts: back }, policy, wanted: await drainedAway(store, view, ids), nowMs: clock.nowMs() };
}
