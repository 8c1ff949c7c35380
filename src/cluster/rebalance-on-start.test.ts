// What was stopped and is wanted running: where it was, or, by policy, where placement likes it best now.
import { describe, expect, it } from 'vitest';
import { aWorkload } from '../../test/fixtures/cluster.js';
import { decision, inventory, one, operationsOf, shown, three, two } from './decide.fixture.js';
import type { Workload } from '../workloads/workload.js';

const wanted = aWorkload('vm', one, { state: 'waiting' });
const others = ['a', 'b', 'c'].map((name) => aWorkload(name, one));

function begun(workload: Workload, rebalanceOnStart: boolean, rules: Parameters<typeof decision>[0]['rules'] = []): readonly string[] {
  const inventories = [inventory(one, [shown(workload, 'stopped', 'shutdown'), ...others.map((each) => shown(each, 'running'))]), inventory(two, []), inventory(three, [])];
  return operationsOf(decision({ workloads: [workload, ...others], inventories, rules }, { policy: { rebalanceOnStart } }));
}

describe('rebalanceOnStart', () => {
  it('starts it where it was, unless the policy says otherwise', () => {
    expect(begun(wanted, false)).toEqual(['start vm host-1']);
    expect(begun(wanted, true)).toEqual(['relocate vm host-2']);
  });

  it('leaves what can not move live, and members of groups, where they were', () => {
    const container = { ...wanted, kind: 'container' as const, drainPolicy: 'relocate' as const, needs: { ...wanted.needs, disks: [], driver: 'lxd' as const, instance: { pool: 'default', profiles: [], networks: [] } } };
    expect(begun(container, true)).not.toContainEqual(expect.stringMatching(/^relocate/));
    expect(begun(wanted, true, [{ name: 'pair', type: 'keep-together', hard: true, workloads: [wanted.id, others[0]!.id] }])).toEqual(['start vm host-1']);
  });
});
