// Start, recover and stop: from an operation's row to the workload's workflow and what follows from its outcome.
import { RECOVER_STEPS } from '../../workloads/run-recover.js';
import { START_STEPS } from '../../workloads/run-start.js';
import { startWayBack } from '../../workloads/start-steps.js';
import { STOP_STEPS } from '../../workloads/run-stop.js';
import type { Journal } from '../../shared/workflow.js';
import { runWorkflow } from '../../shared/workflow.js';
import type { Workload } from '../../workloads/workload.js';
import type { ClusterView } from '../cluster-view.js';
import { startEnding, stopEnding } from '../endings.js';
import type { Operation } from '../operation.js';
import type { Ending, Executor } from '../run-operation.js';
import { hostOf, losablePlaceOf, param, placeOf, workloadOf, type ExecutePorts } from './execute-ports.js';
import { seenUnadmitted } from '../observations.js';

export function startExecutor(ports: ExecutePorts): Executor {
  return (operation, view, journal) => start(ports, operation, view, journal);
}

async function start(ports: ExecutePorts, operation: Operation, view: ClusterView, journal: Journal): Promise<Ending> {
  const workload = workloadOf(view, operation);
  const target = hostOf(view, operation.targetHostId, 'target');
  const from = view.hosts.find((host) => host.id === operation.hostId) ?? null;
  const context = { workload, target: losablePlaceOf(ports, operation, target, workload), clock: ports.clock, stillWanted: () => whyUnwanted(ports, operation) };
  const outcome =
    operation.kind === 'recover'
      ? await runWorkflow(RECOVER_STEPS, { ...context, proof: operation.proof, fromHost: from?.name ?? 'its old host' }, journal, startWayBack)
      : await runWorkflow(START_STEPS, context, journal, startWayBack);
  return startEnding({ operation, workload: await freshWorkload(ports, workload), outcome, target, from, nowMs: ports.clock.nowMs() });
}

/** What its owner wants may have changed meanwhile. */
async function freshWorkload({ store }: ExecutePorts, workload: Workload): Promise<Workload> {
  return (await store.readView()).workloads.find((one) => one.id === workload.id) ?? workload;
}

/** Read right before the start: the target may have been lost, the workload stopped, the proof overtaken since the commit. */
async function whyUnwanted({ store }: ExecutePorts, operation: Operation): Promise<string | null> {
  const view = await store.readView();
  const workload = view.workloads.find((one) => one.id === operation.workloadId);
  const target = view.hosts.find((one) => one.id === operation.targetHostId);
  if (!workload) return 'the workload is no longer managed';
  if (workload.desired !== 'running') return `${workload.name} is no longer wanted running`;
  if (workload.workloadEpoch !== operation.workloadEpoch) return `${workload.name} was placed anew since (epoch ${workload.workloadEpoch})`;
  const copy = seenUnadmitted(view, workload);
  if (copy) return `it runs on ${copy.name}, which came back and is not admitted`;
  if (!target || target.condition !== 'online') return `${target?.name ?? 'the target'} is ${target?.condition ?? 'gone'}`;
  return null;
}

export function stopExecutor(ports: ExecutePorts): Executor {
  return async (operation, view, journal) => {
    const workload = workloadOf(view, operation);
    const host = hostOf(view, operation.hostId, 'source');
    const force = param(operation, 'force', false);
    const graceMs = param(operation, 'timeoutMs', 60_000);
    const context = { workload, target: placeOf(ports, operation, host, workload), clock: ports.clock, graceMs, killAfter: force };
    const outcome = await runWorkflow(STOP_STEPS, context, journal);
    return stopEnding({ operation, workload, outcome, nowMs: ports.clock.nowMs() });
  };
}
