// What goes to the host for each command: through the guard, with the name of now, under the lease where that is asked for.
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { CommandToken } from '../../hypervisor.js';
import type { RunResult, SshConnection } from '../ssh/ssh-connection.js';
import { INSTANCE_FUNCTIONS, SENDING, WRITING } from './client-script.js';
import { copyIdOf, startCopyScript } from './copy-script.js';
import { DIALECTS } from './dialect.js';
import { definitionOf } from './instance-definition.js';
import { parseInventory } from './inventory.js';
import { LxdHypervisor } from './lxd-hypervisor.js';
import { INVENTORY, INVENTORY_WITH_REPLICA, OPERATIONS } from './recorded.fixture.js';
import { remoteNameOf } from './remotes.js';

const UUID = '34214efd-0507-4b8d-8569-5306359cc488';
const token: CommandToken = { leaderEpoch: 2, hostEpoch: 3, workload: { uuid: UUID, epoch: 4 } };

const MOVE = { id: 'op-1', uuid: UUID, destination: { name: 'host-2', sshUser: 'root', sshPort: 22, address: '10.0.0.2' }, bandwidthMiBps: null, maxDowntimeMs: 300, autoConverge: false, copyStorage: false };

/** Looks get the recorded inventory; commands are written down. */
function onHost(inventory: string) {
  const commands: (readonly string[])[] = [];
  const run = async (command: readonly string[]): Promise<RunResult> => {
    if (command[0] === 'timeout') return { code: 0, stdout: inventory, stderr: '' };
    commands.push(command);
    return { code: 0, stdout: '', stderr: '' };
  };
  const ssh = { settings: { name: 'host-1' }, run } as unknown as SshConnection;
  return { hypervisor: new LxdHypervisor({ ssh, dialect: DIALECTS.lxd }), commands, last: () => commands.at(-1) ?? [] };
}

describe('the guard', () => {
  it('gets the epochs, and with the lease the name that the kernel knows', async () => {
    const { hypervisor, last } = onHost(INVENTORY);
    await hypervisor.start(token, UUID);
    expect(last().slice(0, 9)).toEqual(['/usr/lib/reeve/guard', 'run', '--leader', '2', '--host', '3', '--workload', `${UUID}:4`, '--']);
    const underLease = ['--lease-hold', '--instance', 'lxd:c1', '--'];
    for (const act of [hypervisor.start, hypervisor.resume]) {
      await act.call(hypervisor, { ...token, lease: true }, UUID);
      expect(last().slice(8, 12)).toEqual(underLease);
    }
    await hypervisor.announce({ ...token, lease: true });
    // With the lease its host does not start it by itself.
    expect(last().slice(8)).toEqual([...underLease, '/bin/sh', '-c', expect.stringContaining('boot.autostart=false')]);
    await hypervisor.announce(token);
    expect(last().slice(8)).toEqual(['--lease-drop', '--', '/bin/sh', '-c', 'true']);
  });

  it('gets the project with the name, where it is not the default one', async () => {
    const { hypervisor, last } = onHost(INVENTORY.replace('"status": "Stopped"', '"status": "Running"'));
    const uuid = '48bfc753-9427-471e-9b32-5d9aab833f42';
    await hypervisor.start({ ...token, lease: true, workload: { uuid, epoch: 1 } }, uuid);
    expect(last()).toContain('lxd:p2_c1');
    expect(last().at(-1)).toContain('name=c1 project=p2 kernel_name=p2_c1');
  });

  it('is asked also where there is nothing to do: an old command must hear so', async () => {
    const { hypervisor, commands } = onHost(INVENTORY);
    const nobody = '00000000-0000-4000-8000-000000000000';
    await hypervisor.kill(token, nobody);
    await hypervisor.undefine(token, nobody);
    await hypervisor.copies.deleteReplica(token, nobody);
    await expect(hypervisor.start(token, nobody)).rejects.toMatchObject({ code: 'not-found' });
    await expect(hypervisor.startMigration(token, { ...MOVE, uuid: nobody })).rejects.toMatchObject({ code: 'not-found' });
    expect(commands.map((words) => words.at(-1))).toEqual(Array.from({ length: 5 }, () => 'true'));
  });
});

describe('a replica', () => {
  it('is no workload', async () => {
    const { hypervisor } = onHost(INVENTORY_WITH_REPLICA);
    expect(await hypervisor.inventory()).toEqual({ workloads: [], mute: [] });
    expect(await hypervisor.observe(UUID)).toBeNull();
    expect(await hypervisor.copies.replicas(UUID)).toEqual([{ uuid: UUID, name: 'c1', kind: 'replica', asOfMs: 1_795_687_139_122 }]);
    for (const act of [hypervisor.start, hypervisor.resume, hypervisor.requestShutdown]) await expect(act.call(hypervisor, token, UUID)).rejects.toMatchObject({ code: 'not-found' });
    await expect(hypervisor.copies.startCopy(token, { id: 'x', uuid: UUID, destination: { name: 'host-2' }, keepsNewest: true, bandwidthMiBps: null })).rejects.toMatchObject({ code: 'not-found' });
  });

  it('that runs is shown, and can be ended', async () => {
    const { hypervisor, last } = onHost(INVENTORY_WITH_REPLICA.replace('"status": "Stopped"', '"status": "Running"'));
    expect((await hypervisor.inventory()).workloads).toMatchObject([{ uuid: UUID, runState: 'running' }]);
    await hypervisor.kill(token, UUID);
    expect(last().at(-1)).toContain('"force":true');
  });

  it('becomes the workload when it is complete, and only then', async () => {
    const definition = definitionOf(parseInventory(INVENTORY_WITH_REPLICA).instances[0]!, UUID, 'lxd');
    const complete = onHost(INVENTORY_WITH_REPLICA);
    await complete.hypervisor.define(token, definition);
    expect(complete.last().at(-1)).toContain('[ "$now" = 1795687139122 ]');
    for (const without of [INVENTORY_WITH_REPLICA.replaceAll('"user.reeve.copied": "1795687139122",', ''), INVENTORY.replaceAll(UUID, 'other')]) {
      await expect(onHost(without).hypervisor.define(token, definition)).rejects.toMatchObject({ code: 'no-data' });
    }
    const already = onHost(INVENTORY);
    await already.hypervisor.define(token, definition);
    expect(already.last().at(-1)).toBe('true');
  });
});

describe('what the stopped workload becomes', () => {
  it('is a replica as of when its last copy was, or as of its last start where nobody knows that', async () => {
    const { hypervisor, last } = onHost(INVENTORY);
    await hypervisor.undefine(token, UUID, 1_795_687_000_000);
    expect(last().at(-1)).toContain('user.reeve.copied=1795687000000');
    await hypervisor.undefine(token, UUID);
    expect(last().at(-1)).toMatch(/user\.reeve\.copied=(?!1795687000000)\d+/);
  });
});

describe('one that its owner calls as daemons call what is on its way', () => {
  const inventory = parseInventory(INVENTORY);
  const recorded = inventory.instances.find((one) => one.config['volatile.uuid'] === UUID)!;
  const called = (name: string): string => INVENTORY.replace(/(@@reeve-section instances\n)([^]*?)(\n@@reeve-section )/, (_whole, head: string, json: string, tail: string) => `${head}${JSON.stringify((JSON.parse(json) as { name: string; config: Record<string, string> }[]).map((one) => (one.config['volatile.uuid'] === UUID ? { ...one, name } : one)))}${tail}`);
  const request = (name: string) => ({ id: 'op-1', uuid: UUID, name, toMember: 'two' });

  it.each(['move-of-7', 'lxd-move-7'])('%s: has its name, and is moved by it', async (name) => {
    const { hypervisor, last } = onHost(called(name));
    await hypervisor.define(token, definitionOf({ ...recorded, name }, UUID, 'lxd'));
    expect(last().at(-1)).toBe('true');
    await hypervisor.members.startMove(token, request(name));
    expect(last().at(-1)).not.toContain('has not got its name back');
  });

  it('the same name is no name of its own where its owner calls it otherwise: it gets its own back before it is moved', async () => {
    const { hypervisor, last } = onHost(called('move-of-7'));
    await hypervisor.define(token, definitionOf({ ...recorded, name: 'web' }, UUID, 'lxd'));
    expect(last().at(-1)).toContain('client rename "$name" web');
    await hypervisor.members.startMove(token, request('web'));
    expect(last().at(-1)).toContain('has not got its name back');
  });
});

describe('a spare beside the replica', () => {
  const SPARE = `reeve-${UUID}`;
  const definition = definitionOf(parseInventory(INVENTORY_WITH_REPLICA).instances[0]!, UUID, 'lxd');
  const withSpare = (copied: string): string => INVENTORY_WITH_REPLICA.replace(/(@@reeve-section instances\n)([^]*?)(\n@@reeve-section end)/, (_whole, head: string, json: string, tail: string) => {
    const [replica] = JSON.parse(json) as [{ config: Record<string, string> }];
    return `${head}${JSON.stringify([replica, { ...replica, name: SPARE, config: { ...replica.config, 'user.reeve.role': 'spare', 'user.reeve.copied': copied } }])}${tail}`;
  });

  it('is shown nowhere as a workload, and is no twin', async () => {
    const { hypervisor } = onHost(withSpare(''));
    expect([await hypervisor.inventory(), await hypervisor.observe(UUID)]).toEqual([{ workloads: [], mute: [] }, null]);
    expect((await hypervisor.copies.replicas(UUID)).map(({ kind, asOfMs }) => [kind, asOfMs])).toEqual([['replica', 1_795_687_139_122], ['spare', null]]);
  });

  it('that is half made is not touched when the replica becomes the workload: its daemon may not be able to', async () => {
    const { hypervisor, last } = onHost(withSpare(''));
    await hypervisor.define(token, definition);
    expect(last().at(-1)).not.toContain(SPARE);
  });

  it('that is older loses its mark then; one that is newer takes the place of the replica first', async () => {
    const older = onHost(withSpare('1'));
    await older.hypervisor.define(token, definition);
    expect(older.last().at(-1)).toContain(`config set ${SPARE} user.reeve.copied=`);
    const newer = onHost(withSpare('1999999999999'));
    await newer.hypervisor.define(token, definition);
    expect(newer.commands.some((words) => words.at(-1)?.includes(`client rename ${SPARE} c1`))).toBe(true);
  });

  it('is what is prepared for the next copy, and is deleted alone when that is asked', async () => {
    const { hypervisor, last } = onHost(withSpare('1'));
    await hypervisor.copies.prepare(token, UUID, true);
    expect(last().at(-1)).toContain(`name=${SPARE} `);
    await hypervisor.copies.deleteReplica(token, UUID, 'spare');
    expect([last().at(-1)?.includes(`name=${SPARE} `), last().at(-1)?.includes('client delete')]).toEqual([true, true]);
  });
});

describe('scripts', () => {
  const operationsOf = (text: string, name: string, words = SENDING): string => spawnSync('/bin/sh', ['-c', `${INSTANCE_FUNCTIONS}\noperations_of ${name} '${words}'`], { input: text, encoding: 'utf8' }).stdout.trim();

  it('write settings again where something else was written meanwhile, and give up in the words of the client', () => {
    const write = (...answers: readonly string[]): readonly unknown[] => {
      const client = `client() { n=$(cat "$count"); echo $((n + 1)) > "$count"; case $n in ${answers.map((one, nth) => `${nth}) ${one} ;;`).join(' ')} *) echo "Error: ETag doesn't match: a vs b" >&2; return 1 ;; esac; }`;
      const script = `count=$(mktemp); echo 0 > "$count"; ${client}\n${INSTANCE_FUNCTIONS}\nname=c1 project=default\nset_settings "" a=b; code=$?; echo "$code $(cat "$count")"; rm -f "$count"`;
      const { stdout, stderr } = spawnSync('/bin/sh', ['-c', script], { encoding: 'utf8' });
      return [stdout.trim(), stderr.trim()];
    };
    const overtaken = `echo "Error: ETag doesn't match: a vs b" >&2; return 1`;
    expect(write(overtaken, overtaken, 'return 0')).toEqual(['0 3', '']);
    expect(write(overtaken, 'echo "Error: Instance not found" >&2; return 3')).toEqual(['3 2', 'Error: Instance not found']);
    expect(write()).toEqual(['1 8', "Error: ETag doesn't match: a vs b"]);
  });

  it('find the copies under way of one instance among the operations of the daemon', () => {
    const id = '07aa6b3a-78d2-4113-86da-59e8b4e523a6';
    expect(operationsOf(OPERATIONS, 'c1')).toBe(id);
    expect(operationsOf(OPERATIONS.replaceAll('/1.0/instances/c1', '/1.0/instances/c1?project=p2'), 'c1')).toBe(id);
    expect(operationsOf(OPERATIONS, 'c1', WRITING)).toBe('');
    for (const word of ['Creating', 'Refreshing']) expect(operationsOf(OPERATIONS.replace('Migrating', word), 'c1', WRITING)).toBe(id);
    expect(operationsOf(OPERATIONS, 'c')).toBe('');
    expect(operationsOf(OPERATIONS, '""')).toBe(id);
    expect(operationsOf(OPERATIONS.replace('"running"', '"failure"'), 'c1')).toBe('');
    expect(operationsOf(OPERATIONS.replace('Migrating instance', 'Executing command'), 'c1')).toBe('');
    // It stays listed for ever after a live move that failed.
    expect(operationsOf(OPERATIONS.replace('Migrating instance', 'Live-migrating instance'), 'c1')).toBe('');
  });

  it('copy to the remote that enrolment makes, and take no name that is none', () => {
    const instance = parseInventory(INVENTORY).instances[1]!;
    const request = { id: 'op-1', uuid: UUID, destination: { name: 'host-2' }, keepsNewest: true, bandwidthMiBps: null };
    const script = startCopyScript(DIALECTS.lxd, instance, UUID, request);
    expect(script).toContain('there=reeve-host-2:');
    expect(spawnSync('/bin/sh', ['-n', '-c', script]).status).toBe(0);
    expect(remoteNameOf('a.b-c')).toBe('reeve-a.b-c');
    for (const name of ['', '-x', 'a:b', 'a b', '../x']) expect(() => remoteNameOf(name)).toThrow(RangeError);
    expect(() => startCopyScript(DIALECTS.lxd, instance, UUID, { ...request, id: '../x' })).toThrow(RangeError);
    expect(copyIdOf(DIALECTS.incus, 'a')).not.toBe(copyIdOf(DIALECTS.lxd, 'a'));
  });
});
