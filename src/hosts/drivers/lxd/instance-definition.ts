// The definition of an instance: what another host must have for it, as JSON that says the same twice.
import { z } from 'zod';
import { messageOf, OperationalError } from '../../../shared/errors.js';
import type { InstanceDriver } from './dialect.js';
import { kindOf, type Instance } from './instance.js';

const words = z.record(z.string(), z.string());

const definitionSchema = z.object({
  driver: z.enum(['lxd', 'incus']),
  uuid: z.string().min(1),
  name: z.string().min(1),
  project: z.string().min(1),
  kind: z.enum(['vm', 'container']),
  architecture: z.string(),
  profiles: z.array(z.string()),
  config: words,
  devices: z.record(z.string(), words),
  /** With what its profiles add: what it needs of a host is read from these. */
  expanded: z.object({ config: words, devices: z.record(z.string(), words) }),
});

export type InstanceDefinition = Readonly<z.infer<typeof definitionSchema>>;

/** The daemon's notes of now, our own marks, and what Reeve sets at each move: none of it says what the instance is. */
const isIncidental = (key: string): boolean => key.startsWith('volatile.') || key.startsWith('user.reeve.') || key === 'boot.autostart';
const isRead = (key: string): boolean => key.startsWith('limits.') || key === 'migration.stateful';

export function definitionOf(instance: Instance, uuid: string, driver: InstanceDriver): string {
  const { name, project, architecture, profiles } = instance;
  const definition: InstanceDefinition = {
    driver,
    uuid,
    name,
    project,
    kind: kindOf(instance),
    architecture,
    profiles,
    config: pick(instance.config, (key) => !isIncidental(key)),
    devices: sortedDevices(instance.devices),
    expanded: { config: pick(instance.expanded_config, isRead), devices: sortedDevices(instance.expanded_devices) },
  };
  return `${JSON.stringify(definition, null, 2)}\n`;
}

export function readInstanceDefinition(text: string): InstanceDefinition {
  try {
    return definitionSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new OperationalError('failed', `this is no definition of an instance: ${messageOf(error).slice(0, 120)}`);
  }
}

/** libvirt's begin with "<". */
export function takesDefinition(driver: InstanceDriver, text: string): boolean {
  if (!text.trimStart().startsWith('{')) return false;
  try {
    return readInstanceDefinition(text).driver === driver;
  } catch {
    return false;
  }
}

function pick(config: Readonly<Record<string, string>>, wanted: (key: string) => boolean): Record<string, string> {
  return Object.fromEntries(Object.keys(config).filter(wanted).sort().map((key) => [key, config[key] ?? '']));
}

function sortedDevices(devices: Instance['devices']): Record<string, Record<string, string>> {
  return Object.fromEntries(Object.keys(devices).sort().map((key) => [key, pick(devices[key] ?? {}, () => true)]));
}
