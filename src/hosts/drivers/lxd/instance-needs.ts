// What the definition of an instance needs of a host: sizes, pool, profiles, networks, bridges, and what ties it to one host.
import type { WorkloadNeeds } from '../../../workloads/workload.js';
import type { ContainerDaemon } from '../../host-facts.js';
import { readInstanceDefinition } from './instance-definition.js';
import { notLive } from './not-live.js';
import { REMOTE_DRIVERS } from './remote-drivers.js';
import { instanceHugepages, memoryOf, sizesOf, type HostSizes } from './sizes.js';

/** `pools`: of the daemon, as far as they are known; one that is not counts as local. */
export interface NeedsContext extends HostSizes {
  readonly pools: ContainerDaemon['pools'];
}

type Device = Readonly<Record<string, string>>;

export function instanceNeedsOf(definition: string, host: NeedsContext): WorkloadNeeds {
  const { driver, kind, architecture, profiles, expanded } = readInstanceDefinition(definition);
  const devices = Object.entries(expanded.devices);
  const isRemote = (pool: string): boolean => REMOTE_DRIVERS.has(host.pools.find(({ name }) => name === pool)?.driver ?? '');
  const sizes = sizesOf(expanded.config, host);
  const hugepages = instanceHugepages(kind, expanded.config, sizes.memoryMiB);
  const root = devices.find(([, device]) => isRoot(device))?.[1];
  // A part of the host is no size of a disk.
  const rootMiB = root?.['size']?.includes('%') ? null : memoryOf(root?.['size'], 0);
  return {
    ...sizes,
    ...(hugepages.length === 0 ? {} : { hugepages }),
    disks: [],
    bridges: unique(devices.flatMap(([, device]) => (isBridged(device) && device['parent'] ? [device['parent']] : []))),
    cpuModel: null,
    architecture,
    accelerator: kind === 'container' ? 'none' : 'kvm',
    driver,
    instance: {
      pool: root?.['pool'] ?? '',
      ...(rootMiB === null ? {} : { rootMiB }),
      profiles,
      networks: unique(devices.flatMap(([, device]) => (device['type'] === 'nic' && device['network'] ? [device['network']] : []))),
      ...(kind === 'container' ? {} : { notLive: notLive(readInstanceDefinition(definition), isRemote, host.memoryMiB) }),
    },
    pinnedBy: devices.flatMap(([name, device]) => pinning(name, device, isRemote)),
  };
}

const isRoot = (device: Device): boolean => device['type'] === 'disk' && device['path'] === '/';
const isBridged = (device: Device): boolean => device['type'] === 'nic' && device['nictype'] === 'bridged';

/** Devices of the host that a container or VM gets for itself; the words are for people. */
const HOST_DEVICES: Readonly<Record<string, string>> = {
  gpu: 'GPU', usb: 'USB device', pci: 'PCI device', infiniband: 'InfiniBand device',
  'unix-char': 'character device', 'unix-block': 'block device', 'unix-hotplug': 'device',
};
/** With their own interface of the host; the same name on another host may lead to another network. */
const HOST_NICS: ReadonlySet<string> = new Set(['physical', 'sriov', 'macvlan', 'ipvlan']);

function pinning(name: string, device: Device, isRemote: (pool: string) => boolean): readonly string[] {
  const type = device['type'] ?? '';
  const hostDevice = HOST_DEVICES[type];
  if (hostDevice) return [`${hostDevice} ${device['source'] ?? device['pci'] ?? device['address'] ?? device['path'] ?? name}`];
  if (type === 'nic' && HOST_NICS.has(device['nictype'] ?? '')) return [`network device ${device['parent'] ?? name} (${device['nictype']})`];
  if (type === 'disk' && !isRoot(device)) return pinningDisk(name, device, isRemote);
  return [];
}

function pinningDisk(name: string, device: Device, isRemote: (pool: string) => boolean): readonly string[] {
  const { source, pool } = device;
  if (pool) return isRemote(pool) ? [] : [`volume ${source ?? name} of pool ${pool}, which is not copied along`];
  if (!source) return [];
  // Made by the daemon itself, or on the network.
  return /^(cloud-init|agent|ceph|cephfs|tmpfs):/.test(source) ? [] : [`host path ${source}`];
}

const unique = (words: readonly string[]): readonly string[] => [...new Set(words)];
