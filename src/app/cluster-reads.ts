// What the API may read, wired to the store, the witness and the controller.
import type { HostWorld } from '../cluster/execute/execute-ports.js';
import { movesLive } from '../workloads/workload.js';
import { clusterPlan } from '../cluster/control/cluster-plans.js';
import { listCopies } from './copies.js';
import type { AuditLine, ClusterReads, Health } from '../api/ports.js';
import type { AlertPorts } from '../cluster/control/alert-delivery.js';
import { alertStates } from '../cluster/control/alert-states.js';
import type { ClusterPolicy } from '../cluster/cluster-policy.js';
import type { ClusterStore } from '../cluster/cluster-store.js';
import type { Hold } from '../cluster/decision.js';
import { findHost } from '../cluster/commands/find.js';
import type { JobQueue } from '../cluster/job-queue.js';
import type { ClusterView } from '../cluster/cluster-view.js';
import type { Operation } from '../cluster/operation.js';
import type { Planner } from '../cluster/planner.js';
import { placementViewOf } from '../cluster/placement-ledger.js';
import type { ClusterVerdict } from '../cluster/verdict.js';
import type { CheckPoint } from '../hosts/enrolment-check.js';
import type { RoomMode } from '../scheduler/losses-to-try.js';
import type { PlacementView } from '../scheduler/placement.js';
import { exportScenario } from '../sim/scenario/export-scenario.js';
import type { Clock } from '../shared/clock.js';
import { messageOf } from '../shared/errors.js';
import { operationId } from '../shared/ids.js';
import type { PostgresAudit, PostgresSettings } from '../store/settings.js';

export interface ClusterReadPorts {
  readonly name: string;
  readonly store: ClusterStore;
  readonly settings: PostgresSettings;
  readonly audit: PostgresAudit;
  readonly queue: JobQueue;
  readonly alerts: AlertPorts;
  readonly policy: ClusterPolicy;
  readonly planner: Planner;
  readonly world: Pick<HostWorld, 'hypervisorOf'>;
  readonly clock: Clock;
  readonly verdict: () => ClusterVerdict;
  readonly leader: () => { readonly replica: string; readonly epoch: number | null };
}

/** Where the leader keeps its holds, so that every replica can show them. */
export const HOLDS_KEY = 'holds';
export const checkReportKey = (host: string): string => `check/${host}`;

export function clusterReads(ports: ClusterReadPorts): ClusterReads {
  const { store, settings, audit, queue } = ports;
  return {
    clusterName: () => ports.name,
    view: () => store.readView(),
    verdict: ports.verdict,
    scenario: async () => exportScenario({ name: ports.name, view: await store.readView(), policy: ports.policy, replicas: ports.verdict().witnesses.length }),
    holds: async () => (await settings.get<readonly Hold[]>(HOLDS_KEY)) ?? [],
    alertTargets: () => alertStates(ports.alerts),
    leader: ports.leader,
    checkReport: async (host) => (await settings.get<readonly CheckPoint[]>(checkReportKey(host))) ?? [],
    ...computedReads(ports),
    copies: async (name) => listCopies(ports.world, await store.readView(), name),
    operation: (id) => store.operation(operationId(id)),
    operations: (filter) => store.listOperations(filter),
    events: (afterSeq, limit, filter) => store.events(afterSeq, limit, filter),
    onChange: (listener) => store.onChange(listener),
    audit: (limit, beforeSeq): Promise<readonly AuditLine[]> => audit.list(limit, beforeSeq),
    health: () => health(store, queue),
  };
}

/** What is computed of the whole cluster. */
function computedReads(ports: ClusterReadPorts): Pick<ClusterReads, 'explain' | 'capacity' | 'fit' | 'drainPlan' | 'plan'> {
  const { name: cluster, store, verdict, policy, planner } = ports;
  const askedMode: RoomMode = policy.admission === 'off' ? 'n+1' : policy.admission;
  const seen = (view: ClusterView): PlacementView => placementViewOf({ view, verdict: verdict(), policy });
  return {
    explain: async (workload) => planner.compute('place', { view: seen(await store.readView()), workload }),
    capacity: async (mode) => planner.compute('room', { cluster, view: seen(await store.readView()), mode: mode ?? askedMode }),
    fit: async ({ mode, ...request }) => planner.compute('fit', { view: seen(await store.readView()), request: { ...request, mode: mode ?? askedMode } }),
    drainPlan: async (host) => {
      const view = await store.readView();
      return planner.compute('drain', { view: seen(view), host, moves: await movesFrom(store, view, host), recentOperations: view.recentOperations });
    },
    plan: (request) => clusterPlan(ports, request),
  };
}

/** Moves are kept for long; the newest of each container is what counts. */
async function movesFrom(store: ClusterStore, view: ClusterView, name: string): Promise<readonly Operation[]> {
  const host = findHost(view, name);
  const here = view.workloads.filter((one) => one.hostId === host.id && !movesLive(one));
  const moves = await Promise.all(here.map((one) => store.listOperations({ kind: 'relocate', workloadId: one.id, states: ['succeeded'], limit: 1 })));
  return moves.flat();
}

async function health(store: ClusterStore, queue: JobQueue): Promise<Health> {
  const database = await store.readView().then(
    (view) => ({ ok: true, detail: `version ${view.version}` }),
    (error: unknown) => ({ ok: false, detail: messageOf(error) }),
  );
  const jobs = await queue.health();
  return { ok: database.ok && jobs.ok, parts: { database, queue: jobs } };
}
