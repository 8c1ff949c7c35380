// What the API may read, wired to the store, the witness and the controller.
import { setImmediate } from 'node:timers/promises';
import type { HostWorld } from '../cluster/execute/execute-ports.js';
import { drainPlan, type DrainPlan } from '../cluster/commands/drain-plan.js';
import { movesLive } from '../workloads/workload.js';
import { clusterPlan } from '../cluster/control/cluster-plans.js';
import { listCopies } from './copies.js';
import type { AuditLine, ClusterReads, Health } from '../api/ports.js';
import type { AlertPorts } from '../cluster/control/alert-delivery.js';
import { alertStates } from '../cluster/control/alert-states.js';
import type { ClusterPolicy } from '../cluster/cluster-policy.js';
import type { ClusterStore } from '../cluster/cluster-store.js';
import type { Hold } from '../cluster/decision.js';
import { findHost, findWorkload } from '../cluster/commands/find.js';
import type { JobQueue } from '../cluster/job-queue.js';
import { roomSignature } from '../cluster/room-watch.js';
import { placementViewOf } from '../cluster/placement-ledger.js';
import type { ClusterVerdict } from '../cluster/verdict.js';
import type { CheckPoint } from '../hosts/enrolment-check.js';
import { explainPlacement, type Explanation } from '../scheduler/explain-placement.js';
import { roomSteps, type FailureRoom } from '../scheduler/failure-room.js';
import type { RoomMode } from '../scheduler/losses-to-try.js';
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
    explain: (name) => explain(ports, name),
    capacity: capacityOf(ports),
    drainPlan: (name) => planDrain(ports, name),
    plan: (request) => clusterPlan(ports, request),
    copies: async (name) => listCopies(ports.world, await store.readView(), name),
    operation: (id) => store.operation(operationId(id)),
    operations: (filter) => store.listOperations(filter),
    events: (afterSeq, limit, filter) => store.events(afterSeq, limit, filter),
    onChange: (listener) => store.onChange(listener),
    audit: (limit, beforeSeq): Promise<readonly AuditLine[]> => audit.list(limit, beforeSeq),
    health: () => health(store, queue),
  };
}

async function explain({ store, verdict, policy }: ClusterReadPorts, name: string): Promise<Explanation> {
  const view = await store.readView();
  return explainPlacement(placementViewOf({ view, verdict: verdict(), policy }), findWorkload(view, name));
}

/** Tried anew only when something changed that it hangs on, and in steps: it is scraped, pairs are many, and hosts are to be heard meanwhile. */
function capacityOf({ store, verdict, policy }: ClusterReadPorts): (mode: RoomMode | null) => Promise<FailureRoom> {
  const known = new Map<RoomMode, { readonly of: string; readonly room: Promise<FailureRoom> }>();
  return async (asked) => {
    const mode = asked ?? (policy.admission === 'off' ? 'n+1' : policy.admission);
    const view = placementViewOf({ view: await store.readView(), verdict: verdict(), policy });
    const of = roomSignature(view);
    const last = known.get(mode);
    const room = last?.of === of ? last.room : inSteps(roomSteps(view, mode));
    known.set(mode, { of, room });
    return room;
  };
}

async function inSteps<T>(steps: Generator<void, T>): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    await setImmediate();
  }
}

/** Moves are kept for long; the newest of each container is what counts. */
async function planDrain({ store, verdict, policy }: ClusterReadPorts, name: string): Promise<DrainPlan> {
  const view = await store.readView();
  const host = findHost(view, name);
  const here = view.workloads.filter((one) => one.hostId === host.id && !movesLive(one));
  const moves = await Promise.all(here.map((one) => store.listOperations({ kind: 'relocate', workloadId: one.id, states: ['succeeded'], limit: 1 })));
  return drainPlan(view, placementViewOf({ view, verdict: verdict(), policy }), name, moves.flat());
}

async function health(store: ClusterStore, queue: JobQueue): Promise<Health> {
  const database = await store.readView().then(
    (view) => ({ ok: true, detail: `version ${view.version}` }),
    (error: unknown) => ({ ok: false, detail: messageOf(error) }),
  );
  const jobs = await queue.health();
  return { ok: database.ok && jobs.ok, parts: { database, queue: jobs } };
}
