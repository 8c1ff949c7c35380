// What is asked of a daemon for an instance that is not there yet.
import { describe, expect, it } from 'vitest';
import type { InstanceSpec } from '../../../workloads/instance-spec.js';
import { readInstanceDefinition } from './instance-definition.js';
import { makeBody } from './make-script.js';
import { wantedDefinition } from './wanted-definition.js';

const spec: InstanceSpec = { name: 'web', driver: 'lxd', source: { kind: 'image', image: 'noble' }, profiles: null, vcpus: 2, memoryMiB: 512, disk: null, network: [], config: { 'security.nesting': 'true' } };
const UUID = '11111111-2222-4333-8444-555555555555';
const source = JSON.stringify({
  driver: 'lxd', uuid: 'of-the-source', name: 'old', project: 'other', kind: 'container', architecture: 'x86_64', profiles: ['default', 'web'], config: { 'limits.cpu': '1', 'limits.memory': '64MiB', 'environment.A': 'b' },
  devices: { disk0: { type: 'disk', path: '/', pool: 'default' }, eth0: { type: 'nic', nictype: 'bridged', parent: 'br0', hwaddr: '00:16:3e:00:00:01' } },
  expanded: { config: { 'limits.cpu': '1', 'limits.memory': '64MiB' }, devices: { disk0: { type: 'disk', path: '/', pool: 'default' }, eth0: { type: 'nic', nictype: 'bridged', parent: 'br0', hwaddr: '00:16:3e:00:00:01' } } },
});
const wanted = (set: Partial<InstanceSpec>, copied: string | null = null) => readInstanceDefinition(wantedDefinition({ uuid: UUID, spec: { ...spec, ...set }, copied }, 'x86_64'));

describe('the definition of what is not there yet', () => {
  it('of an image says what was asked for', () => {
    expect(wanted({ disk: { pool: 'fast', sizeMiB: 100 }, network: [{ to: { kind: 'bridge', name: 'br0' }, mac: '00:16:3e:00:00:02' }, { to: { kind: 'network', name: 'n' }, mac: null }] })).toMatchObject({
      driver: 'lxd', uuid: UUID, name: 'web', project: 'default', kind: 'container', profiles: ['default'], config: { 'limits.cpu': '2', 'limits.memory': '512MiB', 'security.nesting': 'true' },
      devices: { root: { type: 'disk', path: '/', pool: 'fast', size: '100MiB' }, eth0: { type: 'nic', nictype: 'bridged', parent: 'br0', hwaddr: '00:16:3e:00:00:02' }, eth1: { type: 'nic', network: 'n' } },
    });
    expect(wanted({ disk: { pool: 'fast', sizeMiB: null } }).devices).toEqual({ root: { type: 'disk', path: '/', pool: 'fast' } });
  });

  it('of a copy says what the other one has, without its hardware address, but for what was asked for', () => {
    const copy = wanted({ vcpus: null, memoryMiB: 128, config: {} }, source);
    expect(copy).toMatchObject({ name: 'web', uuid: UUID, project: 'other', profiles: ['default', 'web'], config: { 'limits.cpu': '1', 'limits.memory': '128MiB', 'environment.A': 'b' } });
    for (const devices of [copy.devices, copy.expanded.devices]) expect(devices['eth0']).toEqual({ type: 'nic', nictype: 'bridged', parent: 'br0' });
    // The root disk keeps its name: a second one would be refused.
    expect(wanted({ disk: { pool: 'fast', sizeMiB: null } }, source).devices).toMatchObject({ disk0: { pool: 'fast' } });
    expect(Object.keys(wanted({ disk: { pool: 'fast', sizeMiB: null } }, source).devices)).toEqual(['disk0', 'eth0']);
  });
});

describe('what the daemon is asked', () => {
  const definition = wantedDefinition({ uuid: UUID, spec, copied: null }, 'x86_64');
  const body = (from: Parameters<typeof makeBody>[0]['source'], copied: { name: string } | null = null) => JSON.parse(makeBody({ id: 'x', uuid: UUID, definition, source: from }, copied)) as Record<string, unknown>;
  it('makes a replica that is not whole, never started by its host', () => {
    expect(body({ kind: 'image', image: 'noble' })).toMatchObject({ name: 'web', type: 'container', source: { type: 'image', alias: 'noble' }, config: { 'volatile.uuid': UUID, 'user.reeve.role': 'replica', 'user.reeve.copied': '', 'user.reeve.autostart': 'unset', 'boot.autostart': 'false' } });
  });
  it('tells a fingerprint from an alias, and names what is copied as it is named now', () => {
    expect(body({ kind: 'image', image: '5bf84b6fa2fc' })['source']).toEqual({ type: 'image', fingerprint: '5bf84b6fa2fc' });
    expect(body({ kind: 'copy', uuid: 'u' }, { name: 'renamed' })['source']).toEqual({ type: 'copy', source: 'renamed', instance_only: true });
  });
});
