// Copies of a workload on simulated hosts, listed and deleted.
import { describe, expect, it } from 'vitest';
import { aHost, aView, aWorkload } from '../../test/fixtures/cluster.js';
import type { ClusterView } from '../cluster/cluster-view.js';
import type { Host } from '../hosts/host.js';
import { DESTINATION, moveWorld, SOURCE, UUID, type MoveWorld } from '../migration/migration.fixture.js';
import { runReplication } from '../migration/run-replication.js';
import { crashingJournal } from '../shared/workflow.fixture.js';
import { SimulatedHypervisor } from '../sim/simulated-hypervisor.js';
import { discardCopy, listCopies } from './copies.js';

const [home, standby, away] = [aHost(SOURCE), aHost(DESTINATION), aHost('host-3', { condition: 'silent' })];

async function copiedTwice(): Promise<{ one: MoveWorld; world: { hypervisorOf: (host: Host) => SimulatedHypervisor }; view: ClusterView }> {
  const one = moveWorld({ isLocal: true });
  for (const operationId of ['op-1', 'op-2']) await runReplication({ ...one.copying, operationId, stillWanted: async () => null }, crashingJournal().journal());
  const asOfMs = one.world.host(DESTINATION).domains.get(UUID)?.replica?.asOfMs ?? null;
  const workload = { ...aWorkload('vm-1', home), uuid: UUID, workloadEpoch: 3, replica: { hostId: standby.id, asOfMs, triedAtMs: 0, why: null, isToldLate: false } };
  return { one, world: { hypervisorOf: (host) => new SimulatedHypervisor(one.world, host.name) }, view: aView({ hosts: [home, standby, away], workloads: [workload] }) };
}

const kinds = async (world: Parameters<typeof listCopies>[0], view: ClusterView): Promise<readonly string[]> => (await listCopies(world, view, 'vm-1')).copies.map((one) => `${one.host} ${one.kind}${one.isRecoveredFrom ? ', recovered from' : ''}`);

describe('copies on the hosts', () => {
  it('are what the hosts say now; of one that is away nothing is known', async () => {
    const { world, view } = await copiedTwice();
    expect(await kinds(world, view)).toEqual(['host-2 replica, recovered from', 'host-2 spare']);
    expect((await listCopies(world, view, null)).unseen).toEqual([{ host: 'host-3', why: 'it is silent' }]);
  });

  it('go one by one, as they are asked for; what it would be recovered from only by force', async () => {
    const { one, world, view } = await copiedTwice();
    const committed: unknown[] = [];
    const parts = { world, view: async () => view, commit: async (changes: (now: ClusterView) => unknown) => committed.push(changes(view)) };
    await discardCopy(parts, 'anna', 'vm-1', { host: DESTINATION, kind: 'spare', force: false });
    expect([await kinds(world, view), committed.length]).toEqual([['host-2 replica, recovered from'], 1]);
    await expect(discardCopy(parts, 'anna', 'vm-1', { host: DESTINATION, kind: 'replica', force: false })).rejects.toThrow(/would be recovered/);
    await expect(discardCopy(parts, 'anna', 'vm-1', { host: 'host-3', kind: 'replica', force: true })).rejects.toThrow(/host-3 is silent/);
    expect([await kinds(world, view), committed.length]).toEqual([['host-2 replica, recovered from'], 1]);
    await discardCopy(parts, 'anna', 'vm-1', { host: DESTINATION, kind: 'replica', force: true });
    expect([await kinds(world, view), one.world.executingOn(UUID)]).toEqual([[], [SOURCE]]);
  });

  it('stay while its home does not show it', async () => {
    const { one, world, view } = await copiedTwice();
    const parts = { world, view: async () => view, commit: async () => expect.unreachable('nothing is written down') };
    one.world.host(SOURCE).domains.delete(UUID);
    await expect(discardCopy(parts, 'anna', 'vm-1', { host: DESTINATION, kind: 'spare', force: false })).rejects.toThrow(/all that is left/);
    expect(await kinds(world, view)).toHaveLength(2);
  });
});
