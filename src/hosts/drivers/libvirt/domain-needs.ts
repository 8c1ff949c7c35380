// What a libvirt definition needs of a host: sizes, disks, bridges, CPU model, and what ties it to one host.
import { OperationalError } from '../../../shared/errors.js';
import type { WorkloadDisk, WorkloadNeeds } from '../../../workloads/workload.js';
import type { StoragePool } from '../../host-facts.js';
import { requiredBy } from './cpu-flags.js';
import { hugepagesOf, KIB_OF_UNIT } from './domain-hugepages.js';
import { all, first, parseXml, type XmlElement } from './xml.js';

/** Pools as far as they matter here. */
export type PoolPlace = Pick<StoragePool, 'name' | 'path'>;

export interface DefinitionIdentity {
  readonly uuid: string;
  readonly name: string;
}

export function identityOf(definition: string): DefinitionIdentity {
  const domain = parseDomain(definition);
  const uuid = first(domain, 'uuid')?.text;
  const name = first(domain, 'name')?.text;
  if (!uuid || !name) throw new OperationalError('failed', 'the definition has no uuid or no name');
  return { uuid, name };
}

export function needsOf(definition: string, pools: readonly PoolPlace[]): WorkloadNeeds {
  const domain = parseDomain(definition);
  const disks = all(domain, 'devices/disk').flatMap((disk) => diskOf(disk, pools));
  // Not currentMemory: the guest may ask for what its balloon has given back.
  const memoryMiB = memoryMiBOf(first(domain, 'memory'));
  const hugepages = hugepagesOf(domain, memoryMiB);
  const cpuFeatures = cpuFeaturesOf(first(domain, 'cpu'));
  return {
    vcpus: vcpusOf(domain),
    memoryMiB,
    ...(hugepages.length === 0 ? {} : { hugepages }),
    disks,
    bridges: unique(all(domain, 'devices/interface').flatMap(bridgeOf)),
    cpuModel: cpuModelOf(first(domain, 'cpu')),
    ...(cpuFeatures.length === 0 ? {} : { cpuFeatures }),
    architecture: first(domain, 'os/type')?.attributes['arch'] ?? 'x86_64',
    accelerator: domain.attributes['type'] === 'kvm' ? 'kvm' : 'tcg',
    driver: 'libvirt',
    instance: null,
    pinnedBy: [...devicesThatPin(domain), ...localImages(disks)],
  };
}

export function parseDomain(definition: string): XmlElement {
  const domain = parseXml(definition);
  if (domain.name !== 'domain') throw new OperationalError('failed', `a libvirt definition begins with <domain>, this one with <${domain.name}>`);
  return domain;
}

function vcpusOf(domain: XmlElement): number {
  const vcpu = first(domain, 'vcpu');
  const count = Number(vcpu?.attributes['current'] ?? vcpu?.text ?? 1);
  return Number.isInteger(count) && count > 0 ? count : 1;
}

function memoryMiBOf(memory: XmlElement | undefined): number {
  const factor = KIB_OF_UNIT[memory?.attributes['unit'] ?? 'KiB'];
  const count = Number(memory?.text);
  if (factor === undefined || !(count > 0)) throw new OperationalError('failed', 'the definition says no memory size that can be read');
  return Math.ceil((count * factor) / 1024);
}

/** Empty for a drive without a medium. */
function diskOf(disk: XmlElement, pools: readonly PoolPlace[]): readonly WorkloadDisk[] {
  const source = first(disk, 'source');
  const path = source && pathOf(source, pools);
  if (!path) return [];
  return [
    {
      target: first(disk, 'target')?.attributes['dev'] ?? '',
      path,
      pool: source.attributes['pool'] ?? poolOf(path, pools),
      format: first(disk, 'driver')?.attributes['type'] ?? 'raw',
      readonly: first(disk, 'readonly') !== undefined || disk.attributes['device'] === 'cdrom',
    },
  ];
}

function pathOf({ attributes }: XmlElement, pools: readonly PoolPlace[]): string | undefined {
  const local = attributes['file'] ?? attributes['dev'] ?? attributes['dir'];
  if (local !== undefined) return local;
  if (attributes['pool'] !== undefined && attributes['volume'] !== undefined) {
    const pool = pools.find(({ name }) => name === attributes['pool']);
    return `${pool?.path ?? `/${attributes['pool']}`}/${attributes['volume']}`;
  }
  // On the network: every host reaches it by the same name.
  if (attributes['protocol'] !== undefined) return `${attributes['protocol']}:${attributes['name'] ?? ''}`;
  return undefined;
}

/** The pool with the longest path that holds it. */
export function poolOf(path: string, pools: readonly PoolPlace[]): string | null {
  const holding = pools.filter((pool) => path.startsWith(`${pool.path.replace(/\/+$/, '')}/`));
  return [...holding].sort((a, b) => b.path.length - a.path.length || (a.name < b.name ? -1 : 1))[0]?.name ?? null;
}

function bridgeOf(networkInterface: XmlElement): readonly string[] {
  const bridge = first(networkInterface, 'source')?.attributes['bridge'];
  return networkInterface.attributes['type'] === 'bridge' && bridge !== undefined ? [bridge] : [];
}

function cpuModelOf(cpu: XmlElement | undefined): string | null {
  if (!cpu) return null;
  const mode = cpu.attributes['mode'] ?? 'custom';
  return mode === 'custom' ? (first(cpu, 'model')?.text || null) : mode;
}

/** Unless its owner wants nothing checked: then what lacks is left out when it starts. */
function cpuFeaturesOf(cpu: XmlElement | undefined): readonly string[] {
  return !cpu || cpu.attributes['check'] === 'none' ? [] : unique(requiredBy(cpu));
}

function devicesThatPin(domain: XmlElement): string[] {
  const devices = first(domain, 'devices')?.children ?? [];
  return devices.flatMap((device): string[] => {
    const { name, attributes } = device;
    if (name === 'hostdev') return [`${attributes['type'] ?? 'host'} device ${addressOf(device)}`];
    if (name === 'interface' && attributes['type'] === 'hostdev') return [`network device ${addressOf(device)}`];
    if (name === 'filesystem') return [`host directory ${first(device, 'source')?.attributes['dir'] ?? '?'}`];
    if (name === 'tpm' && first(device, 'backend')?.attributes['type'] === 'passthrough') return ['the TPM of the host'];
    return [];
  });
}

function addressOf(device: XmlElement): string {
  const address = first(device, 'source/address')?.attributes;
  const product = [first(device, 'source/vendor'), first(device, 'source/product')].map((part) => part?.attributes['id'] ?? '').filter(Boolean);
  if (!address) return product.join(':') || '?';
  if (address['uuid']) return address['uuid'];
  const part = (key: string): string => (address[key] ?? '0').replace(/^0x/, '');
  return `${part('domain')}:${part('bus')}:${part('slot')}.${part('function')}`;
}

/** An ISO or another read-only image that lies in no pool is there on one host only, as far as anybody knows. */
function localImages(disks: readonly WorkloadDisk[]): string[] {
  return disks.filter((disk) => disk.readonly && disk.pool === null && disk.path.startsWith('/')).map((disk) => `image ${disk.path}, which is in no pool`);
}

const unique = (words: readonly string[]): readonly string[] => [...new Set(words)];
