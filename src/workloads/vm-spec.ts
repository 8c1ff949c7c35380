// The small specification from which a VM is created, checked field by field: one clear line names what is wrong.
import { fail, ok, type Result } from '../shared/result.js';
import type { WorkloadNeeds } from './workload.js';

export interface VmDisk {
  readonly pool: string;
  readonly sizeMiB: number;
  readonly format: 'raw' | 'qcow2';
  /** Copied from this image (absolute path on the host); null: empty. */
  readonly from: string | null;
}

export interface VmNetwork {
  readonly bridge: string;
  /** Null: derived from the uuid. */
  readonly mac: string | null;
}

export interface VmSpec {
  readonly name: string;
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly disks: readonly VmDisk[];
  readonly network: readonly VmNetwork[];
  /** Null: the hypervisor's default, which every host can run. */
  readonly cpuModel: string | null;
  /** An alias such as q35 is made exact by the first host that defines it. */
  readonly machine: string;
  /** Boots this kernel instead of the first disk. Paths on the host. */
  readonly kernel: { readonly path: string; readonly initrd: string | null; readonly commandLine: string } | null;
  readonly cloudInit: { readonly userData: string; readonly metaData: string | null } | null;
}

type Fields = Readonly<Record<string, unknown>>;
/** Thrown inside this file only; parseVmSpec turns it into a value. */
class Wrong extends Error {}

/** Bounds of what is sensible, far above what is usual: they catch a wrong unit. */
const MAX_VCPUS = 512;
const MAX_MEMORY_MIB = 16 * 1024 * 1024;
const MAX_DISK_MIB = 64 * 1024 * 1024;
/** vda … vdz; one letter is what the definition writes. */
const MAX_DISKS = 24;
/** The definition holds one interface for now. */
const MAX_NETWORKS = 1;
/** cloud-init reads more, yet a seed of megabytes is a mistake. */
const MAX_SEED_CHARS = 512 * 1024;

export function parseVmSpec(input: unknown): Result<VmSpec, string> {
  try {
    return ok(read(object(input, 'the specification')));
  } catch (error) {
    if (error instanceof Wrong) return fail(error.message);
    throw error;
  }
}

function read(fields: Fields): VmSpec {
  onlyKnown(fields, '', ['name', 'vcpus', 'memoryMiB', 'disks', 'network', 'cpuModel', 'machine', 'kernel', 'initrd', 'commandLine', 'cloudInit']);
  const spec: VmSpec = {
    name: matching(fields, 'name', /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, 'up to 63 letters, digits, dots, dashes and underscores'),
    vcpus: whole(fields, 'vcpus', 1, MAX_VCPUS),
    memoryMiB: whole(fields, 'memoryMiB', 8, MAX_MEMORY_MIB),
    disks: list(fields, 'disks', MAX_DISKS).map((one, index) => disk(object(one, `disks[${index}]`), `disks[${index}].`)),
    network: list(fields, 'network', MAX_NETWORKS).map((one, index) => network(object(one, `network[${index}]`), `network[${index}].`)),
    cpuModel: optional(fields, 'cpuModel', () => matching(fields, 'cpuModel', /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, 'a CPU model such as EPYC-Rome, host-model or host-passthrough')),
    machine: optional(fields, 'machine', () => matching(fields, 'machine', /^[a-z0-9][a-z0-9_.-]{0,62}$/, 'a machine type such as q35')) ?? 'q35',
    kernel: kernel(fields),
    cloudInit: optional(fields, 'cloudInit', () => cloudInit(object(fields['cloudInit'], 'cloudInit'))),
  };
  if (spec.disks.length === 0 && spec.kernel === null) throw new Wrong('disks: a VM without a kernel needs a disk to boot from');
  if (spec.cloudInit !== null && spec.disks.length === 0) throw new Wrong('cloudInit: its seed is kept beside the first disk, and there is none');
  return spec;
}

function disk(fields: Fields, at: string): VmDisk {
  onlyKnown(fields, at, ['pool', 'sizeMiB', 'format', 'from']);
  const format = fields['format'] ?? 'qcow2';
  if (format !== 'raw' && format !== 'qcow2') throw new Wrong(`${at}format: raw or qcow2, not ${show(format)}`);
  return {
    pool: matching(fields, 'pool', /^[^\s/][^/\n]{0,100}$/, 'the name of a storage pool', at),
    sizeMiB: whole(fields, 'sizeMiB', 1, MAX_DISK_MIB, at),
    format,
    from: optional(fields, 'from', () => path(fields, 'from', at)),
  };
}

function network(fields: Fields, at: string): VmNetwork {
  onlyKnown(fields, at, ['bridge', 'mac']);
  const mac = optional(fields, 'mac', () => matching(fields, 'mac', /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i, 'six bytes such as 52:54:00:12:34:56', at).toLowerCase());
  if (mac !== null && Number.parseInt(mac.slice(0, 2), 16) % 2 === 1) throw new Wrong(`${at}mac: ${mac} is a multicast address; the first byte must be even`);
  return { bridge: matching(fields, 'bridge', /^[^\s/]{1,15}$/, 'the name of a bridge on the hosts', at), mac };
}

function kernel(fields: Fields): VmSpec['kernel'] {
  const given = optional(fields, 'kernel', () => path(fields, 'kernel', ''));
  const initrd = optional(fields, 'initrd', () => path(fields, 'initrd', ''));
  const commandLine = optional(fields, 'commandLine', () => text(fields, 'commandLine', 2_000));
  if (given !== null) return { path: given, initrd, commandLine: commandLine ?? '' };
  if (initrd !== null || commandLine !== null) throw new Wrong(`${initrd === null ? 'commandLine' : 'initrd'}: only together with kernel`);
  return null;
}

function cloudInit(fields: Fields): NonNullable<VmSpec['cloudInit']> {
  onlyKnown(fields, 'cloudInit.', ['userData', 'metaData']);
  return { userData: text(fields, 'userData', MAX_SEED_CHARS, 'cloudInit.'), metaData: optional(fields, 'metaData', () => text(fields, 'metaData', MAX_SEED_CHARS, 'cloudInit.')) };
}

// --- reading fields ---

function object(value: unknown, name: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Wrong(`${name}: an object, not ${show(value)}`);
  return value as Fields;
}

function onlyKnown(fields: Fields, at: string, known: readonly string[]): void {
  const stranger = Object.keys(fields).find((name) => !known.includes(name));
  if (stranger !== undefined) throw new Wrong(`${at}${stranger}: no such field; there are ${known.join(', ')}`);
}

function optional<Value>(fields: Fields, name: string, parse: () => Value): Value | null {
  return fields[name] === undefined || fields[name] === null ? null : parse();
}

function whole(fields: Fields, name: string, least: number, most: number, at = ''): number {
  const value = fields[name];
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Wrong(`${at}${name}: a whole number from ${least} to ${most}, not ${show(value)}`);
}

function text(fields: Fields, name: string, most: number, at = ''): string {
  const value = fields[name];
  if (typeof value !== 'string') throw new Wrong(`${at}${name}: text, not ${show(value)}`);
  if (value.length > most) throw new Wrong(`${at}${name}: at most ${most} characters, not ${value.length}`);
  if (CONTROL.test(value)) throw new Wrong(`${at}${name}: it holds a control character, which a definition cannot`);
  return value;
}

/** What XML 1.0 has no way to write. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/;

function matching(fields: Fields, name: string, pattern: RegExp, meaning: string, at = ''): string {
  const value = fields[name];
  if (typeof value === 'string' && pattern.test(value)) return value;
  throw new Wrong(`${at}${name}: ${meaning}, not ${show(value)}`);
}

const path = (fields: Fields, name: string, at: string): string => matching(fields, name, /^\/[^\u0000-\u001f]{1,4000}$/, 'an absolute path on the hosts', at);

function list(fields: Fields, name: string, most: number): readonly unknown[] {
  const value = fields[name] ?? [];
  if (!Array.isArray(value)) throw new Wrong(`${name}: a list, not ${show(value)}`);
  if (value.length > most) throw new Wrong(`${name}: at most ${most}, not ${value.length}`);
  return value;
}

const show = (value: unknown): string => (value === undefined ? 'missing' : (JSON.stringify(value) ?? String(value)).slice(0, 60));

/** What the VM will need of a host, before it is there. Paths of disks are known only once they are made. */
export function needsOfSpec(spec: VmSpec, on: Pick<WorkloadNeeds, 'architecture' | 'accelerator'>): WorkloadNeeds {
  return {
    vcpus: spec.vcpus,
    memoryMiB: spec.memoryMiB,
    disks: spec.disks.map((one, index) => ({ target: diskTarget(index), path: '', pool: one.pool, format: one.format, readonly: false })),
    bridges: [...new Set(spec.network.map((one) => one.bridge))],
    cpuModel: spec.cpuModel,
    architecture: on.architecture,
    accelerator: on.accelerator,
    driver: 'libvirt',
    instance: null,
    pinnedBy: [],
  };
}

export const diskTarget = (index: number): string => `vd${String.fromCharCode(97 + index)}`;
