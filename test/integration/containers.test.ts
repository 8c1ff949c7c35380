// The agent and the guard's notes beside real processes: stand-ins for what LXD starts, in real control groups and namespaces.
import { spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentHost } from '../../src/agent/agent-ports.js';
import { procHost } from '../../src/agent/proc/proc-host.js';

const WITHIN_MS = 10_000;
/** One is enough: the agent looks at what the kernel says of a process. */
const HIERARCHY = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].find((dir) => readdirSafe(dir).includes('cgroup.procs')) ?? null;
const isPossible = process.getuid?.() === 0 && HIERARCHY !== null && isWritable(HIERARCHY);

const uuid = (nth: number): string => `0a1b2c3d-1111-4222-8333-44445555666${nth}`;

describe.runIf(isPossible)('containers as real processes', () => {
  let dir = '';
  let host: AgentHost;
  const started: ChildProcess[] = [];
  const groups: string[] = [];
  // Names that nothing else on this machine has.
  const name = (suffix = ''): string => `reeve-test-${process.pid}${suffix}`;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'reeve-containers-'));
    mkdirSync(join(dir, 'leases'));
    host = procHost({ procDir: '/proc', guardDir: dir, runDir: dir, bootId: 'boot-a' });
  });
  afterEach(async () => {
    for (const child of started.splice(0)) child.kill('SIGKILL');
    for (const group of groups.splice(0)) {
      for (const pid of pidsIn(group)) killed(pid);
      await until(() => pidsIn(group).length === 0);
      rmdirSync(groupDir(group));
    }
    rmSync(dir, { recursive: true, force: true });
  });

  const note = (nth: number, word: string): void => writeFileSync(join(dir, 'leases', uuid(nth)), `${word}\n`);
  const ours = (): readonly string[] => (host.running() ?? []).filter((one) => one.startsWith('0a1b2c3d'));

  /** A monitor whose child has a pid namespace of its own with three processes, all in the group `lxc.payload.GROUP`. */
  async function start(container: string, group: string): Promise<ChildProcess> {
    mkdirSync(groupDir(group));
    groups.push(group);
    const inside = `echo $$ > ${groupDir(group)}/cgroup.procs; exec unshare --pid --fork --kill-child sh -c 'sleep 600 & sleep 600 & wait'`;
    const program = `process.title = '[lxc monitor] /var/lib/lxd/containers ${container}'; require('node:child_process').spawn('sh', ['-c', ${JSON.stringify(inside)}], { stdio: 'ignore' }); setInterval(() => {}, 1000);`;
    const monitor = spawn(process.execPath, ['-e', program], { stdio: 'ignore' });
    started.push(monitor);
    await until(() => pidsIn(group).length === 4);
    return monitor;
  }

  it('are known while they run, and gone with all that is in them once they are killed', async () => {
    await start(name(), name());
    expect(ours()).toEqual([]);
    note(1, `lxd:${name()}`);
    note(2, `incus:${name()}`);
    expect(ours()).toEqual([uuid(1)]);
    host.kill([uuid(1)]);
    await until(() => ours().length === 0);
    await until(() => pidsIn(name()).length === 0);
  });

  it('are found in the group with a number behind, and one that is named like that is spared', async () => {
    await start(name(), name('-1'));
    await start(name('-1'), name('-1-1'));
    note(1, `lxd:${name()}`);
    host.kill([uuid(1)]);
    await until(() => ours().length === 0);
    expect(pidsIn(name('-1-1'))).toHaveLength(4);
  });

  it('are found and killed after their monitor was', async () => {
    const monitor = await start(name(), name());
    note(1, `lxd:${name()}`);
    monitor.kill('SIGKILL');
    await until(() => monitor.signalCode !== null);
    expect(ours()).toEqual([uuid(1)]);
    host.kill([uuid(1)]);
    await until(() => ours().length === 0);
    await until(() => pidsIn(name()).length === 0);
  });
});

const groupDir = (group: string): string => `${HIERARCHY}/lxc.payload.${group}`;

function pidsIn(group: string): readonly number[] {
  return readFileSync(`${groupDir(group)}/cgroup.procs`, 'utf8').split('\n').filter(Boolean).map(Number);
}

function killed(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

async function until(isSo: () => boolean): Promise<void> {
  await expect.poll(isSo, { timeout: WITHIN_MS, interval: 20 }).toBe(true);
}

function readdirSafe(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
