// Create and delete: from an operation's row to the workload's workflow and what follows from its outcome.
import type { Host } from '../../hosts/host.js';
import type { InstanceSpec } from '../../workloads/instance-spec.js';
import { createSteps } from '../../workloads/run-create.js';
import { CREATE_INSTANCE_STEPS, type CreateInstanceContext } from '../../workloads/run-create-instance.js';
import { startWayBack } from '../../workloads/start-steps.js';
import { DELETE_STEPS, deletableDisks } from '../../workloads/run-delete.js';
import { movesLive, type Workload } from '../../workloads/workload.js';
import { parseWorkloadSpec } from '../../workloads/workload-spec.js';
import { Defect } from '../../shared/errors.js';
import { runWorkflow } from '../../shared/workflow.js';
import { createEnding, deleteEnding } from '../endings.js';
import type { Operation } from '../operation.js';
import type { Executor } from '../run-operation.js';
import { withFactsAfter } from './facts-after.js';
import { freshHost, hostOf, losablePlaceOf, param, placeOf, workloadOf, type ExecutePorts } from './execute-ports.js';

export function createExecutor(ports: ExecutePorts): Executor {
  return async (operation, view, journal) => {
    const workload = workloadOf(view, operation);
    const target = hostOf(view, operation.targetHostId, 'target');
    const spec = parseWorkloadSpec(operation.params['spec']);
    if (!spec.ok) throw new Defect(`a specification that was accepted is refused: ${spec.error}`);
    const common = {
      startIt: workload.desired === 'running',
      clock: ports.clock,
      stillWanted: async () => ((await freshHost(ports, target))?.condition === 'online' ? null : `${target.name} is not online`),
    };
    const outcome = spec.value.kind === 'vm'
      ? await runWorkflow(createSteps(spec.value.vm), { ...common, workload, spec: spec.value.vm, target: placeOf(ports, operation, target, workload), make: ports.world.makerOf(target) }, journal, startWayBack)
      : await runWorkflow(CREATE_INSTANCE_STEPS, { ...common, ...instanceContext(ports, { operation, target, workload }, spec.value.container) }, journal, startWayBack);
    const definition = typeof outcome.memo['definition'] === 'string' ? outcome.memo['definition'] : null;
    const ending = createEnding({ operation, workload, outcome, target, definition, nowMs: ports.clock.nowMs() });
    if (outcome.kind !== 'succeeded' || definition === null) return ending;
    // The host made the definition exact: what it needs is read from that.
    return withFactsAfter(ports, { target, workload }, { ...ending, changes: [{ change: 'workload', id: workload.id, set: { needs: ports.world.needsOf(target, definition) } }, ...ending.changes] });
  };
}

interface Creating {
  readonly operation: Operation;
  readonly target: Host;
  readonly workload: Workload;
}

/** Its definition was written when it was asked for: what it is to be a copy of may have gone since. */
function instanceContext(ports: ExecutePorts, { operation, target, workload }: Creating, { source }: InstanceSpec): Omit<CreateInstanceContext, 'clock' | 'startIt' | 'stillWanted'> {
  return {
    operationId: operation.id,
    workload,
    target: losablePlaceOf(ports, operation, target, workload),
    source: source.kind === 'image' ? source : { kind: 'copy', uuid: param(operation, 'copyOf', '') },
    from: source.kind === 'image' ? `image ${source.image}` : `a copy of ${source.from}`,
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
