// Lease: the guard of a workload's host notes that it runs under the host's lease, or no longer.
import { runWorkflow, type Step } from '../../shared/workflow.js';
import { unlessRefused, type Place } from '../../workloads/place.js';
import { ending } from '../endings.js';
import type { Executor } from '../run-operation.js';
import { hostOf, param, placeOf, workloadOf, type ExecutePorts } from './execute-ports.js';

export const LEASE_STEPS: readonly Step<{ readonly target: Place }>[] = [
  {
    name: 'announce',
    run: async ({ target }) => (await unlessRefused(() => target.hypervisor.announce(target.token))) ?? { kind: 'done' },
  },
];

export function leaseExecutor(ports: ExecutePorts): Executor {
  return async (operation, view, journal) => {
    const workload = workloadOf(view, operation);
    const host = hostOf(view, operation.hostId, 'source');
    const held = param(operation, 'hold', true);
    const place = placeOf(ports, operation, host, workload);
    const outcome = await runWorkflow(LEASE_STEPS, { target: { ...place, token: { ...place.token, lease: held } } }, journal);
    return ending(outcome, outcome.kind === 'succeeded' ? [{ change: 'workload', id: workload.id, set: { leasedOn: held ? host.id : null } }] : []);
  };
}
