// The lab itself: several side by side, one that lives keeps its name, a killed run is cleaned up by the next, and `down` leaves nothing behind.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { cacheDir, ensureGuest } from '../../lab/guest.js';
import { Lab } from '../../lab/lab.js';
import { otherOwner } from '../../lab/owner.js';
import { run } from '../../lab/shell.js';
import { REPO_ROOT } from '../../lab/ticks.js';
import { waitUntil } from '../../lab/wait-until.js';
import { leftOf } from './left-of-lab.js';

const [ONE, OTHER] = ['lt0', 'lt1'];

afterAll(async () => {
  for (const name of [ONE, OTHER]) {
    const lab = Lab.remains(name);
    // Another run of these tests on this machine keeps what is its own.
    if ((await otherOwner(lab.stateDir)) === null) await lab.down();
  }
});

/** What `npm run lab` runs. */
function labProgram(...args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [join(REPO_ROOT, 'scripts/lab.mjs'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Up to its control plane; at once an error with its words when it ends before that. */
async function up(child: ChildProcess, whole: Promise<{ readonly code: number | null; readonly said: string }>): Promise<void> {
  const early = whole.then(({ code, said }) => Promise.reject(new Error(`the lab's program ended with ${code}: ${said}`)));
  const ready = waitUntil('the control plane of the first run', async () => child.exitCode !== null || existsSync(`/var/lib/reeve-lab/${ONE}/reeve-control/cli.json`), { timeoutMs: 60_000 });
  await Promise.race([early, ready]);
  early.catch(() => undefined);
  if (child.exitCode !== null) await early;
}

async function ended(child: ChildProcess): Promise<{ readonly code: number | null; readonly said: string }> {
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, said })));
}

describe('the lab', () => {
  it('is one of several, with the same addresses and nothing between them', async () => {
    const labs = await Promise.all([ONE, OTHER].map((name) => Lab.start({ name, hosts: 2 })));
    for (const lab of labs) {
      expect(await Promise.all(lab.hosts.map((host) => lab.powerState(host)))).toEqual(['on', 'on']);
      const [host] = lab.hosts;
      expect((await lab.ssh(host ?? lab.host('host-1'), 'hostname')).stdout.trim()).toBe('host-1');
    }
    await labs[0]?.down();
    expect(await leftOf(ONE)).toEqual([]);
    expect(await labs[1]?.powerState(labs[1].host('host-2'))).toBe('on');
    await labs[1]?.down();
    expect(await leftOf(OTHER)).toEqual([]);
  });

  it('has its guest built once, by whichever of several comes first', async () => {
    const cache = await mkdtemp(join(tmpdir(), 'reeve-cache-'));
    try {
      await ensureGuest(() => undefined);
      await cp(cacheDir(), join(cache, 'reeve-lab'), { recursive: true });
      await rm(join(cache, 'reeve-lab/guest.sum'));
      const build = () => run(join(REPO_ROOT, 'lab/guest/build.sh'), [join(cache, 'reeve-lab')], { timeoutMs: 120_000 });
      const said = (await Promise.all([build(), build(), build()])).map(({ stdout }) => stdout);
      expect(said.filter((one) => one.includes('building'))).toHaveLength(1);
    } finally {
      await rm(cache, { recursive: true, force: true });
    }
  });

  it('keeps its name from a second run, and is cleaned up by the next one when it was killed', async () => {
    const first = labProgram('--name', ONE, '--hosts', '2');
    await up(first, ended(first));
    expect(await ended(labProgram('--name', ONE, '--once'))).toMatchObject({ code: 1, said: expect.stringContaining(`a lab named ${ONE} is up already, held by process ${first.pid}`) as string });
    first.kill('SIGKILL');
    await new Promise((resolve) => first.once('exit', resolve));
    expect((await leftOf(ONE)).length).toBeGreaterThan(0);
    const next = await Lab.start({ name: ONE, hosts: 2 });
    expect(next.hosts.length).toBe(2);
    await next.down();
    expect(await leftOf(ONE)).toEqual([]);
  });

  it('plays the main job from nothing to recovered, and leaves nothing behind', async () => {
    const { code, said } = await ended(labProgram('--name', ONE, '--once'));
    for (const part of ['enrolled host-1, host-2, host-3', 'moved vm-1 live', 'drained', 'is proven off (power-off)', 'all workloads run, each exactly once', 'the guests saw no second writer']) expect(said).toContain(part);
    expect([code, await leftOf(ONE)]).toEqual([0, []]);
  });

  it('is taken down by `down`, which ends the run that holds it', async () => {
    const first = labProgram('--name', ONE, '--hosts', '2');
    const firstEnded = ended(first);
    await up(first, firstEnded);
    expect(await ended(labProgram('--name', ONE, 'down'))).toMatchObject({ code: 0, said: expect.stringContaining('nothing of it is left') as string });
    expect((await firstEnded).said).toContain('taking the lab down');
    expect(await leftOf(ONE)).toEqual([]);
  });
});
