// A host with several hypervisors: one that does not answer hides what it runs, and nothing else.
import { describe, expect, it } from 'vitest';
import { OperationalError } from '../../shared/errors.js';
import type { DriverName, Hypervisor, InventoryLook, ObservedWorkload } from '../hypervisor.js';
import { HostHypervisor } from './host-hypervisor.js';

const shown = (uuid: string, driver: DriverName): ObservedWorkload => ({ uuid, name: uuid, kind: driver === 'libvirt' ? 'vm' : 'container', driver, runState: 'running', reason: 'unknown', vcpus: 1, memoryMiB: 64, autostart: false, persistent: true });
const mute = new OperationalError('unreachable', 'connection refused');

interface Fake {
  inventory: () => Promise<InventoryLook>;
  asked: number;
  killed: string[];
}

function setUp() {
  const fakes: Record<'libvirt' | 'lxd', Fake> = {
    libvirt: { inventory: async () => ({ workloads: [shown('vm', 'libvirt')], mute: [] }), asked: 0, killed: [] },
    lxd: { inventory: async () => ({ workloads: [shown('c1', 'lxd')], mute: [] }), asked: 0, killed: [] },
  };
  const driver = (name: 'libvirt' | 'lxd') => {
    const fake = fakes[name];
    const hypervisor = {
      copies: null,
      inventory: () => ((fake.asked += 1), fake.inventory()),
      observe: async (uuid: string) => (await fake.inventory()).workloads.find((one) => one.uuid === uuid) ?? null,
      kill: async (_token: unknown, uuid: string) => void fake.killed.push(uuid),
    } as unknown as Hypervisor;
    return { name, hypervisor, takes: () => false };
  };
  const drivers = new Map<string, DriverName>();
  const waits: number[] = [];
  const host = new HostHypervisor([driver('libvirt'), driver('lxd')], () => Promise.reject(new Error('no facts')), { clock: { sleep: async (ms) => void waits.push(ms) }, driverOf: (uuid) => drivers.get(uuid) });
  return { host, fakes, waits, drivers };
}
const TOKEN = { leaderEpoch: 1, hostEpoch: 1, workload: null } as unknown as Parameters<Hypervisor['kill']>[0];

describe('a host with libvirt and LXD', () => {
  it('shows what both run', async () => {
    const { host } = setUp();
    expect(await host.inventory()).toMatchObject({ workloads: [{ uuid: 'vm' }, { uuid: 'c1' }], mute: [] });
  });

  it('shows what the one runs while the other does not answer, and says which', async () => {
    const { host, fakes } = setUp();
    fakes.lxd.inventory = () => Promise.reject(mute);
    expect(await host.inventory()).toMatchObject({ workloads: [{ uuid: 'vm' }], mute: [{ driver: 'lxd', why: 'connection refused' }] });
  });

  it('fails when neither answers', async () => {
    const { host, fakes } = setUp();
    for (const fake of Object.values(fakes)) fake.inventory = () => Promise.reject(mute);
    await expect(host.inventory()).rejects.toBe(mute);
  });

  it('does not keep the one waiting for the other, nor asks it again before it has answered', async () => {
    const { host, fakes, waits } = setUp();
    let answer: (look: InventoryLook) => void = () => undefined;
    fakes.lxd.inventory = () => new Promise((resolve) => (answer = resolve));
    expect(await host.inventory()).toMatchObject({ workloads: [{ uuid: 'vm' }], mute: [{ driver: 'lxd', why: expect.stringContaining('not answered yet') as string }] });
    expect(waits).toEqual([3_000]);
    expect(await host.inventory()).toMatchObject({ workloads: [{ uuid: 'vm' }], mute: [{ driver: 'lxd' }] });
    expect(fakes.lxd.asked).toBe(1);
    answer({ workloads: [shown('c1', 'lxd')], mute: [] });
    await new Promise(setImmediate);
    fakes.lxd.inventory = async () => ({ workloads: [], mute: [] });
    expect(await host.inventory()).toMatchObject({ workloads: [{ uuid: 'vm' }], mute: [] });
    expect(fakes.lxd.asked).toBe(2);
  });

  it('does not say that a workload is nowhere while one that may have it does not answer', async () => {
    const { host, fakes } = setUp();
    fakes.lxd.inventory = () => Promise.reject(mute);
    await expect(host.observe('c1')).rejects.toBe(mute);
    await expect(host.kill(TOKEN, 'c1')).rejects.toBe(mute);
    expect(await host.observe('vm')).toMatchObject({ uuid: 'vm' });
    await host.kill(TOKEN, 'vm');
    expect([fakes.libvirt.killed, fakes.lxd.killed]).toEqual([['vm'], []]);
  });

  it('asks the one alone that runs workloads of its kind, where it was never seen', async () => {
    const { host, fakes, drivers } = setUp();
    fakes.lxd.inventory = () => Promise.reject(mute);
    drivers.set('vm-of-another-host', 'libvirt').set('c-of-another-host', 'lxd');
    expect(await host.observe('vm-of-another-host')).toBeNull();
    await host.kill(TOKEN, 'vm-of-another-host');
    expect(fakes.libvirt.killed).toEqual(['vm-of-another-host']);
    await expect(host.observe('c-of-another-host')).rejects.toBe(mute);
  });

  it('remembers whose a workload is', async () => {
    const { host, fakes } = setUp();
    await host.inventory();
    fakes.libvirt.inventory = () => Promise.reject(mute);
    expect(await host.observe('c1')).toMatchObject({ uuid: 'c1' });
    await host.kill(TOKEN, 'c1');
    expect(fakes.lxd.killed).toEqual(['c1']);
  });
});
