// What was begun once is not begun again, what could not be begun says so, and what has ended long ago takes no room.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startDetachedScript } from './detached-command.js';

let ops: string;
beforeEach(() => {
  ops = mkdtempSync(join(tmpdir(), 'reeve-ops-'));
});
afterEach(() => rmSync(ops, { recursive: true, force: true }));

/** In a folder of its own, with a low bound, and without systemd, wherever this runs. */
function begin(id: string, { script = 'true', before = '' } = {}): { readonly status: number | null; readonly stderr: string } {
  const text = startDetachedScript({ id, unitPrefix: 'reeve-test', script }).replaceAll('/run/reeve/ops', ops).replaceAll('/run/systemd/system', '/nowhere').replace('most=4096', 'most=6');
  const { status, stderr } = spawnSync('/bin/sh', ['-c', `${before}\n${text}`], { encoding: 'utf8' });
  return { status, stderr };
}

function folder(id: string, hoursAgo: number, file = 'exit'): void {
  const at = Date.now() / 1000 - hoursAgo * 3600;
  mkdirSync(join(ops, id));
  writeFileSync(join(ops, id, file), '0\n');
  utimesSync(join(ops, id, file), at, at);
}

async function untilEnded(id: string): Promise<string> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (readdirSync(join(ops, id)).includes('exit')) return readFileSync(join(ops, id, 'exit'), 'utf8').trim();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${id} did not end`);
}

describe('a detached command', () => {
  it('runs once, and leaves its exit code', async () => {
    for (let times = 0; times < 2; times += 1) expect(begin('one', { script: `echo ran >> ${ops}/ran; (exit 7)` })).toEqual({ status: 0, stderr: '' });
    expect([await untilEnded('one'), readFileSync(join(ops, 'ran'), 'utf8')]).toEqual(['7', 'ran\n']);
  });

  it('that can not be begun for want of room is not taken for one that was', () => {
    const before = `mkdir() { case $1 in -p) ;; *) echo "mkdir: cannot create directory '$1': No space left on device" >&2; return 1 ;; esac; }`;
    expect(begin('one', { before })).toMatchObject({ status: 1, stderr: expect.stringContaining('No space left') as string });
  });

  it('does not run when it can not say so', async () => {
    // As a folder it takes no process id.
    expect(begin('one', { script: `echo ran > ${ops}/ran`, before: `mkdir() { command mkdir "$@" && case $1 in -p) ;; *) command mkdir "$1/pid" ;; esac; }` }).status).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(readdirSync(ops)).toEqual(['one']);
  });

  it('takes away what ended more than a day ago; not what runs, nor what somebody may ask for who was away for hours', () => {
    folder('ended-yesterday', 25);
    folder('ended-today', 20);
    folder('runs-for-days', 90, 'pid');
    begin('new');
    expect(readdirSync(ops).sort()).toEqual(['ended-today', 'new', 'runs-for-days']);
  });

  it('keeps no more than so many, the oldest go first, and never what ended a moment ago', () => {
    for (let nth = 0; nth < 9; nth += 1) folder(`old-${nth}`, 2 + nth);
    for (let nth = 0; nth < 8; nth += 1) folder(`young-${nth}`, 0.5);
    begin('new');
    expect(readdirSync(ops).filter((name) => name.startsWith('old-')).sort()).toEqual(['old-0', 'old-1', 'old-2', 'old-3', 'old-4', 'old-5']);
    expect(readdirSync(ops)).toHaveLength(6 + 8 + 1);
  });
});
