// Containers in a /proc of our own: whose processes are found, and whose are not.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { containersOf, toKill, type ContainerProcesses } from './containers.js';
import { readProcesses } from './read-proc.js';

interface Shown {
  readonly command?: string;
  /** Below the root of all hierarchies. */
  readonly group?: string;
  readonly uid?: number;
  /** Process ids in this namespace and those within. */
  readonly ids?: string;
  readonly state?: string;
  readonly threads?: number;
  readonly children?: readonly number[];
  readonly mounts?: string;
}

describe('containers', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'reeve-containers-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const show = (pid: number, { command = '/sbin/init\0', group = '/', uid = 0, ids = `${pid}`, state = 'S (sleeping)', threads = 1, children = [], mounts = '' }: Shown): void => {
    mkdirSync(join(dir, `${pid}/task/${pid}`), { recursive: true });
    writeFileSync(join(dir, `${pid}/cmdline`), command);
    writeFileSync(join(dir, `${pid}/cgroup`), `8:pids:${group}\n0::${group}\n`);
    writeFileSync(join(dir, `${pid}/status`), `Name:\tx\nState:\t${state}\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\nNSpid:\t${ids.replaceAll(' ', '\t')}\nThreads:\t${threads}\n`);
    writeFileSync(join(dir, `${pid}/task/${pid}/children`), children.map((child) => `${child} `).join(''));
    writeFileSync(join(dir, `${pid}/mountinfo`), mounts);
  };
  const monitor = (pid: number, name: string, children: readonly number[], more: Shown & { readonly path?: string } = {}): void =>
    show(pid, { command: `[lxc monitor] ${more.path ?? '/var/lib/lxd/containers'} ${name}\0\0\0`, group: `/lxc.monitor.${name}`, children, ...more });
  const mountsOf = (name: string, driver = 'lxd'): string => `173 77 0:45 /x/rootfs / rw shared:16 - tmpfs t rw\n185 174 0:124 /${name} /dev/.${driver}-mounts rw,relatime master:56 - tmpfs tmpfs rw\n`;
  const init = (pid: number, group: string, more: Shown = {}): void => show(pid, { group: `/lxc.payload.${group}`, uid: 100_000, ids: `${pid} 1`, ...more });
  const look = (...words: readonly string[]): ReadonlyMap<string, ContainerProcesses> => containersOf(dir, readProcesses(dir) ?? [], words);
  const found = (...words: readonly string[]): readonly string[] => [...look(...words).keys()];
  const killed = (word: string): readonly number[] => {
    const one = look(word).get(word);
    return one ? toKill(one) : [];
  };

  it.each([
    ['LXD', '/var/lib/lxd/containers', 'lxd:c1'],
    ['LXD of the snap', '/var/snap/lxd/common/lxd/containers', 'lxd:c1'],
    ['Incus', '/var/lib/incus/containers', 'incus:c1'],
  ])('%s: the child of the monitor is killed, and all in the group is looked for', (_what, path, word) => {
    monitor(10, 'c1', [9, 11], { path });
    show(9, { command: '/usr/bin/lxd\0callhook\0/var/lib/lxd\0default\0c1\0stop\0', group: '/lxc.monitor.c1' });
    init(11, 'c1');
    init(12, 'c1/system.slice/ssh.service', { ids: '12 40' });
    show(13, {});
    expect(look('lxd:c1', 'incus:c1')).toEqual(new Map([[word, { inits: [11], payload: [11, 12], starting: [] }]]));
    expect(killed(word)).toEqual([11]);
  });

  it('takes the name with the project in front as another one', () => {
    monitor(10, 'web_c1', [11]);
    init(11, 'web_c1');
    expect(found('lxd:c1', 'lxd:web_c1')).toEqual(['lxd:web_c1']);
  });

  it('does not take the containers of LXC, nor those within a container, nor what anybody calls himself, for ours', () => {
    monitor(10, 'c1', [11], { path: '/var/lib/lxc' });
    init(11, 'c1-1', { mounts: '1 2 0:3 / / rw - ext4 x rw\n' });
    monitor(20, 'c2', [21], { group: '/lxc.payload.outer/lxc.monitor.c2', ids: '20 300' });
    init(21, 'outer/lxc.payload.c2', { ids: '21 301 1' });
    monitor(30, 'c3', [31], { uid: 1000 });
    init(31, 'elsewhere');
    expect(found('lxd:c2', 'lxd:c3')).toEqual([]);
  });

  describe('when groups of the same name were left over', () => {
    it('finds it in the next one, and touches none that is named like that', () => {
      monitor(10, 'c1', [11]);
      init(11, 'c1-1');
      monitor(20, 'c1-1', [21]);
      init(21, 'c1-1-1');
      expect(killed('lxd:c1')).toEqual([11]);
      expect(killed('lxd:c1-1')).toEqual([21]);
    });

    it('does not take a living container that is named like that for it', () => {
      monitor(20, 'c1-1', [21]);
      init(21, 'c1-1');
      expect(found('lxd:c1', 'lxd:c1-1')).toEqual(['lxd:c1-1']);
    });

    it('tells LXD and Incus with the same name apart', () => {
      monitor(10, 'c1', [11], { path: '/var/lib/incus/containers' });
      init(11, 'c1');
      monitor(20, 'c1', [21]);
      init(21, 'c1-1');
      expect([killed('lxd:c1'), killed('incus:c1')]).toEqual([[21], [11]]);
    });
  });

  describe('without its monitor', () => {
    it.each([['c1'], ['c1-1'], ['c1-27']])('is found by its group %s, and all in it are killed', (group) => {
      init(11, group);
      init(12, `${group}/init.scope`, { ids: '12 7' });
      expect(look('lxd:c1').get('lxd:c1')).toEqual({ inits: [], payload: [11, 12], starting: [] });
      expect(killed('lxd:c1')).toEqual([11, 12]);
    });

    it.each([['c10'], ['c1-x'], ['c1-12345'], ['other-c1'], ['c1.1']])('is not seen in the group %s', (group) => {
      init(11, group);
      expect(found('lxd:c1')).toEqual([]);
    });

    it.each([
      ['its own', 'c1', mountsOf('c1'), ['lxd:c1']],
      ['its own, of the snap', 'c1-1', mountsOf('instances/c1'), ['lxd:c1']],
      ['one that is named like the next group', 'c1-1', mountsOf('c1-1'), ['lxd:c1-1']],
      ['one of Incus', 'c1', mountsOf('c1', 'incus'), ['incus:c1']],
      ['another one by far', 'c1', mountsOf('x9'), []],
      ['nobody any more: both may be', 'c1-1', '', ['lxd:c1', 'incus:c1', 'lxd:c1-1']],
    ])('is told by its mounts: %s', (_what, group, mounts, words) => {
      init(11, group, { mounts });
      expect(found('lxd:c1', 'incus:c1', 'lxd:c1-1')).toEqual(words);
    });
  });

  it('is gone when all in it have ended, though nobody has waited for them yet', () => {
    monitor(10, 'c1', [11]);
    init(11, 'c1', { state: 'Z (zombie)' });
    expect(found('lxd:c1')).toEqual([]);
    init(11, 'c1', { state: 'Z (zombie)', threads: 3 });
    expect(found('lxd:c1')).toEqual(['lxd:c1']);
  });

  it('is gone when its monitor still tells the daemon so', () => {
    monitor(10, 'c1', []);
    expect(found('lxd:c1')).toEqual([]);
  });

  it('counts as running while it is being started, and that is ended too', () => {
    show(9, { command: '/snap/lxd/current/bin/lxd\0forkstart\0c1\0/var/snap/lxd/common/lxd/containers\0/x/lxc.conf\0' });
    expect(killed('lxd:c1')).toEqual([9]);
    monitor(10, 'c1', []);
    expect(killed('lxd:c1')).toEqual([9, 10]);
    monitor(10, 'c1', [11]);
    init(11, 'c1');
    expect(killed('lxd:c1')).toEqual([11, 9]);
    expect(found('lxd:c2', 'incus:c1')).toEqual([]);
  });
});
