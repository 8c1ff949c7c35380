// The small specification from which a VM is created, checked field by field: one clear line names what is wrong.
import type { Result } from '../shared/result.js';
import { BRIDGE, list, macAddress, matching, MAX_DISK_MIB, MAX_MEMORY_MIB, MAX_VCPUS, object, onlyKnown, optional, parsed, path, POOL, show, text, whole, Wrong, type Fields } from './spec-fields.js';
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

/** vda … vdz; one letter is what the definition writes. */
const MAX_DISKS = 24;
/** The definition holds one interface for now. */
const MAX_NETWORKS = 1;
/** cloud-init reads more, yet a seed of megabytes is a mistake. */
const MAX_SEED_CHARS = 512 * 1024;

export const parseVmSpec = (input: unknown): Result<VmSpec, string> => parsed(() => read(object(input, 'the specification')));

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
    pool: matching(fields, 'pool', POOL, 'the name of a storage pool', at),
    sizeMiB: whole(fields, 'sizeMiB', 1, MAX_DISK_MIB, at),
    format,
    from: optional(fields, 'from', () => path(fields, 'from', at)),
  };
}

function network(fields: Fields, at: string): VmNetwork {
  onlyKnown(fields, at, ['bridge', 'mac']);
  return { bridge: matching(fields, 'bridge', BRIDGE, 'the name of a bridge on the hosts', at), mac: macAddress(fields, at) };
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

/** What the VM will need of a host, before it is there. Paths of disks are known only once they are made. */
export function needsOfSpec(spec: VmSpec, on: Pick<WorkloadNeeds, 'architecture' | 'accelerator'>): WorkloadNeeds {
  return {
    vcpus: spec.vcpus,
    memoryMiB: spec.memoryMiB,
    disks: spec.disks.map((one, index) => ({ target: diskTarget(index), path: '', pool: one.pool, format: one.format, readonly: false, sizeMiB: one.sizeMiB })),
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
