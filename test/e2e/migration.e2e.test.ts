// The migration and relocation workflows over real libvirt and QEMU: arrives, is cancelled, is killed and resumed, loses its destination.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { waitUntil } from '../../lab/wait-until.js';
import { needsOf } from '../../src/hosts/drivers/libvirt/domain-needs.js';
import { DEFAULT_MIGRATION_POLICY, type MigrationPolicy } from '../../src/migration/migration-policy.js';
import type { MigrationContext } from '../../src/migration/migration-context.js';
import { runMigration } from '../../src/migration/run-migration.js';
import { runRelocation } from '../../src/migration/run-relocation.js';
import type { Clock } from '../../src/shared/clock.js';
import { crashingJournal } from '../../src/shared/workflow.fixture.js';
import { admit, agentConfig, Epochs, newGuest, type Guest } from '../conformance/rig.js';
import { realRig, type RealHost, type RealRig } from './real-rig.js';

const isRoot = process.getuid?.() === 0;
const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};
/** Slow enough for a heavy guest to be on its way for many seconds. */
const SLOW: Partial<MigrationPolicy> = { bandwidthMiBps: 1, maxDowntimeMs: 1, autoConverge: false };

describe.skipIf(!isRoot)('moves over real hosts', () => {
  let rig: RealRig;
  const epochs = new Epochs();
  beforeAll(async () => {
    rig = await realRig('mg1');
    for (const host of rig.hosts) {
      await host.agent.install(agentConfig(host));
      await admit(host, epochs);
    }
  });
  afterAll(() => rig?.close());
  afterEach(async () => {
    for (const host of rig.hosts) {
      for (const { uuid, name } of (await host.hypervisor.inventory()).workloads) {
        const guest = { uuid, name };
        await host.hypervisor.kill(epochs.token(host, guest), uuid);
        await host.hypervisor.undefine(epochs.token(host, guest), uuid);
      }
    }
  });

  async function started(more: Partial<Guest> = {}): Promise<Guest> {
    const [one] = rig.hosts;
    const guest = newGuest(more);
    await one.hypervisor.define(epochs.token(one, guest), rig.definition(guest));
    await one.hypervisor.start(epochs.token(one, guest), guest.uuid);
    return guest;
  }

  function contextOf(guest: Guest, policy: Partial<MigrationPolicy> = {}, provenOff: MigrationContext['provenOff'] = async () => false): MigrationContext {
    const [one, two] = rig.hosts;
    const definition = rig.definition(guest);
    const place = ({ name, hypervisor }: RealHost, host: RealHost): Pick<MigrationContext['source'], 'name' | 'hypervisor' | 'token'> => ({ name, hypervisor, token: epochs.token(host, guest) });
    return {
      operationId: `op-${guest.name}`, workload: { uuid: guest.uuid, name: guest.name, definition, needs: needsOf(definition, []) },
      source: place(one, one), destination: { ...place(two, two), sshUser: 'root', sshPort: 22, address: two.address },
      clock, policy: { ...DEFAULT_MIGRATION_POLICY, ...policy }, copyStorage: false, provenOff,
    };
  }

  const states = async (guest: Guest): Promise<readonly string[]> => Promise.all(rig.hosts.map(async ({ hypervisor }) => (await hypervisor.observe(guest.uuid))?.runState ?? 'absent'));
  const onTheWay = (guest: Guest): Promise<unknown> =>
    waitUntil('an incoming copy', async () => ((await states(guest))[1] === 'migrating-in' ? true : null), { timeoutMs: 30_000, everyMs: 100 });

  it('arrives with its definition, its downtime known; a stale definition at the destination does not stand in the way', async () => {
    const guest = await started();
    const [, two] = rig.hosts;
    await two.hypervisor.define(epochs.token(two, guest), rig.definition(guest));
    const outcome = await runMigration(contextOf(guest), crashingJournal().journal());
    expect(outcome).toMatchObject({ kind: 'succeeded', memo: { downtimeMs: expect.any(Number) as number, totalMs: expect.any(Number) as number } });
    expect(await states(guest)).toEqual(['absent', 'running']);
    expect(await two.hypervisor.observe(guest.uuid)).toMatchObject({ persistent: true });
  });

  it('is cancelled on the way: it runs on at the source, nothing is left', async () => {
    const guest = await started({ isHeavy: true, memoryMiB: 96 });
    const { journal, cancel } = crashingJournal();
    const ending = runMigration(contextOf(guest, SLOW), journal());
    await onTheWay(guest);
    cancel();
    expect(await ending).toMatchObject({ kind: 'cancelled' });
    expect(await states(guest)).toEqual(['running', 'absent']);
  });

  it('takes too long: aborted with the bound that it passed', async () => {
    const guest = await started({ isHeavy: true, memoryMiB: 96 });
    const outcome = await runMigration(contextOf(guest, { ...SLOW, timeoutMs: 3_000 }), crashingJournal().journal());
    expect(outcome).toMatchObject({ kind: 'failed', code: 'did-not-move', why: expect.stringContaining('not done within 3 s') as string });
    expect(await states(guest)).toEqual(['running', 'absent']);
  });

  it('we are killed on the way, and resumed: it moves once', async () => {
    const guest = await started({ isHeavy: true, memoryMiB: 96 });
    const context = contextOf(guest, { bandwidthMiBps: 4 });
    // precheck, clear-destination and start are written down; the first progress is lost.
    const { journal, log } = crashingJournal(7);
    await expect(runMigration(context, journal())).rejects.toThrow('killed');
    const outcome = await runMigration(context, journal());
    expect(outcome).toMatchObject({ kind: 'succeeded' });
    expect(log.filter((line) => line === 'started start')).toHaveLength(1);
    expect(await states(guest)).toEqual(['absent', 'running']);
  });

  it('the command is killed on the way: libvirt goes on, and so do we', async () => {
    const guest = await started({ isHeavy: true, memoryMiB: 96 });
    const ending = runMigration(contextOf(guest, { bandwidthMiBps: 4 }), crashingJournal().journal());
    await onTheWay(guest);
    await rig.lab.exec(rig.hosts[0].lab, ['sh', '-c', `kill -KILL $(cat /run/reeve/ops/op-${guest.name}/pid); for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline 2>/dev/null | grep -q "^virsh .*migrate .*${guest.uuid}" && kill -KILL \${p#/proc/}; done; true`]);
    expect(await rig.hosts[0].hypervisor.migrationCommand(`op-${guest.name}`)).toMatchObject({ kind: 'ended', exitCode: -1 });
    expect(await states(guest)).toEqual(['running', 'migrating-in']);
    expect(await ending).toMatchObject({ kind: 'succeeded' });
    expect(await states(guest)).toEqual(['absent', 'running']);
  });

  it('a refusal names what is missing, and nothing moves', async () => {
    await rig.lab.exec(rig.hosts[0].lab, ['sh', '-c', 'ip link add br7 type bridge && ip link set br7 up']);
    const guest = await started({ bridge: 'br7' });
    expect(await runMigration(contextOf(guest), crashingJournal().journal())).toMatchObject({ kind: 'failed', code: 'bridge-missing', why: expect.stringContaining('host-2 has no bridge br7') as string });
    expect(await states(guest)).toEqual(['running', 'absent']);
  });

  it('relocates: stopped here, started there, nothing left here', async () => {
    const guest = await started();
    const { workload, source, destination } = contextOf(guest);
    // A guest that is only firmware ignores the power button: it is ended after the grace.
    const outcome = await runRelocation({ workload, source, target: destination, clock, stillWanted: async () => null, graceMs: 1_000, killAfter: true }, crashingJournal().journal());
    expect(outcome).toMatchObject({ kind: 'succeeded' });
    expect(await states(guest)).toEqual(['absent', 'running']);
  });

  it('the destination loses its power on the way: it runs on at the source', async () => {
    const guest = await started({ isHeavy: true, memoryMiB: 96 });
    let off = false;
    const ending = runMigration(contextOf(guest, SLOW, async (side) => side === 'destination' && off), crashingJournal().journal());
    await onTheWay(guest);
    const [one, two] = rig.hosts;
    await rig.lab.powerCut(two.lab);
    off = true;
    expect(await ending).toMatchObject({ kind: 'failed', code: 'did-not-move' });
    expect(await one.hypervisor.observe(guest.uuid)).toMatchObject({ runState: 'running' });
    await rig.lab.powerOn(two.lab);
    await rig.lab.waitUp([two.lab]);
    epochs.raiseHost(two);
    await admit(two, epochs);
  });
});
