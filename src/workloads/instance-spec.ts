// The small specification from which a container is created, from an image or as a copy of another one, checked field by field.
import type { Result } from '../shared/result.js';
import { BRIDGE, list, macAddress, matching, MAX_DISK_MIB, MAX_MEMORY_MIB, MAX_VCPUS, object, onlyKnown, optional, parsed, POOL, show, whole, Wrong, type Fields } from './spec-fields.js';
import type { WorkloadNeeds } from './workload.js';

export interface InstanceNetwork {
  /** A bridge of the host, or a network that its daemon manages. */
  readonly to: { readonly kind: 'bridge' | 'network'; readonly name: string };
  /** Null: the daemon makes one up. */
  readonly mac: string | null;
}

export interface InstanceSpec {
  readonly name: string;
  readonly driver: 'lxd' | 'incus';
  readonly source:
    | { readonly kind: 'image'; readonly image: string }
    /** Of a workload, by name: copied where it is, without its snapshots. */
    | { readonly kind: 'copy'; readonly from: string };
  /** Null: those of what is copied; of an image `default`. */
  readonly profiles: readonly string[] | null;
  /** Null: as what is copied. */
  readonly vcpus: number | null;
  readonly memoryMiB: number | null;
  /** Null: as the profiles, or what is copied, have it. */
  readonly disk: { readonly pool: string; readonly sizeMiB: number | null } | null;
  /** Empty: as the profiles, or what is copied, have it. */
  readonly network: readonly InstanceNetwork[];
  /** More of the daemon's own settings. */
  readonly config: Readonly<Record<string, string>>;
}

/** From which a driver writes the definition of what is not there yet. */
export interface WantedInstance {
  readonly uuid: string;
  readonly spec: InstanceSpec;
  /** The definition of what it is to be a copy of; null: it is made from an image. */
  readonly copied: string | null;
}

const MAX_PROFILES = 16;
const MAX_NETWORKS = 8;
const MAX_SETTINGS = 100;
const MAX_SETTING_CHARS = 512 * 1024;

/** Has a field of its own here, is Reeve's, or is the daemon's own note. */
const NOT_THERE: readonly (readonly [RegExp, string])[] = [
  [/^limits\.cpu$/, 'vcpus says it'],
  [/^limits\.memory$/, 'memoryMiB says it'],
  [/^boot\.autostart$/, 'Reeve sets it, and gives it back when the workload is left'],
  [/^user\.reeve\./, 'such settings are Reeve\'s own'],
  [/^volatile\./, 'such settings are the daemon\'s own notes'],
];

export const parseInstanceSpec = (input: unknown): Result<InstanceSpec, string> => parsed(() => read(object(input, 'the specification')));

function read(fields: Fields): InstanceSpec {
  onlyKnown(fields, '', ['name', 'driver', 'image', 'from', 'profiles', 'vcpus', 'memoryMiB', 'disk', 'network', 'config']);
  const source = sourceOf(fields);
  const ofImage = source.kind === 'image';
  const spec: InstanceSpec = {
    name: matching(fields, 'name', /^[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/, 'up to 63 letters, digits and dashes, beginning with a letter and not ending with a dash'),
    driver: driverOf(fields),
    source,
    profiles: optional(fields, 'profiles', () => list(fields, 'profiles', MAX_PROFILES).map(profile)),
    vcpus: ofImage ? whole(fields, 'vcpus', 1, MAX_VCPUS) : optional(fields, 'vcpus', () => whole(fields, 'vcpus', 1, MAX_VCPUS)),
    memoryMiB: ofImage ? whole(fields, 'memoryMiB', 8, MAX_MEMORY_MIB) : optional(fields, 'memoryMiB', () => whole(fields, 'memoryMiB', 8, MAX_MEMORY_MIB)),
    disk: optional(fields, 'disk', () => disk(object(fields['disk'], 'disk'))),
    network: list(fields, 'network', MAX_NETWORKS).map((one, index) => network(object(one, `network[${index}]`), `network[${index}].`)),
    config: optional(fields, 'config', () => settings(object(fields['config'], 'config'))) ?? {},
  };
  if (spec.profiles?.length === 0 && spec.disk === null && ofImage) throw new Wrong('disk: without a profile that has a root disk, disk.pool says where it lies');
  return spec;
}

function sourceOf(fields: Fields): InstanceSpec['source'] {
  const image = optional(fields, 'image', () => matching(fields, 'image', /^[A-Za-z0-9][A-Za-z0-9_./-]{0,254}$/, 'alias or fingerprint of an image that the daemon of the host has (another server\'s is copied there first: lxc image copy SERVER:IMAGE local: --alias ALIAS)'));
  const from = optional(fields, 'from', () => matching(fields, 'from', /^[^\s]{1,255}$/, 'name of the workload that is copied'));
  if (image !== null && from !== null) throw new Wrong('from: either from or image, not both');
  if (image !== null) return { kind: 'image', image };
  if (from !== null) return { kind: 'copy', from };
  throw new Wrong('image: alias or fingerprint of an image on the hosts; or from: the workload that is copied');
}

function driverOf(fields: Fields): InstanceSpec['driver'] {
  const driver = fields['driver'] ?? 'lxd';
  if (driver === 'lxd' || driver === 'incus') return driver;
  throw new Wrong(`driver: lxd or incus, not ${show(driver)}`);
}

function profile(one: unknown, index: number): string {
  if (typeof one === 'string' && /^[^\s/]{1,63}$/.test(one)) return one;
  throw new Wrong(`profiles[${index}]: the name of a profile, not ${show(one)}`);
}

function disk(fields: Fields): NonNullable<InstanceSpec['disk']> {
  onlyKnown(fields, 'disk.', ['pool', 'sizeMiB']);
  return { pool: matching(fields, 'pool', POOL, 'the name of a storage pool of the daemon', 'disk.'), sizeMiB: optional(fields, 'sizeMiB', () => whole(fields, 'sizeMiB', 1, MAX_DISK_MIB, 'disk.')) };
}

function network(fields: Fields, at: string): InstanceNetwork {
  onlyKnown(fields, at, ['bridge', 'network', 'mac']);
  const bridge = optional(fields, 'bridge', () => matching(fields, 'bridge', BRIDGE, 'the name of a bridge on the hosts', at));
  const managed = optional(fields, 'network', () => matching(fields, 'network', /^[^\s/]{1,63}$/, 'the name of a network of the daemon', at));
  if ((bridge === null) === (managed === null)) throw new Wrong(`${at}bridge: either bridge (of the host) or network (of the daemon)`);
  return { to: bridge === null ? { kind: 'network', name: managed ?? '' } : { kind: 'bridge', name: bridge }, mac: macAddress(fields, at) };
}

function settings(fields: Fields): Readonly<Record<string, string>> {
  const entries = Object.entries(fields);
  if (entries.length > MAX_SETTINGS) throw new Wrong(`config: at most ${MAX_SETTINGS} settings, not ${entries.length}`);
  return Object.fromEntries(entries.map(([key, value]) => [settingKey(key), settingValue(key, value)]));
}

function settingKey(key: string): string {
  if (!/^[a-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)+$/.test(key)) throw new Wrong(`config.${key}: a setting such as security.nesting`);
  const why = NOT_THERE.find(([pattern]) => pattern.test(key))?.[1];
  if (why !== undefined) throw new Wrong(`config.${key}: not here: ${why}`);
  return key;
}

function settingValue(key: string, value: unknown): string {
  if (typeof value === 'boolean' || typeof value === 'number') return String(value);
  if (typeof value !== 'string') throw new Wrong(`config.${key}: text, not ${show(value)}`);
  if (value.length > MAX_SETTING_CHARS) throw new Wrong(`config.${key}: at most ${MAX_SETTING_CHARS} characters, not ${value.length}`);
  return value;
}

/** What it will need of a host, before it is there; what its profiles add is known only then. `copied`: of what it is a copy. */
export function needsOfInstance(spec: InstanceSpec, architecture: string, copied: WorkloadNeeds | null): WorkloadNeeds {
  const named = (kind: 'bridge' | 'network'): readonly string[] => [...new Set(spec.network.flatMap(({ to }) => (to.kind === kind ? [to.name] : [])))];
  const hasOwn = spec.network.length > 0;
  return {
    vcpus: spec.vcpus ?? copied?.vcpus ?? 1,
    memoryMiB: spec.memoryMiB ?? copied?.memoryMiB ?? 0,
    disks: [],
    bridges: hasOwn || copied === null ? named('bridge') : copied.bridges,
    cpuModel: null,
    architecture: copied?.architecture ?? architecture,
    accelerator: 'none',
    driver: copied?.driver ?? spec.driver,
    instance: {
      pool: spec.disk?.pool ?? copied?.instance?.pool ?? '',
      ...rootSize(spec.disk?.sizeMiB ?? copied?.instance?.rootMiB),
      profiles: spec.profiles ?? copied?.instance?.profiles ?? ['default'],
      networks: hasOwn || copied === null ? named('network') : (copied.instance?.networks ?? []),
    },
    pinnedBy: copied?.pinnedBy ?? [],
  };
}

const rootSize = (rootMiB: number | undefined): { readonly rootMiB?: number } => (rootMiB === undefined ? {} : { rootMiB });
