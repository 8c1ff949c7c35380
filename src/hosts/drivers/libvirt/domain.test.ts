// Definitions: what they need of a host, and that a written one needs what was asked for.
import { describe, expect, it } from 'vitest';
import { identityOf, needsOf, poolOf } from './domain-needs.js';
import { domainXml, type DomainSpec } from './domain-xml.js';

const POOLS = [{ name: 'images', path: '/var/lib/libvirt/images' }, { name: 'shared', path: '/srv/shared' }, { name: 'inner', path: '/srv/shared/inner' }];

const domain = (body: string, head = "type='kvm'"): string => `<domain ${head}><name>a &amp; b</name><uuid>u-1</uuid><memory unit='KiB'>1048577</memory><vcpu current='2'>4</vcpu><os><type arch='aarch64'>hvm</type></os>${body}</domain>`;
const devices = (inner: string): string => domain(`<devices>${inner}</devices>`);

describe('needsOf', () => {
  it('reads sizes, rounded up, and identity', () => {
    expect(needsOf(domain(''), POOLS)).toEqual({ vcpus: 2, memoryMiB: 1025, disks: [], bridges: [], cpuModel: null, architecture: 'aarch64', accelerator: 'kvm', driver: 'libvirt', instance: null, pinnedBy: [] });
    expect(identityOf(domain(''))).toEqual({ uuid: 'u-1', name: 'a & b' });
    expect(needsOf(domain('', "type='qemu'"), []).accelerator).toBe('tcg');
  });

  it.each([
    ["<cpu mode='custom' match='exact'><model fallback='allow'>qemu64</model></cpu>", 'qemu64'],
    ["<cpu><model>EPYC</model></cpu>", 'EPYC'],
    ["<cpu mode='host-passthrough' check='none'/>", 'host-passthrough'],
    ["<cpu mode='host-model'/>", 'host-model'],
    ["<cpu><topology sockets='1' cores='2' threads='1'/></cpu>", null],
  ])('reads the CPU model of %s', (cpu, model) => {
    expect(needsOf(domain(cpu), []).cpuModel).toBe(model);
  });

  it('counts the most that it may take, whatever its balloon has given back', () => {
    const small = domain("<currentMemory unit='KiB'>524288</currentMemory><devices><memballoon model='virtio'/></devices>");
    expect(needsOf(small, []).memoryMiB).toBe(1025);
  });

  it.each<[string, readonly string[] | undefined]>([
    ["<cpu mode='custom' match='exact'><model>EPYC</model><feature policy='require' name='avx2'/><feature policy='disable' name='svm'/><feature policy='optional' name='aes'/><feature name='pcid'/></cpu>", ['avx2', 'pcid']],
    ["<cpu mode='host-model'><feature policy='require' name='vmx'/><feature policy='require' name='vmx'/></cpu>", ['vmx']],
    ["<cpu mode='custom' check='none'><model>EPYC</model><feature policy='require' name='avx2'/></cpu>", undefined],
    ["<cpu mode='custom'><model>EPYC</model></cpu>", undefined],
  ])('reads what is required of the CPU in %s', (cpu, features) => {
    expect(needsOf(domain(cpu), []).cpuFeatures).toEqual(features);
  });

  it('reads disks of every kind with the pool that holds them', () => {
    const { disks, pinnedBy } = needsOf(devices(`
      <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/srv/shared/a.qcow2'/><target dev='vda'/></disk>
      <disk type='block' device='disk'><source dev='/dev/mapper/lun0'/><target dev='vdb'/></disk>
      <disk type='volume' device='disk'><source pool='inner' volume='v.raw'/><target dev='vdc'/></disk>
      <disk type='network' device='disk'><source protocol='rbd' name='pool/image'/><target dev='vdd'/></disk>
      <disk type='file' device='cdrom'><source file='/srv/shared/inner/seed.iso'/><target dev='sda'/><readonly/></disk>
      <disk type='file' device='cdrom'><target dev='sdb'/><readonly/></disk>`), POOLS);
    expect(disks).toEqual([
      { target: 'vda', path: '/srv/shared/a.qcow2', pool: 'shared', format: 'qcow2', readonly: false },
      { target: 'vdb', path: '/dev/mapper/lun0', pool: null, format: 'raw', readonly: false },
      { target: 'vdc', path: '/srv/shared/inner/v.raw', pool: 'inner', format: 'raw', readonly: false },
      { target: 'vdd', path: 'rbd:pool/image', pool: null, format: 'raw', readonly: false },
      { target: 'sda', path: '/srv/shared/inner/seed.iso', pool: 'inner', format: 'raw', readonly: true },
    ]);
    expect(pinnedBy).toEqual([]);
  });

  it('names what ties it to a host', () => {
    const { pinnedBy, bridges } = needsOf(devices(`
      <hostdev mode='subsystem' type='pci'><source><address domain='0x0000' bus='0x3b' slot='0x00' function='0x1'/></source></hostdev>
      <hostdev mode='subsystem' type='usb'><source><vendor id='0x046d'/><product id='0xc52b'/></source></hostdev>
      <interface type='bridge'><source bridge='br0'/></interface><interface type='bridge'><source bridge='br0'/></interface>
      <interface type='hostdev'><source><address domain='0' bus='0x1' slot='0x2' function='0x3'/></source></interface>
      <interface type='network'><source network='default'/></interface>
      <filesystem type='mount'><source dir='/home'/></filesystem>
      <tpm model='tpm-tis'><backend type='passthrough'/></tpm>
      <disk type='file' device='cdrom'><source file='/root/x.iso'/><target dev='sda'/></disk>`), POOLS);
    expect(pinnedBy).toEqual(['pci device 0000:3b:00.1', 'usb device 0x046d:0xc52b', 'network device 0:1:2.3', 'host directory /home', 'the TPM of the host', 'image /root/x.iso, which is in no pool']);
    expect(bridges).toEqual(['br0']);
  });

  it('finds the innermost pool, and none by a mere prefix', () => {
    expect(poolOf('/srv/shared/inner/x', POOLS)).toBe('inner');
    expect(poolOf('/srv/shared2/x', POOLS)).toBeNull();
  });

  it('refuses what is no definition', () => {
    expect(() => needsOf('<pool/>', [])).toThrow('<domain>');
    expect(() => needsOf('<domain><name>x</name></domain>', [])).toThrow('memory');
    expect(() => identityOf('<domain/>')).toThrow('uuid');
  });
});

describe('domainXml', () => {
  const spec: DomainSpec = {
    uuid: '4c4c4544-0000-4000-8000-00000a0b0c0d', name: `web "1" <&'>`, vcpus: 3, memoryMiB: 512, accelerator: 'kvm', architecture: 'x86_64', machine: 'pc-q35-8.2', cpuModel: 'EPYC',
    disks: [{ path: '/srv/shared/web.qcow2', format: 'qcow2' }, { path: '/srv/shared/data.raw', format: 'raw' }], bridge: 'br0', mac: null, seedIso: '/srv/shared/seed.iso', kernel: null, serialLog: null,
  };

  it('needs what was asked for', () => {
    expect(identityOf(domainXml(spec))).toEqual({ uuid: spec.uuid, name: spec.name });
    expect(needsOf(domainXml(spec), POOLS)).toEqual({
      vcpus: 3, memoryMiB: 512, bridges: ['br0'], cpuModel: 'EPYC', architecture: 'x86_64', accelerator: 'kvm', driver: 'libvirt', instance: null, pinnedBy: [],
      disks: [
        { target: 'vda', path: '/srv/shared/web.qcow2', pool: 'shared', format: 'qcow2', readonly: false },
        { target: 'vdb', path: '/srv/shared/data.raw', pool: 'shared', format: 'raw', readonly: false },
        { target: 'sda', path: '/srv/shared/seed.iso', pool: 'shared', format: 'raw', readonly: true },
      ],
    });
    expect(domainXml(spec)).toContain("<mac address='52:54:00:0b:0c:0d'/>");
  });

  it('boots a kernel, without disk, network or CPU model', () => {
    const bare = { ...spec, accelerator: 'tcg' as const, cpuModel: null, disks: [], bridge: null, seedIso: null, kernel: { path: '/k', initrd: '/i', commandLine: 'a=<b>' }, serialLog: '/var/log/x' };
    expect(needsOf(domainXml(bare), [])).toMatchObject({ disks: [], bridges: [], cpuModel: null, accelerator: 'tcg' });
    expect(domainXml(bare)).toContain('<cmdline>a=&lt;b&gt;</cmdline>');
    expect(needsOf(domainXml({ ...bare, cpuModel: 'host-model' }), []).cpuModel).toBe('host-model');
  });
});
