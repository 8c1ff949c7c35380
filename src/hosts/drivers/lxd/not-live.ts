// What in the settings of a virtual machine keeps LXD or Incus from moving it while it runs. From their documentation and sources: none could be run here.
import type { InstanceNeeds } from '../../../workloads/workload.js';
import { clientOf } from '../../../workloads/by-hand.js';
import type { InstanceDefinition } from './instance-definition.js';
import { memoryOf, sizesOf } from './sizes.js';

const isTrue = (word: string | undefined): boolean => word !== undefined && ['true', '1', 'yes', 'on'].includes(word.toLowerCase());

export function notLive({ name, driver, devices, expanded }: InstanceDefinition, isRemote: (pool: string) => boolean, hostMemoryMiB: number): NonNullable<InstanceNeeds['notLive']> {
  const client = clientOf(driver);
  const whileStopped = (command: string): string => `${client} stop ${name} && ${command} && ${client} start ${name}`;
  const stateful = isTrue(expanded.config['migration.stateful']) ? [] : [{ why: `migration.stateful of ${name} is not set, which can be set only while it is stopped`, remedy: whileStopped(`${client} config set ${name} migration.stateful=true`) }];
  const [rootName, root] = Object.entries(expanded.devices).find(([, device]) => device['type'] === 'disk' && device['path'] === '/') ?? ['root', {}];
  const { memoryMiB } = sizesOf(expanded.config, { memoryMiB: hostMemoryMiB });
  // Incus asks for it no longer, since 0.7.
  const isAsked = driver === 'lxd' && !isRemote(root['pool'] ?? '');
  const stateMiB = memoryOf(root['size.state'], hostMemoryMiB) ?? 0;
  // A device that only a profile has is changed for this one by an override.
  const verb = devices[rootName] === undefined ? 'override' : 'set';
  const state = !isAsked || stateMiB >= memoryMiB ? [] : [{ why: `size.state of the root disk of ${name} is ${stateMiB === 0 ? 'not set' : `${stateMiB} MiB`}, less than its memory (${memoryMiB} MiB)`, remedy: whileStopped(`${client} config device ${verb} ${name} ${rootName} size.state=${memoryMiB}MiB`) }];
  return [...stateful, ...state];
}
