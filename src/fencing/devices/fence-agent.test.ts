// The fence agents' interface: what is taken for off, what is not, and that nothing outlives its bound.
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FenceAgentDevice } from './fence-agent.js';
import { runProgram } from './run-program.js';

const dir = mkdtempSync(join(tmpdir(), 'reeve-agents-'));
const path = process.env['PATH'];
beforeAll(() => void (process.env['PATH'] = `${dir}:${path ?? ''}`));
afterAll(() => {
  process.env['PATH'] = path;
  rmSync(dir, { recursive: true, force: true });
});

/** A fence agent in a few lines of shell: it keeps what it was told on standard input. */
function agent(name: string, script: string): FenceAgentDevice {
  const file = join(dir, `fence_${name}`);
  writeFileSync(file, `#!/bin/sh\ncat > ${file}.input\n${script}\n`);
  chmodSync(file, 0o755);
  return new FenceAgentDevice({ agent: `fence_${name}`, options: { ip: '10.0.0.9', password: 'secret' }, timeoutMs: 2_000 });
}

describe('status', () => {
  it.each([
    ['on', 'echo "Status: ON"; exit 0', 'on'],
    ['off', 'echo "Status: OFF"; exit 2', 'off'],
  ])('%s', async (name, script, state) => {
    expect(await agent(`s_${name}`, script).status()).toBe(state);
  });

  it.each([
    ['bad arguments also exit with 2', 'echo "usage: fence_x: error: unrecognized arguments" >&2; exit 2'],
    ['a word without its code', 'echo "Status: OFF"; exit 1'],
    ['a failure that mentions off', 'echo "Unable to power off; Status: OFF is not known" ; exit 2'],
    ['it crashed', 'kill -9 $$'],
  ])('is never off when %s', async (name, script) => {
    await expect(agent(`bad_${name.length}`, script).status()).rejects.toThrow('tells no power state');
  });

  it('on and off at once is on', async () => {
    expect(await agent('both', 'echo "Status: ON"; echo "Status: OFF"; exit 2').status()).toBe('on');
  });
});

describe('running an agent', () => {
  it('hands options and action over on standard input', async () => {
    await agent('input', 'exit 0').off();
    expect(readFileSync(join(dir, 'fence_input.input'), 'utf8')).toBe('ip=10.0.0.9\npassword=secret\naction=off\n');
  });

  it('gives its words without the decoration', async () => {
    const failing = agent('words', `printf '%s\\n' "2026-11-24 13:35:47,597 ERROR: Connection timed out" "" "2026-11-24 13:35:47,597 ERROR: Please use '-h' for usage" >&2; exit 1`);
    await expect(failing.off()).rejects.toThrow(/^Connection timed out$/);
  });

  it('ends it and its helpers when it takes too long', async () => {
    const slow = new FenceAgentDevice({ agent: 'fence_slow', options: {}, timeoutMs: 300 });
    agent('slow', `sleep 60 & echo $! > ${dir}/helper; wait`);
    await expect(slow.off()).rejects.toMatchObject({ code: 'timeout' });
    const helper = Number(readFileSync(join(dir, 'helper'), 'utf8'));
    await expect.poll(() => isAlive(helper), { timeout: 5_000 }).toBe(false);
  });

  it('does not wait for a helper that holds its output open', async () => {
    const answer = await runProgram('sh', ['-c', 'sleep 60 & echo done'], { timeoutMs: 10_000 });
    expect(answer).toMatchObject({ code: 0, stdout: 'done\n' });
  });

  it('says what to install when the program is not there', async () => {
    const absent = new FenceAgentDevice({ agent: 'fence_absent', options: {}, timeoutMs: 500 });
    await expect(absent.status()).rejects.toMatchObject({ message: expect.stringContaining('not installed'), remedy: 'apt-get install fence-agents' });
  });
});

/** A zombie has ended: whoever should reap it may be slow. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
