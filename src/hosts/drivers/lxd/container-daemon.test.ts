// The daemon among a host's facts, and what is known when it does not answer.
import { describe, expect, it } from 'vitest';
import { daemonNow } from '../compose-hypervisor.js';
import type { RunResult, SshConnection } from '../ssh/ssh-connection.js';
import { parseContainerDaemon, readContainerDaemon } from './container-daemon.js';
import { DIALECTS } from './dialect.js';
import { EXIT } from './lxd-failure.js';
import { parseInstanceCompatibility } from './instance-compatibility.js';
import { definitionOf } from './instance-definition.js';
import { parseInventory } from './inventory.js';
import { DAEMON, INVENTORY, INVENTORY_WITH_REPLICA } from './recorded.fixture.js';

const ssh = (result: Partial<RunResult>) => ({ settings: { name: 'host-1' }, run: async () => ({ code: 0, stdout: '', stderr: '', ...result }) }) as unknown as SshConnection;
const look = (result: Partial<RunResult>) => readContainerDaemon(ssh(result), DIALECTS.lxd);

describe('parseContainerDaemon', () => {
  it('reads version, address, pools, managed networks and profiles', () => {
    expect(parseContainerDaemon(DAEMON, DIALECTS.lxd)).toEqual({
      driver: 'lxd', version: '5.0.2', address: '10.66.0.11:8443', isClustered: false, criu: false, pools: [{ name: 'default', driver: 'dir', source: '/var/lib/lxd/storage-pools/default' }], filesystems: [], networks: ['lxdbr7'], profiles: ['default'],
      trust: { client: null, server: null, remotes: [], letsIn: [] },
    });
    const healing = DAEMON.replace('"core.https_address"', '"cluster.healing_threshold": "30", "core.https_address"');
    expect(parseContainerDaemon(healing, DIALECTS.lxd).healingThresholdS).toBeUndefined();
    expect(parseContainerDaemon(healing.replace('"server_clustered": false', '"server_clustered": true'), DIALECTS.lxd)).toMatchObject({ isClustered: true, healingThresholdS: 30 });
    expect(parseContainerDaemon(DAEMON.replace('@@reeve-section criu\n', '@@reeve-section criu\nyes\n').replace('"core.https_address": "10.66.0.11:8443",', ''), DIALECTS.lxd)).toMatchObject({ criu: true, address: null });
  });
});

describe('readContainerDaemon', () => {
  it('tells one that is not there from one that does not answer', async () => {
    expect(await look({ code: EXIT.noClient, stderr: 'reeve: there is no LXD on this host' })).toEqual({ kind: 'absent' });
    expect(await look({ code: 124 })).toEqual({ kind: 'mute', why: 'facts of LXD: exit code 124' });
    expect(await look({ code: 1, stderr: 'Error: connection refused' })).toEqual({ kind: 'mute', why: 'Error: connection refused' });
    expect(await look({ stdout: DAEMON.slice(0, 2_000) })).toMatchObject({ kind: 'mute' });
    expect(await look({ stdout: DAEMON })).toMatchObject({ kind: 'answers', daemon: { version: '5.0.2' } });
  });

  it('keeps what is known of a mute one: without it, its workloads would look gone', () => {
    const daemon = parseContainerDaemon(DAEMON, DIALECTS.lxd);
    const newer = { ...daemon, version: '5.21' };
    expect(daemonNow({ kind: 'mute', why: '' }, daemon)).toEqual([daemon]);
    expect(daemonNow({ kind: 'answers', daemon: newer }, daemon)).toEqual([newer]);
    expect(daemonNow({ kind: 'absent' }, daemon)).toEqual([]);
    expect(daemonNow({ kind: 'mute', why: '' }, undefined)).toEqual([]);
  });
});

describe('parseInstanceCompatibility', () => {
  const uuid = '34214efd-0507-4b8d-8569-5306359cc488';
  const definition = definitionOf(parseInventory(INVENTORY).instances.find((one) => one.project === 'default')!, uuid, 'lxd');
  const answer = (inventory: string, { bridges = '', projects = ['/1.0/projects/default'], pools = ['/1.0/storage-pools/default'], profiles = ['/1.0/profiles/default'] } = {}): string =>
    `@@reeve-section bridges\n${bridges}@@reeve-section projects\n${JSON.stringify(projects)}\n@@reeve-section pools\n${JSON.stringify(pools)}\n@@reeve-section networks\n[]\n@@reeve-section profiles\n${JSON.stringify(profiles)}\n${inventory}`;
  const reasons = (output: string, text = definition) => parseInstanceCompatibility(output, text, 'host-2', DIALECTS.lxd).map(({ code, why }) => `${code}: ${why}`);

  it('is content where all is there, also with a replica of the same', () => {
    expect(reasons(answer(INVENTORY_WITH_REPLICA))).toEqual([]);
  });

  it('names what lacks', () => {
    expect(reasons(answer(INVENTORY_WITH_REPLICA, { bridges: 'br0\n', pools: [], profiles: [] }))).toEqual(['pool-missing: host-2 has no storage pool default', 'profile-missing: host-2 has no profile default', 'bridge-missing: host-2 has no bridge br0']);
    expect(reasons(answer(INVENTORY_WITH_REPLICA, { projects: [], profiles: [] }))).toEqual(['project-missing: host-2 has no project default']);
    expect(reasons(answer(INVENTORY_WITH_REPLICA), definition.replace('"x86_64"', '"aarch64"').replace('"container"', '"vm"'))).toEqual(['architecture: host-2 runs x86_64, i686, not aarch64', 'vms-unsupported: host-2 runs no virtual machines of this daemon']);
    expect(reasons(answer(INVENTORY_WITH_REPLICA), definition.replace(uuid, 'another'))).toEqual(['name-taken: host-2 has another instance named c1 (a replica)']);
  });
});
