// A lab belongs to one process for as long as that lives; a pid that is another's by now, or a dead one, owns nothing.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { endOwner, otherOwner, takeOwnership } from './owner.js';

let dir = '';
let child: ChildProcess | null = null;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'reeve-owner-'));
});

afterEach(async () => {
  child?.kill('SIGKILL');
  await rm(dir, { recursive: true, force: true });
});

/** Writes the file as another process would; gives its pid. */
async function ownedByChild(): Promise<number> {
  child = spawn('sleep', ['60'], { stdio: 'ignore' });
  await new Promise((resolve) => child?.once('spawn', resolve));
  const pid = child.pid ?? -1;
  await writeFile(join(dir, 'owner'), `${pid} ${await startTimeOf(pid)}`);
  return pid;
}

async function startTimeOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

describe('who holds a lab', () => {
  it('is nobody else: no file, an empty one, or ourselves', async () => {
    expect(await otherOwner(dir)).toBeNull();
    await takeOwnership(dir);
    expect(await otherOwner(dir)).toBeNull();
  });

  it('is another process while it lives', async () => {
    const pid = await ownedByChild();
    expect(await otherOwner(dir)).toBe(pid);
  });

  it('is nobody when the pid belongs to a later process, or to none', async () => {
    const pid = await ownedByChild();
    await writeFile(join(dir, 'owner'), `${pid} 1`);
    expect(await otherOwner(dir)).toBeNull();
    await writeFile(join(dir, 'owner'), '4194304 1');
    expect(await otherOwner(dir)).toBeNull();
  });

  it('is asked to end, and waited for', async () => {
    await ownedByChild();
    const ended = new Promise((resolve) => child?.once('exit', (_code, signal) => resolve(signal)));
    await endOwner(dir);
    expect(await ended).toBe('SIGTERM');
    expect(await otherOwner(dir)).toBeNull();
  });
});
