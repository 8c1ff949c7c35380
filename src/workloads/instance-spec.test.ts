// What a container may be created from, and the one line that says what is wrong.
import { describe, expect, it } from 'vitest';
import { needsOfInstance, type InstanceSpec } from './instance-spec.js';
import { parseWorkloadSpec } from './workload-spec.js';

const LEAST = { kind: 'container', name: 'web', image: 'noble', vcpus: 2, memoryMiB: 512 };
const parse = (more: object) => parseWorkloadSpec({ ...LEAST, ...more });
function specOf(more: object = {}): InstanceSpec {
  const spec = parse(more);
  if (!spec.ok || spec.value.kind !== 'container') throw new Error(spec.ok ? 'a VM' : spec.error);
  return spec.value.container;
}

describe('a container\'s specification', () => {
  it('needs an image and its sizes, and nothing else', () => {
    expect(specOf()).toEqual({ name: 'web', driver: 'lxd', source: { kind: 'image', image: 'noble' }, profiles: null, vcpus: 2, memoryMiB: 512, disk: null, network: [], config: {} });
  });
  it('of a copy needs its name alone', () => {
    expect(parseWorkloadSpec({ kind: 'container', name: 'web-2', from: 'web' })).toMatchObject({ ok: true, value: { container: { source: { kind: 'copy', from: 'web' }, vcpus: null, memoryMiB: null } } });
  });
  it('takes profiles, a disk, networks and settings', () => {
    const more = { driver: 'incus', profiles: ['default', 'web'], disk: { pool: 'fast', sizeMiB: 10_240 }, network: [{ bridge: 'br0', mac: '00:16:3E:00:00:01' }, { network: 'lxdbr0' }], config: { 'security.nesting': true, 'user.user-data': '#cloud-config' } };
    expect(specOf(more)).toMatchObject({
      driver: 'incus', profiles: ['default', 'web'], disk: { pool: 'fast', sizeMiB: 10_240 }, config: { 'security.nesting': 'true', 'user.user-data': '#cloud-config' },
      network: [{ to: { kind: 'bridge', name: 'br0' }, mac: '00:16:3e:00:00:01' }, { to: { kind: 'network', name: 'lxdbr0' }, mac: null }],
    });
  });
  it('is a VM\'s without `kind`, or with `kind: vm`', () => {
    const vm = { name: 'vm-1', vcpus: 1, memoryMiB: 64, disks: [{ pool: 'shared', sizeMiB: 10 }] };
    for (const input of [vm, { ...vm, kind: 'vm' }]) expect(parseWorkloadSpec(input)).toMatchObject({ ok: true, value: { kind: 'vm' } });
    expect(parseWorkloadSpec(null)).toMatchObject({ ok: false });
  });

  const rows: readonly (readonly [object, string])[] = [
    [{ kind: 'jail' }, 'kind: vm or container, not "jail"'],
    [{ disks: [] }, 'disks: no such field; there are name, driver, image, from, profiles, vcpus, memoryMiB, disk, network, config'],
    [{ name: 'a_b' }, 'name: up to 63 letters, digits and dashes, beginning with a letter and not ending with a dash, not "a_b"'],
    [{ name: 'web-' }, 'name: up to 63 letters, digits and dashes, beginning with a letter and not ending with a dash, not "web-"'],
    [{ image: null }, 'image: alias or fingerprint of an image on the hosts; or from: the workload that is copied'],
    [{ image: 'ubuntu:24.04' }, "image: alias or fingerprint of an image that the daemon of the host has (another server's is copied there first: lxc image copy SERVER:IMAGE local: --alias ALIAS), not \"ubuntu:24.04\""],
    [{ from: 'web' }, 'from: either from or image, not both'],
    [{ vcpus: undefined }, 'vcpus: a whole number from 1 to 512, not missing'],
    [{ memoryMiB: 4 }, 'memoryMiB: a whole number from 8 to 16777216, not 4'],
    [{ driver: 'docker' }, 'driver: lxd or incus, not "docker"'],
    [{ profiles: 'default' }, 'profiles: a list, not "default"'],
    [{ profiles: ['a/b'] }, 'profiles[0]: the name of a profile, not "a/b"'],
    [{ profiles: [] }, 'disk: without a profile that has a root disk, disk.pool says where it lies'],
    [{ disk: {} }, 'disk.pool: the name of a storage pool of the daemon, not missing'],
    [{ disk: { pool: 'x', size: '1GiB' } }, 'disk.size: no such field; there are pool, sizeMiB'],
    [{ network: [{}] }, 'network[0].bridge: either bridge (of the host) or network (of the daemon)'],
    [{ network: [{ bridge: 'br0', network: 'lxdbr0' }] }, 'network[0].bridge: either bridge (of the host) or network (of the daemon)'],
    [{ network: [{ bridge: 'br0', mac: '01:00:00:00:00:01' }] }, 'network[0].mac: 01:00:00:00:00:01 is a multicast address; the first byte must be even'],
    [{ config: { 'limits.cpu': '4' } }, 'config.limits.cpu: not here: vcpus says it'],
    [{ config: { 'user.reeve.role': 'replica' } }, "config.user.reeve.role: not here: such settings are Reeve's own"],
    [{ config: { 'volatile.uuid': 'x' } }, "config.volatile.uuid: not here: such settings are the daemon's own notes"],
    [{ config: { 'boot.autostart': true } }, 'config.boot.autostart: not here: Reeve sets it, and gives it back when the workload is left'],
    [{ config: { nesting: true } }, 'config.nesting: a setting such as security.nesting'],
    [{ config: { 'security.nesting': [] } }, 'config.security.nesting: text, not []'],
  ];
  for (const [change, line] of rows) it(`refuses ${JSON.stringify(change)}`, () => expect(parse(change)).toEqual({ ok: false, error: line }));
});

describe('what it needs of a host', () => {
  const copied = { ...needsOfInstance(specOf({ disk: { pool: 'fast' }, network: [{ bridge: 'br7' }], profiles: ['web'] }), 'aarch64', null), pinnedBy: ['host path /srv'] };
  it('is what is named; where its root disk lies its profile says', () => {
    expect(needsOfInstance(specOf({ network: [{ bridge: 'br0' }, { network: 'n' }] }), 'x86_64', null)).toMatchObject({ vcpus: 2, memoryMiB: 512, bridges: ['br0'], driver: 'lxd', architecture: 'x86_64', instance: { pool: '', profiles: ['default'], networks: ['n'] } });
  });
  it('of a copy is that of what is copied, but for what is named', () => {
    const as = needsOfInstance({ ...specOf(), source: { kind: 'copy', from: 'web' }, vcpus: null, memoryMiB: null }, 'x86_64', copied);
    expect(as).toEqual(copied);
    expect(needsOfInstance({ ...specOf({ disk: { pool: 'slow' }, network: [{ bridge: 'br0' }] }), memoryMiB: 64 }, 'x86_64', copied)).toMatchObject({ memoryMiB: 64, bridges: ['br0'], instance: { pool: 'slow', profiles: ['web'] }, pinnedBy: ['host path /srv'] });
  });
});
