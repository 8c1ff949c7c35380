// Definitions of instances: the same twice, without what is of the moment; and what they need of a host.
import { describe, expect, it } from 'vitest';
import type { Instance } from './instance.js';
import { definitionOf, readInstanceDefinition, takesDefinition } from './instance-definition.js';
import { instanceNeedsOf } from './instance-needs.js';
import { parseInventory } from './inventory.js';
import { INVENTORY, INVENTORY_WITH_REPLICA } from './recorded.fixture.js';

const UUID = '34214efd-0507-4b8d-8569-5306359cc488';
const container = parseInventory(INVENTORY).instances.find((one) => one.project === 'default')!;
const replica = parseInventory(INVENTORY_WITH_REPLICA).instances[0]!;
const host = { cpus: 4, memoryMiB: 8_000, pools: [{ name: 'default', driver: 'dir', source: null }, { name: 'far', driver: 'ceph', source: null }] };
const needs = (devices: Instance['devices'], more: Partial<Instance> = {}) => instanceNeedsOf(definitionOf({ ...container, ...more, expanded_devices: { ...container.expanded_devices, ...devices } }, UUID, 'lxd'), host);

describe('definitionOf', () => {
  it('says the same of the workload and of its copy: nothing of the moment, nothing of ours', () => {
    expect(definitionOf(replica, UUID, 'lxd')).toBe(definitionOf(container, UUID, 'lxd'));
    expect(definitionOf({ ...container, status: 'Stopped', config: Object.fromEntries(Object.entries(container.config).reverse()) }, UUID, 'lxd')).toBe(definitionOf(container, UUID, 'lxd'));
    expect(readInstanceDefinition(definitionOf(container, UUID, 'lxd'))).toMatchObject({ uuid: UUID, name: 'c1', project: 'default', kind: 'container', architecture: 'x86_64', profiles: ['default'], config: { 'user.x': '1' }, devices: {} });
    expect(definitionOf(container, UUID, 'lxd')).not.toMatch(/volatile|user\.reeve|boot\.autostart/);
  });

  it('is taken by the driver that made it, and by no other', () => {
    const text = definitionOf(container, UUID, 'lxd');
    expect([takesDefinition('lxd', text), takesDefinition('incus', text), takesDefinition('lxd', '<domain/>'), takesDefinition('lxd', '{}'), takesDefinition('lxd', '{')]).toEqual([true, false, false, false, false]);
    expect(() => readInstanceDefinition('{}')).toThrow('no definition of an instance');
  });
});

describe('instanceNeedsOf', () => {
  it('reads sizes, pool, profiles and bridges', () => {
    expect(needs({})).toEqual({
      vcpus: 1, memoryMiB: 1024, disks: [], bridges: ['br0'], cpuModel: null, architecture: 'x86_64', accelerator: 'none', driver: 'lxd',
      instance: { pool: 'default', profiles: ['default'], networks: [] }, pinnedBy: [],
    });
    expect(needs({}, { type: 'virtual-machine', expanded_config: {} })).toMatchObject({ accelerator: 'kvm', vcpus: 1, memoryMiB: 1024 });
    expect(needs({}, { expanded_config: {} })).toMatchObject({ vcpus: 1, memoryMiB: 1024 });
  });

  it.each<[string | undefined, number | undefined]>([['20GiB', 20_480], [undefined, undefined], ['', undefined], ['50%', undefined]])('reads the size %s of its root', (size, rootMiB) => {
    expect(needs({ root: { type: 'disk', path: '/', pool: 'default', ...(size === undefined ? {} : { size }) } }).instance?.rootMiB).toBe(rootMiB);
  });

  it('names managed networks apart from bridges', () => {
    expect(needs({ eth0: { type: 'nic', network: 'lxdbr0' }, eth1: { type: 'nic', network: 'lxdbr0' } })).toMatchObject({ bridges: [], instance: { networks: ['lxdbr0'] } });
  });

  it.each([
    ['GPU 0000:01:00.0', { type: 'gpu', pci: '0000:01:00.0' }],
    ['USB device x', { type: 'usb', vendorid: '046d' }],
    ['character device /dev/ttyS0', { type: 'unix-char', source: '/dev/ttyS0', path: '/dev/tty0' }],
    ['PCI device 0000:02:00.0', { type: 'pci', address: '0000:02:00.0' }],
    ['network device enp3s0 (sriov)', { type: 'nic', nictype: 'sriov', parent: 'enp3s0' }],
    ['network device enp3s0 (macvlan)', { type: 'nic', nictype: 'macvlan', parent: 'enp3s0' }],
    ['host path /srv/data', { type: 'disk', source: '/srv/data', path: '/data' }],
    ['volume v1 of pool default, which is not copied along', { type: 'disk', source: 'v1', pool: 'default', path: '/v' }],
    ['volume v1 of pool unknown, which is not copied along', { type: 'disk', source: 'v1', pool: 'unknown', path: '/v' }],
  ])('is tied to its host by a %s', (words, device) => {
    expect(needs({ x: device as Record<string, string> }).pinnedBy).toEqual([words]);
  });

  it.each([
    [{ type: 'disk', source: 'v1', pool: 'far', path: '/v' }],
    [{ type: 'disk', source: 'cloud-init:config' }],
    [{ type: 'disk', source: 'cephfs:fs/path', path: '/c' }],
    [{ type: 'nic', nictype: 'p2p' }],
    [{ type: 'proxy', listen: 'tcp:0.0.0.0:80', connect: 'tcp:127.0.0.1:80' }],
    [{ type: 'none' }],
  ])('is not tied by %j', (device) => {
    expect(needs({ x: device as unknown as Record<string, string> }).pinnedBy).toEqual([]);
  });
});
