// Where a new workload may not go, and which of that passes by itself.
import { describe, expect, it } from 'vitest';
import { aHost, aView } from '../../test/fixtures/cluster.js';
import { DEFAULT_POLICY } from '../cluster/cluster-policy.js';
import type { Host } from '../hosts/host.js';
import type { PlacementView } from '../scheduler/placement.js';
import { PassingConflict, UserError } from '../shared/errors.js';
import { workloadId } from '../shared/ids.js';
import { newWorkload } from './new-workload.js';

const spec = { name: 'vm-9', vcpus: 1, memoryMiB: 64, disks: [{ pool: 'shared', sizeMiB: 1, format: 'raw' }] };
const [one, two] = [aHost('host-1'), aHost('host-2')];

function created(host: string | null, hosts: readonly Host[], heard: readonly Host[]): unknown {
  const view = aView({ hosts: [...hosts] });
  const placement: PlacementView = { hosts, workloads: [], heard: new Set(heard.map(({ id }) => id)), leaseless: new Set(), promised: [], rules: [], policy: DEFAULT_POLICY.placement };
  try {
    return newWorkload(view, placement, { host, spec, define: () => '', isProtected: false, labels: {}, priority: 0, start: true, actor: 'anna', uuid: 'u', id: workloadId('w') }).length;
  } catch (error) {
    return error;
  }
}

describe('a workload that is asked for on one host', () => {
  it('is waited with while that is not heard for a moment, as after a boot', () => {
    expect(created('host-1', [one, two], [one, two])).toBe(3);
    const refused = created('host-1', [one, two], [two]);
    expect(refused).toBeInstanceOf(PassingConflict);
    expect((refused as Error).message).toBe("host-1 can't take vm-9: the agent of host-1 is not heard now");
  });

  it('is refused at once for what does not pass', () => {
    const refused = created('host-1', [{ ...one, cordoned: true }, two], [one, two]);
    expect(refused).toBeInstanceOf(UserError);
    expect(refused).not.toBeInstanceOf(PassingConflict);
    expect(created(null, [{ ...one, cordoned: true }], [one])).not.toBeInstanceOf(PassingConflict);
  });
});
