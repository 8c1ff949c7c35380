// Live moves of instances: what of their settings stands against one, what goes to the host, what is read of one that goes on, and what errors mean.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RunResult } from '../ssh/ssh-connection.js';
import { DIALECTS } from './dialect.js';
import type { Instance } from './instance.js';
import { definitionOf } from './instance-definition.js';
import { instanceNeedsOf } from './instance-needs.js';
import { parseInventory } from './inventory.js';
import { abortMoveScript, movingCommandScript, moveProgressScript, parseMoveProgress, startMoveScript } from './live-move-script.js';
import { lxdFailure } from './lxd-failure.js';
import { CRIU_FAILED, DUMP_FAILED, NO_CRIU, NO_CRIU_PULLED, NO_VMS, NOT_STATEFUL, NOT_WHILE_RUNNING, STATEFUL_VM } from './recorded-moves.fixture.js';
import { INVENTORY } from './recorded.fixture.js';

const UUID = '34214efd-0507-4b8d-8569-5306359cc488';
const container = parseInventory(INVENTORY).instances.find((one) => one.project === 'default')!;
const host = { cpus: 4, memoryMiB: 8_000, pools: [{ name: 'default', driver: 'dir', source: null }, { name: 'far', driver: 'ceph', source: null }] };
const REQUEST = { id: 'op-1', uuid: UUID, destination: { name: 'host-2', sshUser: 'root', sshPort: 22, address: '10.0.0.2' }, bandwidthMiBps: null, maxDowntimeMs: 300, autoConverge: false, copyStorage: false };

interface Set {
  readonly config?: Readonly<Record<string, string>>;
  readonly root?: Readonly<Record<string, string>>;
  readonly ownRoot?: boolean;
  readonly driver?: 'lxd' | 'incus';
}

function against({ config = STATEFUL_VM.config, root = STATEFUL_VM.root, ownRoot = false, driver = 'lxd' }: Set = {}) {
  const vm: Instance = { ...container, name: 'vm-1', type: 'virtual-machine', expanded_config: { ...config }, devices: ownRoot ? { root: { ...root } } : {}, expanded_devices: { root: { ...root } } };
  return instanceNeedsOf(definitionOf(vm, UUID, driver), host).instance?.notLive;
}

describe('what keeps a virtual machine from moving while it runs', () => {
  it('is nothing where the settings are as the documentation has them, and no question for a container', () => {
    expect(against()).toEqual([]);
    expect(instanceNeedsOf(definitionOf(container, UUID, 'lxd'), host).instance).not.toHaveProperty('notLive');
  });

  it('is migration.stateful, which can be set only while it is stopped', () => {
    const remedy = 'lxc stop vm-1 && lxc config set vm-1 migration.stateful=true && lxc start vm-1';
    for (const word of [undefined, 'false', '']) expect(against({ config: { 'limits.memory': '512MiB', ...(word === undefined ? {} : { 'migration.stateful': word }) } })).toEqual([{ why: 'migration.stateful of vm-1 is not set, which can be set only while it is stopped', remedy }]);
    expect(against({ config: { ...STATEFUL_VM.config, 'migration.stateful': '1' } })).toEqual([]);
  });

  it('is too little room for its memory on a local root disk: of LXD, not of Incus, and not on a remote pool', () => {
    const { 'size.state': _none, ...bare } = STATEFUL_VM.root;
    expect(against({ root: bare })).toEqual([{ why: 'size.state of the root disk of vm-1 is not set, less than its memory (512 MiB)', remedy: 'lxc stop vm-1 && lxc config device override vm-1 root size.state=512MiB && lxc start vm-1' }]);
    expect(against({ root: { ...bare, 'size.state': '511MiB' }, ownRoot: true })?.[0]).toMatchObject({ why: expect.stringContaining('is 511 MiB, less') as string, remedy: expect.stringContaining('device set vm-1 root') as string });
    // Without a limit it has 1 GiB.
    expect(against({ config: { 'migration.stateful': 'true' } })?.[0]?.why).toContain('less than its memory (1024 MiB)');
    expect([against({ root: { ...bare, pool: 'far' } }), against({ root: bare, driver: 'incus' })]).toEqual([[], []]);
  });

  it('is part of its definition: a change of it is seen', () => {
    const text = (config: Readonly<Record<string, string>>) => definitionOf({ ...container, expanded_config: config }, UUID, 'lxd');
    expect(text({ 'migration.stateful': 'true' })).not.toBe(text({}));
  });
});

describe('the words of a live move', () => {
  it('are the client\'s own, pushed from the source, never over what is there', () => {
    const script = startMoveScript(DIALECTS.lxd, container, UUID, REQUEST);
    execFileSync('sh', ['-n'], { input: script });
    expect(script).toContain('client move -q "$name" "$there$name" --mode push');
    expect(script).not.toContain('--stateless');
    expect(script.indexOf('boot.autostart=false')).toBeGreaterThan(0);
    expect(script.indexOf('boot.autostart=false')).toBeLessThan(script.indexOf('client move'));
    expect(script).toContain('has an instance named $name already');
    for (const one of [moveProgressScript(DIALECTS.incus, UUID), movingCommandScript(DIALECTS.incus, UUID), abortMoveScript('lxd-op-1', container)]) execFileSync('sh', ['-n'], { input: one });
  });

  it('tell that one goes on: by our command, or by the daemon where that was ended from outside, and by nothing else', () => {
    const root = mkdtempSync(join(tmpdir(), 'reeve-moves-'));
    const progress = (files: Readonly<Record<string, string>>, listed: string): string => {
      const dir = join(root, 'lxd-op-1');
      rmSync(dir, { recursive: true, force: true });
      mkdirSync(dir, { recursive: true });
      for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), `${text}\n`);
      const script = moveProgressScript(DIALECTS.lxd, UUID).replaceAll('/run/reeve/ops/', `${root}/`).replace(/^operations\(\) .*$/m, `operations() { [ "$name" = c1 ] && echo ${listed}; :; }`);
      return spawnSync('sh', ['-c', script], { encoding: 'utf8' }).stdout.replace(/\d+$/m, 'N').trim();
    };
    const move = `${UUID}\nc1\ndefault`;
    expect(progress({ move, pid: String(process.pid) }, '')).toBe('sending N');
    // After a failure the daemon lists it for ever.
    expect(progress({ move, pid: '1', exit: '1' }, 'stale')).toBe('');
    expect(progress({ move, pid: '1', exit: '0' }, 'stale')).toBe('');
    expect([progress({ move, exit: '130' }, 'going'), progress({ move, pid: '999999999' }, 'going'), progress({ move, exit: '137' }, '')]).toEqual(['sending N', 'sending N', '']);
    expect(progress({ move: `another\nc1\ndefault`, pid: String(process.pid) }, '')).toBe('');
    rmSync(root, { recursive: true });
    expect(parseMoveProgress('')).toBeNull();
    expect(parseMoveProgress('sending 12\n')).toMatchObject({ elapsedMs: 12_000, isUnmeasured: true });
    expect(() => parseMoveProgress('what?')).toThrow('unreadable answer');
  });
});

describe('errors of live moves', () => {
  const failure = (stderr: string) => lxdFailure({ code: 1, stdout: '', stderr } as RunResult, 'move', 'host-1', DIALECTS.lxd);
  it.each([NO_CRIU, NO_CRIU_PULLED, NOT_STATEFUL, NO_VMS])('"%s" is something that is not supported there', (words) => expect(failure(words).code).toBe('unsupported'));
  it('what is not known failed, and its words are kept', () => {
    expect(failure(DUMP_FAILED)).toMatchObject({ code: 'failed', message: expect.stringContaining('migration dump failed') as string });
    expect(failure(CRIU_FAILED)).toMatchObject({ code: 'failed', message: expect.stringContaining('migration failed 1') as string });
    expect(failure(NOT_WHILE_RUNNING).message).toContain('cannot be updated when VM is running');
  });
});
