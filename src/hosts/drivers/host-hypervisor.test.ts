// A host with several hypervisors: one that does not answer hides what it runs, and nothing else.
import { describe, expect, it } from 'vitest';
import { OperationalError } from '../../shared/errors.js';
import type { CopyRequest, DriverName, Hypervisor, InstanceCopies, InventoryLook, ObservedWorkload, Replica } from '../hypervisor.js';
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

describe('copies on a host with LXD and Incus, of which the one does not answer', () => {
  const replica = (uuid: string): Replica => ({ uuid, name: uuid, kind: 'replica', asOfMs: 1 });
  function copying(of: Readonly<Record<'lxd' | 'incus', readonly string[] | null>>, known: Readonly<Record<string, DriverName>> = {}) {
    const done: string[] = [];
    const driver = (name: 'lxd' | 'incus') => {
      const has = of[name];
      const answers = async <T>(value: (own: readonly string[]) => T): Promise<T> => (has === null ? Promise.reject(mute) : value(has));
      const act = (what: string) => async (_token: unknown, uuid: string) => answers(() => void done.push(`${name} ${what} ${uuid}`));
      const copies: Partial<InstanceCopies> = {
        replicas: (uuid) => answers((own) => own.filter((one) => one === uuid).map(replica)),
        allReplicas: () => answers((own) => ({ replicas: own.map(replica), mute: [] })),
        // Of a folder on the host: the daemon is not asked.
        copyCommand: async (id) => (id.startsWith(name) ? { kind: 'running' } : { kind: 'none' }),
        reaches: () => answers(() => true),
        prepare: act('prepare'), settle: act('settle'), deleteReplica: act('delete'), abortCopy: act('abort'),
        startCopy: async (_token: unknown, { uuid }: CopyRequest) => answers(() => void done.push(`${name} copy ${uuid}`)),
      };
      const hypervisor = { copies, inventory: () => answers(() => ({ workloads: [], mute: [] })), overtake: async () => void done.push('guard') } as unknown as Hypervisor;
      return { name, hypervisor, takes: () => false };
    };
    const host = new HostHypervisor([driver('lxd'), driver('incus')], () => Promise.reject(new Error('no facts')), { clock: { sleep: async () => undefined }, driverOf: (uuid) => known[uuid] });
    return { copies: host.copies!, done };
  }

  it('go on with what is the other one\'s', async () => {
    const { copies, done } = copying({ lxd: null, incus: ['c1'] }, { c1: 'incus', c2: 'incus', c3: 'lxd' });
    for (const uuid of ['c1', 'c2']) {
      await copies.prepare(TOKEN, uuid, true);
      await copies.settle(TOKEN, uuid, uuid);
      await copies.deleteReplica(TOKEN, uuid);
    }
    expect(done).toEqual(['c1', 'c2'].flatMap((uuid) => [`incus prepare ${uuid}`, `incus settle ${uuid}`, `incus delete ${uuid}`]));
    expect([await copies.replicas('c1'), await copies.replicas('c2')]).toEqual([[replica('c1')], []]);
    for (const act of [copies.prepare(TOKEN, 'c3', true), copies.settle(TOKEN, 'c3', 'c3'), copies.replicas('c3')]) await expect(act).rejects.toBe(mute);
    expect(await copies.reaches('host-2')).toBe(true);
  });

  it('of what Reeve does not know are the first one\'s that has them; where nobody has them, the one that is mute may', async () => {
    const { copies, done } = copying({ lxd: null, incus: ['c1'] });
    await copies.deleteReplica(TOKEN, 'c1');
    await expect(copies.deleteReplica(TOKEN, 'c2')).rejects.toBe(mute);
    expect(done).toEqual(['incus delete c1']);
    const both = copying({ lxd: ['c1'], incus: ['c1'] });
    await both.copies.settle(TOKEN, 'c1', 'c1');
    expect(both.done).toEqual(['lxd settle c1']);
  });

  it('are listed by the one, and are unknown of the other alone', async () => {
    const { copies } = copying({ lxd: null, incus: ['c1'] });
    expect(await copies.allReplicas()).toEqual({ replicas: [replica('c1')], mute: [{ driver: 'lxd', why: 'connection refused' }] });
  });

  it('are ended where they were begun; the guard alone hears of what was begun nowhere', async () => {
    const { copies, done } = copying({ lxd: null, incus: [] });
    await copies.abortCopy(TOKEN, 'incus-1');
    await copies.abortCopy(TOKEN, 'never');
    expect(done).toEqual(['incus abort incus-1', 'guard']);
    await expect(copies.abortCopy(TOKEN, 'lxd-1')).rejects.toBe(mute);
  });
});
