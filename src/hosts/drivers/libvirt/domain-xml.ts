// Writes the libvirt definition of a new VM from a small specification.
import { escapeXml } from './xml.js';

export interface DomainDisk {
  /** Absolute path on the host. */
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
}

export interface DomainSpec {
  readonly uuid: string;
  readonly name: string;
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly accelerator: 'kvm' | 'tcg';
  readonly architecture: string;
  /**
   * The same on all hosts, e.g. "pc-q35-8.2". An alias ("q35", "pc") is made exact by the host that defines it first:
   * keep what it gives back, else hosts with different QEMU versions build different machines from it.
   */
  readonly machine: string;
  /** A name, host-model, host-passthrough; null: the hypervisor's default. */
  readonly cpuModel: string | null;
  readonly disks: readonly DomainDisk[];
  readonly bridge: string | null;
  /** Six bytes; null: derived from the uuid. */
  readonly mac: string | null;
  /** ISO image with cloud-init's seed, in a pool that every host reaches. */
  readonly seedIso: string | null;
  /** Boot this kernel instead of the disk. */
  readonly kernel: { readonly path: string; readonly initrd: string | null; readonly commandLine: string } | null;
  /** File on the host that gets what the guest writes to its serial console; null: a pty. */
  readonly serialLog: string | null;
}

export function domainXml(spec: DomainSpec): string {
  const e = escapeXml;
  const type = spec.accelerator === 'kvm' ? 'kvm' : 'qemu';
  return `<domain type='${type}'>
  <name>${e(spec.name)}</name>
  <uuid>${e(spec.uuid)}</uuid>
  <memory unit='MiB'>${spec.memoryMiB}</memory>
  <currentMemory unit='MiB'>${spec.memoryMiB}</currentMemory>
  <vcpu placement='static'>${spec.vcpus}</vcpu>
  <os>
    <type arch='${e(spec.architecture)}' machine='${e(spec.machine)}'>hvm</type>
${bootLines(spec)}  </os>
  <features><acpi/></features>
${cpuLine(spec)}  <clock offset='utc'/>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
${spec.disks.map(diskLines).join('')}${seedLines(spec)}${networkLines(spec)}${serialLines(spec)}    <controller type='usb' model='none'/>
    <memballoon model='virtio'/>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
    <panic model='isa'/>
  </devices>
</domain>
`;
}

function bootLines({ kernel }: DomainSpec): string {
  if (!kernel) return `    <boot dev='hd'/>\n`;
  const initrd = kernel.initrd === null ? '' : `    <initrd>${escapeXml(kernel.initrd)}</initrd>\n`;
  return `    <kernel>${escapeXml(kernel.path)}</kernel>\n${initrd}    <cmdline>${escapeXml(kernel.commandLine)}</cmdline>\n`;
}

function cpuLine({ cpuModel }: DomainSpec): string {
  if (cpuModel === null) return '';
  if (cpuModel === 'host-model' || cpuModel === 'host-passthrough' || cpuModel === 'maximum') return `  <cpu mode='${cpuModel}'/>\n`;
  return `  <cpu mode='custom' match='exact'><model fallback='forbid'>${escapeXml(cpuModel)}</model></cpu>\n`;
}

/** cache=none: the only mode (with directsync) in which a live migration is safe on shared storage. */
function diskLines(disk: DomainDisk, index: number): string {
  return `    <disk type='file' device='disk'>
      <driver name='qemu' type='${disk.format}' cache='none' discard='unmap'/>
      <source file='${escapeXml(disk.path)}'/>
      <target dev='vd${String.fromCharCode(97 + index)}' bus='virtio'/>
    </disk>\n`;
}

function seedLines({ seedIso }: DomainSpec): string {
  if (seedIso === null) return '';
  return `    <disk type='file' device='cdrom'>
      <driver name='qemu' type='raw'/>
      <source file='${escapeXml(seedIso)}'/>
      <target dev='sda' bus='sata'/>
      <readonly/>
    </disk>\n`;
}

function networkLines(spec: DomainSpec): string {
  if (spec.bridge === null) return '';
  return `    <interface type='bridge'>
      <mac address='${escapeXml(spec.mac ?? macOf(spec.uuid))}'/>
      <source bridge='${escapeXml(spec.bridge)}'/>
      <model type='virtio'/>
    </interface>\n`;
}

function serialLines({ serialLog }: DomainSpec): string {
  if (serialLog === null) return `    <serial type='pty'><target port='0'/></serial>\n    <console type='pty'><target type='serial' port='0'/></console>\n`;
  return `    <serial type='file'><source path='${escapeXml(serialLog)}' append='on'/><target port='0'/></serial>\n`;
}

/** In QEMU's own range, from the uuid's last three bytes: the same wherever it is computed. */
export function macOf(uuid: string): string {
  const tail = uuid.replaceAll('-', '').slice(-6);
  return `52:54:00:${tail.slice(0, 2)}:${tail.slice(2, 4)}:${tail.slice(4, 6)}`;
}
