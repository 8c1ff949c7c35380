// Create and delete: from an operation's row to the workload's workflow and what follows from its outcome.
import { createSteps } from '../../workloads/run-create.js';
import { startWayBack } from '../../workloads/start-steps.js';
import { DELETE_STEPS, deletableDisks } from '../../workloads/run-delete.js';
import { parseVmSpec } from '../../workloads/vm-spec.js';
import { movesLive } from '../../workloads/workload.js';
import { Defect } from '../../shared/errors.js';
import { runWorkflow } from '../../shared/workflow.js';
import { createEnding, deleteEnding } from '../endings.js';
import type { Executor } from '../run-operation.js';
import { freshHost, hostOf, param, placeOf, workloadOf, type ExecutePorts } from './execute-ports.js';

export function createExecutor(ports: ExecutePorts): Executor {
  return async (operation, view, journal) => {
    const workload = workloadOf(view, operation);
    const target = hostOf(view, operation.targetHostId, 'target');
    const spec = parseVmSpec(operation.params['spec']);
    if (!spec.ok) throw new Defect(`a specification that was accepted is refused: ${spec.error}`);
    const context = {
      workload,
      spec: spec.value,
      startIt: workload.desired === 'running',
      target: placeOf(ports, operation, target, workload),
      clock: ports.clock,
      stillWanted: async () => ((await freshHost(ports, target))?.condition === 'online' ? null : `${target.name} is not online`),
      make: ports.world.makerOf(target),
    };
    const outcome = await runWorkflow(createSteps(spec.value), context, journal, startWayBack);
    const definition = typeof outcome.memo['definition'] === 'string' ? outcome.memo['definition'] : null;
    const ending = createEnding({ operation, workload, outcome, target, definition, nowMs: ports.clock.nowMs() });
    if (outcome.kind !== 'succeeded' || definition === null) return ending;
    // The host made the definition exact: what it needs is read from that.
    return { ...ending, changes: [{ change: 'workload', id: workload.id, set: { needs: ports.world.needsOf(target, definition) } }, ...ending.changes] };
  };
}

export function deleteExecutor(ports: ExecutePorts): Executor {
  return async (operation, view, journal) => {
    const workload = workloadOf(view, operation);
    const host = hostOf(view, operation.hostId, 'source');
    const withDisks = param(operation, 'deleteDisks', false);
    const disks = withDisks ? deletableDisks(workload, view.workloads) : [];
    const outcome = await runWorkflow(DELETE_STEPS, { workload, target: placeOf(ports, operation, host, workload), disks, withData: withDisks && !movesLive(workload) }, journal);
    return deleteEnding({ operation, workload, outcome, nowMs: ports.clock.nowMs() });
  };
}
