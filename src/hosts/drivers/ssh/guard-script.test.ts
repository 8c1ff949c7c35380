// The guard as it runs: the real script under the real shell, with its own folder and boot id.
import { execFile, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { GUARD_BUSY, GUARD_REFUSED, GUARD_SCRIPT } from './guard-script.js';

const UUID = '4c4c4544-0000-4000-8000-000000000001';
const OTHER = '4c4c4544-0000-4000-8000-000000000002';

describe('guard', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'guard-'));
    writeFileSync(join(dir, 'guard'), GUARD_SCRIPT);
    chmodSync(join(dir, 'guard'), 0o755);
    boot('boot-a');
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const boot = (id: string): void => writeFileSync(join(dir, 'boot_id'), `${id}\n`);
  const env = (): NodeJS.ProcessEnv => ({ ...process.env, REEVE_GUARD_DIR: join(dir, 'state'), REEVE_GUARD_BOOT_FILE: join(dir, 'boot_id'), REEVE_GUARD_WAIT_S: '1', REEVE_GUARD_LEASE_FILE: join(dir, 'lease') });
  const guard = (...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
    new Promise((resolve) => {
      execFile(join(dir, 'guard'), args, { env: env() }, (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }));
    });
  const admit = (leader: number, host: number, bootId = 'boot-a'): Promise<{ code: number; stderr: string }> =>
    guard('admit', '--leader', String(leader), '--host', String(host), '--boot-id', bootId);
  const run = (leader: number, host: number, workload: string | null, ...command: string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
    guard('run', '--leader', String(leader), '--host', String(host), ...(workload ? ['--workload', workload] : []), '--', ...(command.length ? command : ['echo', 'ran']));

  it('refuses everything before the first admission', async () => {
    const answer = await run(1, 1, null);
    expect(answer).toMatchObject({ code: GUARD_REFUSED, stdout: '' });
    expect(answer.stderr).toMatch(/^reeve-guard: refused: /);
  });

  it('passes on arguments, output and exit code of an admitted command', async () => {
    await admit(1, 1);
    expect(await run(1, 1, `${UUID}:1`, 'printf', '%s|', 'a b', '$(x)', "it's")).toMatchObject({ code: 0, stdout: "a b|$(x)|it's|" });
    expect(await run(1, 1, null, 'sh', '-c', 'exit 7')).toMatchObject({ code: 7 });
  });

  it('refuses an old leader, whoever the newer one was', async () => {
    await admit(3, 1);
    expect(await run(5, 1, null)).toMatchObject({ code: 0 });
    expect(await run(4, 1, null)).toMatchObject({ code: GUARD_REFUSED, stdout: '', stderr: expect.stringContaining('leader epoch 4 is over, 5 was seen') });
    expect(await run(5, 1, null)).toMatchObject({ code: 0 });
  });

  it('refuses any other host epoch, older or newer', async () => {
    await admit(1, 4);
    for (const host of [3, 5]) expect(await run(1, host, null)).toMatchObject({ code: GUARD_REFUSED });
  });

  it('refuses an old epoch of that workload only, and a late duplicate of the same is let through', async () => {
    await admit(1, 1);
    expect(await run(1, 1, `${UUID}:7`)).toMatchObject({ code: 0 });
    expect(await run(1, 1, `${UUID}:6`)).toMatchObject({ code: GUARD_REFUSED, stderr: expect.stringContaining('7 was seen') });
    expect(await run(1, 1, `${UUID}:7`)).toMatchObject({ code: 0 });
    expect(await run(1, 1, `${OTHER}:1`)).toMatchObject({ code: 0 });
  });

  it('refuses after a reboot until admitted with a higher host epoch', async () => {
    await admit(1, 1);
    boot('boot-b');
    expect(await run(1, 1, null)).toMatchObject({ code: GUARD_REFUSED, stderr: expect.stringContaining('not admitted') });
    expect(await admit(1, 1, 'boot-a')).toMatchObject({ code: GUARD_REFUSED });
    expect(await admit(1, 1, 'boot-b')).toMatchObject({ code: GUARD_REFUSED, stderr: expect.stringContaining('above 1') });
    expect(await admit(1, 2, 'boot-b')).toMatchObject({ code: 0 });
    expect(await run(1, 1, null)).toMatchObject({ code: GUARD_REFUSED });
    expect(await run(1, 2, null)).toMatchObject({ code: 0 });
  });

  it('keeps epochs over a revocation, and reports its state', async () => {
    await admit(2, 3);
    expect(JSON.parse((await guard('state')).stdout)).toEqual({ admittedBootId: 'boot-a', bootId: 'boot-a', hostEpoch: 3, leaderEpoch: 2 });
    await guard('revoke');
    expect(JSON.parse((await guard('state')).stdout)).toEqual({ admittedBootId: null, bootId: 'boot-a', hostEpoch: 3, leaderEpoch: 2 });
    expect(await run(2, 3, null)).toMatchObject({ code: GUARD_REFUSED });
    expect(await admit(1, 4)).toMatchObject({ code: GUARD_REFUSED });
  });

  it('admits twice without harm', async () => {
    expect(await admit(2, 3)).toMatchObject({ code: 0 });
    expect(await admit(2, 3)).toMatchObject({ code: 0 });
    expect(await admit(2, 2)).toMatchObject({ code: GUARD_REFUSED });
  });

  it('refuses when its record is damaged, rather than guess', async () => {
    await admit(2, 3);
    for (const text of ['', '1 boot-a', '1 boot-a x 2', '2 boot-a 3 2', '1 boot-a 3 2 4']) {
      writeFileSync(join(dir, 'state', 'state'), `${text}\n`);
      expect(await run(9, 3, null)).toMatchObject({ code: GUARD_REFUSED, stderr: expect.stringContaining('damaged') });
    }
  });

  it.each([[['run', '--leader', 'x', '--host', '1', '--', 'true']], [['run', '--leader', '1', '--', 'true']], [['run', '--leader', '1', '--host', '1']], [['run', '--leader', '1', '--host', '1', '--workload', '../x:1', '--', 'true']], [['fly']], [[]]])('shows its usage for %j', async (args) => {
    await admit(1, 1);
    expect(await guard(...args)).toMatchObject({ code: 64 });
  });

  it('lets no newer command for the same workload overtake an older one, and does not hold up others', async () => {
    await admit(1, 1);
    const log = join(dir, 'log');
    const slow = spawn(join(dir, 'guard'), ['run', '--leader', '1', '--host', '1', '--workload', `${UUID}:1`, '--', 'sh', '-c', `echo began >> ${log}; sleep 0.7; echo old >> ${log}`], { env: env(), stdio: 'ignore' });
    while (!read(log).includes('began')) await new Promise((resolve) => setTimeout(resolve, 10));
    const other = run(1, 1, `${OTHER}:1`, 'sh', '-c', `echo other >> ${log}`);
    const newer = run(1, 1, `${UUID}:2`, 'sh', '-c', `echo new >> ${log}`);
    await Promise.all([other, newer, once(slow, 'exit')]);
    expect(read(log)).toBe('began\nother\nold\nnew\n');
  });

  it('answers busy when an older command does not end; a released one holds up nobody', async () => {
    await admit(1, 1);
    const hold = (extra: string[]): ReturnType<typeof spawn> =>
      spawn(join(dir, 'guard'), ['run', '--leader', '1', '--host', '1', '--workload', `${UUID}:1`, ...extra, '--', 'sh', '-c', `echo began > ${join(dir, 'began')}; exec sleep 30`], { env: env(), stdio: 'ignore' });
    for (const { extra, code } of [{ extra: [], code: GUARD_BUSY }, { extra: ['--release'], code: 0 }]) {
      rmSync(join(dir, 'began'), { force: true });
      const holder = hold(extra);
      while (!read(join(dir, 'began'))) await new Promise((resolve) => setTimeout(resolve, 10));
      expect(await run(1, 1, `${UUID}:2`)).toMatchObject({ code });
      expect((await admit(1, 1)).code).toBe(code);
      holder.kill('SIGKILL');
      await once(holder, 'exit');
      writeFileSync(join(dir, 'state', 'workloads', UUID), '1\n');
    }
  });

  it('never lets an epoch pass that is below one it let pass before', async () => {
    await admit(1, 1);
    const steps = fc.array(fc.record({ leader: fc.integer({ min: 1, max: 4 }), epoch: fc.integer({ min: 1, max: 4 }) }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(steps, async (commands) => {
        rmSync(join(dir, 'state'), { recursive: true, force: true });
        await admit(1, 1);
        let seen = { leader: 1, epoch: 0 };
        for (const { leader, epoch } of commands) {
          const { code } = await run(leader, 1, `${UUID}:${epoch}`, 'true');
          const legal = leader >= seen.leader && epoch >= seen.epoch;
          expect(code).toBe(legal ? 0 : GUARD_REFUSED);
          // A refusal for the workload's epoch alone still shows a newer leader.
          seen = { leader: Math.max(seen.leader, leader), epoch: legal ? epoch : seen.epoch };
        }
      }),
      { numRuns: 12 },
    );
  });

  describe('under a lease', () => {
    const uptimeMs = (): number => Math.floor(Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000);
    const lease = (leftMs: number, armed: 0 | 1, bootId = 'boot-a'): void => writeFileSync(join(dir, 'lease'), `1 ${bootId} ${uptimeMs() + leftMs} ${armed}\n`);
    const held = (...more: string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
      guard('run', '--leader', '1', '--host', '1', '--workload', `${UUID}:1`, '--lease-hold', ...more, '--', 'echo', 'ran');
    const noteOf = (): string => readFileSync(join(dir, 'state', 'leases', UUID), 'utf8');
    const isNoted = (): boolean => existsSync(join(dir, 'state', 'leases', UUID));

    beforeEach(async () => {
      await admit(1, 1);
    });

    it('runs while it holds and a watchdog stands behind it, and notes that', async () => {
      lease(60_000, 1);
      expect(await held()).toMatchObject({ code: 0, stdout: 'ran\n' });
      expect(isNoted()).toBe(true);
    });

    it.each([
      ['no agent has written one', () => undefined, 'its agent has written none'],
      ['it is over', () => lease(-10, 1), 'no majority of voters acknowledges it'],
      ['it is of another boot', () => lease(60_000, 1, 'boot-old'), 'its agent has written none'],
      ['it is damaged', () => writeFileSync(join(dir, 'lease'), '1 boot-a soon 1\n'), 'its agent has written none'],
    ])('is refused, and notes nothing, when %s', async (_what, prepare, why) => {
      prepare();
      expect(await held()).toMatchObject({ code: GUARD_REFUSED, stdout: '', stderr: expect.stringContaining(`this host holds no lease: ${why}`) });
      expect(isNoted()).toBe(false);
    });

    it('is refused without a watchdog, noted all the same: the agent arms it for the note', async () => {
      lease(60_000, 0);
      expect(await held()).toMatchObject({ code: GUARD_REFUSED, stdout: '', stderr: expect.stringContaining('its watchdog is not armed') });
      expect(isNoted()).toBe(true);
    });

    it('waits for a watchdog that is just being armed', async () => {
      lease(60_000, 0);
      const answer = held();
      const noted = async (): Promise<void> => {
        while (!isNoted()) await new Promise((resolve) => setTimeout(resolve, 10));
      };
      await noted();
      lease(60_000, 1);
      expect(await answer).toMatchObject({ code: 0, stdout: 'ran\n' });
    });

    it('is given up with or without one, and nobody else is touched', async () => {
      lease(60_000, 1);
      await held();
      rmSync(join(dir, 'lease'));
      expect(await guard('run', '--leader', '1', '--host', '1', '--workload', `${OTHER}:1`, '--', 'true')).toMatchObject({ code: 0 });
      expect(await guard('run', '--leader', '1', '--host', '1', '--workload', `${UUID}:1`, '--lease-drop', '--', 'true')).toMatchObject({ code: 0 });
      expect(isNoted()).toBe(false);
    });

    it.each(['lxd:c1', 'incus:web_c1-2'])('notes by what name the processes of %s are known', async (word) => {
      lease(60_000, 1);
      expect(await held('--instance', word)).toMatchObject({ code: 0, stdout: 'ran\n' });
      expect(noteOf()).toBe(`${word}\n`);
      await held('--instance', 'lxd:other');
      expect(noteOf()).toBe('lxd:other\n');
      await held();
      expect(noteOf()).toBe('');
    });

    it.each(['c1', 'lxd:', 'lxc:c1', 'lxd:-c1', 'lxd:c 1', 'lxd:../c1', 'incus:c1\n', `lxd:${'x'.repeat(200)}`])('takes no such name: %j', async (word) => {
      lease(60_000, 1);
      expect(await held('--instance', word)).toMatchObject({ code: 64, stdout: '' });
      expect(isNoted()).toBe(false);
    });

    it('names none without a workload', async () => {
      expect(await guard('run', '--leader', '1', '--host', '1', '--instance', 'lxd:c1', '--', 'true')).toMatchObject({ code: 64 });
    });

    it('belongs to a workload', async () => {
      expect(await guard('run', '--leader', '1', '--host', '1', '--lease-hold', '--', 'true')).toMatchObject({ code: 64 });
    });
  });
});

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
