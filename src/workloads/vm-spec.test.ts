// The specification: what is right is read with its defaults, what is wrong is named in one line.
import { describe, expect, it } from 'vitest';
import { needsOfSpec, parseVmSpec } from './vm-spec.js';

const right = { name: 'vm-1', vcpus: 2, memoryMiB: 512, disks: [{ pool: 'shared', sizeMiB: 1024 }] };
const wrong = (change: object): string => {
  const parsed = parseVmSpec({ ...right, ...change });
  return parsed.ok ? 'accepted' : parsed.error;
};

describe('a specification', () => {
  it('has defaults', () => {
    expect(parseVmSpec(right)).toEqual({ ok: true, value: { ...right, disks: [{ pool: 'shared', sizeMiB: 1024, format: 'qcow2', from: null }], network: [], cpuModel: null, machine: 'q35', kernel: null, cloudInit: null } });
  });
  it('may boot a kernel without a disk', () => {
    const parsed = parseVmSpec({ name: 'k', vcpus: 1, memoryMiB: 32, kernel: '/srv/vmlinux', initrd: '/srv/initrd', commandLine: 'quiet', network: [{ bridge: 'br0', mac: '52:54:00:AB:cd:01' }] });
    expect(parsed).toMatchObject({ ok: true, value: { kernel: { path: '/srv/vmlinux', initrd: '/srv/initrd', commandLine: 'quiet' }, network: [{ bridge: 'br0', mac: '52:54:00:ab:cd:01' }] } });
  });
  it('tells what it needs of a host', () => {
    const parsed = parseVmSpec({ ...right, network: [{ bridge: 'br0' }], cpuModel: 'EPYC' });
    expect(parsed.ok && needsOfSpec(parsed.value, { architecture: 'x86_64', accelerator: 'kvm' })).toMatchObject({ vcpus: 2, memoryMiB: 512, bridges: ['br0'], cpuModel: 'EPYC', disks: [{ target: 'vda', pool: 'shared' }] });
  });

  const rows: readonly [object, string][] = [
    [{ name: undefined }, 'name: up to 63 letters, digits, dots, dashes and underscores, not missing'],
    [{ name: '-x' }, 'name: up to 63 letters, digits, dots, dashes and underscores, not "-x"'],
    [{ name: 'a b' }, 'name: up to 63 letters, digits, dots, dashes and underscores, not "a b"'],
    [{ vcpus: 0 }, 'vcpus: a whole number from 1 to 512, not 0'],
    [{ vcpus: '2' }, 'vcpus: a whole number from 1 to 512, not "2"'],
    [{ memoryMiB: 1.5 }, 'memoryMiB: a whole number from 8 to 16777216, not 1.5'],
    [{ memoryMiB: Number.NaN }, 'memoryMiB: a whole number from 8 to 16777216, not null'],
    [{ memory: 1 }, 'memory: no such field; there are name, vcpus, memoryMiB, disks, network, cpuModel, machine, kernel, initrd, commandLine, cloudInit'],
    [{ disks: {} }, 'disks: a list, not {}'],
    [{ disks: [7] }, 'disks[0]: an object, not 7'],
    [{ disks: [] }, 'disks: a VM without a kernel needs a disk to boot from'],
    [{ disks: [{ pool: 'a/b', sizeMiB: 1 }] }, 'disks[0].pool: the name of a storage pool, not "a/b"'],
    [{ disks: [...right.disks, { pool: 'p', sizeMiB: 1, format: 'vmdk' }] }, 'disks[1].format: raw or qcow2, not "vmdk"'],
    [{ disks: [{ pool: 'p', sizeMiB: 1, from: 'image.raw' }] }, 'disks[0].from: an absolute path on the hosts, not "image.raw"'],
    [{ network: [{ bridge: 'br0' }, { bridge: 'br1' }] }, 'network: at most 1, not 2'],
    [{ network: [{}] }, 'network[0].bridge: the name of a bridge on the hosts, not missing'],
    [{ network: [{ bridge: 'br0', mac: '52:54' }] }, 'network[0].mac: six bytes such as 52:54:00:12:34:56, not "52:54"'],
    [{ network: [{ bridge: 'br0', mac: '53:54:00:00:00:01' }] }, 'network[0].mac: 53:54:00:00:00:01 is a multicast address; the first byte must be even'],
    [{ initrd: '/x' }, 'initrd: only together with kernel'],
    [{ commandLine: 'x' }, 'commandLine: only together with kernel'],
    [{ machine: 'pc;reboot' }, 'machine: a machine type such as q35, not "pc;reboot"'],
    [{ cloudInit: { userData: 7 } }, 'cloudInit.userData: text, not 7'],
    [{ cloudInit: {} }, 'cloudInit.userData: text, not missing'],
    [{ kernel: '/k', commandLine: 'a\u0007b' }, 'commandLine: it holds a control character, which a definition cannot'],
    [{ kernel: '/k', disks: [], cloudInit: { userData: 'x' } }, 'cloudInit: its seed is kept beside the first disk, and there is none'],
  ];
  for (const [change, line] of rows) it(`refuses ${JSON.stringify(change).slice(0, 60)}`, () => expect(wrong(change)).toBe(line));
  it('refuses what is no object', () => {
    for (const input of [null, 7, 'x', []]) expect(parseVmSpec(input).ok).toBe(false);
  });
});
