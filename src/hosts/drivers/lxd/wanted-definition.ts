// The definition of an instance that is not there yet: of an image what was asked for, of another instance what that one has and what was asked for otherwise.
import type { InstanceSpec, WantedInstance } from '../../../workloads/instance-spec.js';
import { readInstanceDefinition, type InstanceDefinition } from './instance-definition.js';

type Words = Record<string, string>;
type Devices = Record<string, Words>;

export function wantedDefinition({ uuid, spec, copied }: WantedInstance, architecture: string): string {
  const from = copied === null ? null : readInstanceDefinition(copied);
  const base: Omit<InstanceDefinition, 'uuid' | 'name' | 'expanded'> = from ?? { driver: spec.driver, project: 'default', kind: 'container', architecture, profiles: ['default'], config: {}, devices: {} };
  const config: Words = { ...base.config, ...limits(spec), ...spec.config };
  const devices: Devices = { ...withoutAddresses(base.devices), ...nics(spec.network), ...rootDisk(spec.disk, base.devices) };
  const { driver, project, kind } = base;
  // What the profiles add is in it once it is made. Networks that were asked for take the place of those of what is copied.
  const expanded = { config: { ...from?.expanded.config, ...config }, devices: { ...withoutAddresses(from?.expanded.devices ?? {}), ...devices } };
  const definition: InstanceDefinition = { driver, uuid, name: spec.name, project, kind, architecture: base.architecture, profiles: [...(spec.profiles ?? base.profiles)], config, devices, expanded };
  return `${JSON.stringify(definition, null, 2)}\n`;
}

function limits({ vcpus, memoryMiB }: InstanceSpec): Words {
  return { ...(vcpus === null ? {} : { 'limits.cpu': String(vcpus) }), ...(memoryMiB === null ? {} : { 'limits.memory': `${memoryMiB}MiB` }) };
}

/** Two with one hardware address would take each other's datagrams. */
function withoutAddresses(devices: Readonly<Devices>): Devices {
  return Object.fromEntries(Object.entries(devices).map(([name, { hwaddr: _, ...device }]) => [name, device]));
}

/** By the names that the daemons' own profiles use: they take the place of those. */
function nics(network: InstanceSpec['network']): Devices {
  return Object.fromEntries(network.map(({ to, mac }, index) => {
    const place: Words = to.kind === 'bridge' ? { nictype: 'bridged', parent: to.name } : { network: to.name };
    return [`eth${index}`, { type: 'nic', name: `eth${index}`, ...place, ...(mac === null ? {} : { hwaddr: mac }) }];
  }));
}

function rootDisk(disk: InstanceSpec['disk'], devices: Readonly<Devices>): Devices {
  if (disk === null) return {};
  const name = Object.entries(devices).find(([, device]) => device['type'] === 'disk' && device['path'] === '/')?.[0] ?? 'root';
  return { [name]: { type: 'disk', path: '/', pool: disk.pool, ...(disk.sizeMiB === null ? {} : { size: `${disk.sizeMiB}MiB` }) } };
}
