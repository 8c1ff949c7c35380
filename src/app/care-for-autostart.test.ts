// Autostart goes off with protection and back with its end; what could not be given back is told.
import { describe, expect, it } from 'vitest';
import { aHost, aView, aWorkload } from '../../test/fixtures/cluster.js';
import type { Change } from '../cluster/change.js';
import { DEFAULT_POLICY } from '../cluster/cluster-policy.js';
import type { Host } from '../hosts/host.js';
import type { CommandToken } from '../hosts/hypervisor.js';
import { OperationalError } from '../shared/errors.js';
import type { Workload } from '../workloads/workload.js';
import { fakeClock } from '../shared/workflow.fixture.js';
import { RealClusterCommands, type ClusterCommandPorts } from './cluster-commands.js';

const vm = aWorkload('vm-1', null);
const asContainer = (host: Host, set: Partial<Workload> = {}): Workload =>
  aWorkload('web', host, { kind: 'container', needs: { ...vm.needs, driver: 'lxd', accelerator: 'none', instance: { pool: 'default', profiles: [], networks: [] } }, ...set });

/** `overtaken`: as the workload is by the time of the first refusal. */
function commandsOver(host: Host, workload: Workload, refusal: OperationalError | null = null, overtaken: Workload | null = null) {
  const calls: string[] = [];
  const committed: Change[] = [];
  const clock = fakeClock();
  let view = aView({ hosts: [host], workloads: [workload], inventories: [{ hostId: host.id, atMs: clock.nowMs(), bootId: host.bootId ?? '', workloads: [] }] });
  const store = {
    readView: async () => view,
    decideAndCommit: async (changes: (of: typeof view) => readonly Change[]) => {
      committed.push(...changes(view));
      return { ok: true, value: { operationIds: [] } };
    },
  };
  const hypervisor = {
    setAutostart: async (token: CommandToken, uuid: string, on: boolean) => {
      if (overtaken) view = aView({ ...view, workloads: [overtaken] });
      if (overtaken && refusal && token.workload?.epoch !== overtaken.workloadEpoch) throw refusal;
      calls.push(`${uuid} ${on}`);
    },
    giveBackAutostart: async (token: CommandToken, uuid: string) => {
      if (overtaken) view = aView({ ...view, workloads: [overtaken] });
      if (refusal && token.workload?.epoch !== overtaken?.workloadEpoch) throw refusal;
      calls.push(`${uuid} back`);
    },
  };
  const ports = { store, clock, policy: DEFAULT_POLICY, audit: { append: async () => undefined }, committed: async () => undefined, world: { hypervisorOf: () => hypervisor } } as unknown as ClusterCommandPorts;
  const told = (): readonly string[] => committed.flatMap((one) => (one.change === 'event' && one.event.type === 'workload.autostart-kept' ? [one.event.message] : []));
  return { commands: new RealClusterCommands(ports), calls, told };
}

const host = aHost('host-1');

describe('whether a host starts a container at boot', () => {
  it('is given back when its protection ends, when it is forgotten, and when it is taken out of our hands; again when asked again', async () => {
    const { commands, calls, told } = commandsOver(host, asContainer(host));
    await commands.protect('anna', 'web', false);
    await commands.delete('anna', 'web', { deleteDisks: false, forget: true });
    await commands.unmanage('anna', 'web');
    await commands.setDesired('anna', 'web', 'unmanaged');
    expect(calls).toEqual(Array(4).fill('uuid-web back'));
    const again = commandsOver(host, asContainer(host, { isProtected: false }));
    await again.commands.protect('anna', 'web', false);
    expect([again.calls, told()]).toEqual([['uuid-web back'], []]);
  });

  it('is switched off when it is protected, and when a protected one is taken back into our hands', async () => {
    const one = commandsOver(host, asContainer(host, { isProtected: false }));
    await one.commands.protect('anna', 'web', true);
    const taken = commandsOver(host, asContainer(host, { desired: 'unmanaged', state: 'unmanaged' }));
    await taken.commands.manage('anna', 'web', { host: 'host-1', desired: 'running' });
    const kept = commandsOver(host, asContainer(host, { isProtected: false, desired: 'unmanaged', state: 'unmanaged' }));
    await kept.commands.manage('anna', 'web', { host: 'host-1', desired: 'running' });
    expect([one.calls, taken.calls, kept.calls]).toEqual([['uuid-web false'], ['uuid-web false'], []]);
  });

  it('stays as it is, with what to do, where its host does not take it now', async () => {
    const away = aHost('host-1', { condition: 'offline' });
    const off = commandsOver(away, asContainer(away));
    await off.commands.protect('anna', 'web', false);
    expect(off.told()).toEqual([expect.stringMatching(/host-1 is offline.*lxc config get web user\.reeve\.autostart/)]);
    const mute = commandsOver(host, asContainer(host), new OperationalError('unreachable', 'no answer'));
    await mute.commands.delete('anna', 'web', { deleteDisks: false, forget: true });
    expect(mute.told()).toEqual([expect.stringContaining('(no answer)')]);
  });

  it('is given back all the same when what the command set going was first; not when it is protected again by then', async () => {
    const refused = new OperationalError('guard-refused', 'an older epoch');
    const newer = asContainer(host, { isProtected: false, workloadEpoch: 9 });
    const passed = commandsOver(host, asContainer(host), refused, newer);
    await passed.commands.protect('anna', 'web', false);
    const again = commandsOver(host, asContainer(host), refused, { ...newer, isProtected: true });
    await again.commands.protect('anna', 'web', false);
    expect([passed.calls, passed.told(), again.calls]).toEqual([['uuid-web back'], [], []]);
    const off = commandsOver(host, asContainer(host, { isProtected: false }), refused, { ...newer, isProtected: true });
    await off.commands.protect('anna', 'web', true);
    expect(off.calls).toEqual(['uuid-web false']);
  });

  it('is not asked about of a VM: libvirt keeps no note of it', async () => {
    const { commands, calls, told } = commandsOver(host, aWorkload('vm-1', host));
    await commands.protect('anna', 'vm-1', false);
    expect([calls, told()]).toEqual([[], []]);
  });
});
