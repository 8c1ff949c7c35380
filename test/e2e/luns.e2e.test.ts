// A pool of real LXD on a LUN: its host is lost and another one has it, with all that was acknowledged; never is it mounted twice.
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CONTAINER_IMAGE, containerConfig, ensureContainerImage, listContainers, lxc, runningContainers } from '../../lab/containers.js';
import type { LabHost } from '../../lab/lab.js';
import { addLunPool, powerCutWithLun } from '../../lab/luns.js';
import { describe as describeRig, eventsAfter, hostsOf, isInService, lastSeq, workloadNamed } from '../../lab/rig.js';
import { whyNoContainers } from '../../lab/setup.js';
import { waitUntil } from '../../lab/wait-until.js';
import { expectHealthyEnd, resetRig, startE2eRig, type E2eRig } from './e2e-rig.js';

const canHave = whyNoContainers() === null;
const POOLS = ['host-1', 'host-2'] as const;
let rig: E2eRig;
beforeAll(async () => {
  if (canHave) rig = await startE2eRig('ru0', 3, { prepare: async (lab) => { for (const name of POOLS) await addLunPool(lab, lab.host(name)); } });
});
afterAll(async () => {
  await rig?.close();
});
afterEach(async () => {
  await expectHealthyEnd(rig);
  await resetRig(rig);
});

const host = (name: string): LabHost => rig.lab.host(name);

/** In that pool, known to Reeve and protected; its ticks have come, and its settings are on the disk. */
async function adopted(name: string, index: number, on: string, pool: string): Promise<void> {
  await ensureContainerImage(rig.lab, host(on));
  const config = containerConfig({ name, index, memoryMiB: 64, config: ['limits.cpu=1'] }).flatMap((one) => ['-c', one]);
  await lxc(rig.lab, host(on), ['init', '-q', CONTAINER_IMAGE, name, '-s', pool, ...config]);
  await lxc(rig.lab, host(on), ['start', name]);
  await rig.ticks.waitForTick(name, 0);
  await waitUntil(`${name} to be adopted`, () => rig.api().post('/workloads/adopt', { host: on, name, isProtected: true }).then(() => true, () => false), { describe: () => describeRig(rig) });
  await waitUntil(`${name} under the lease of ${on}`, async () => (await rig.api().get<{ leasedOn: string | null }>(`/workloads/${name}`)).leasedOn !== null, { describe: () => describeRig(rig) });
  // LXD writes them without a sync; the kernel does so within half a minute.
  await rig.lab.exec(host(on), ['sync']);
}

async function untilRuns(name: string, where: (on: string) => boolean, timeoutMs = 60_000): Promise<string> {
  let on = '';
  await waitUntil(`${name} to run`, async () => {
    const now = await workloadNamed(rig, name);
    on = now.host ?? '';
    return now.state === 'running' && where(on);
  }, { timeoutMs, describe: () => describeRig(rig) });
  return on;
}

const untilInService = (): Promise<unknown> => waitUntil('all hosts in service', async () => (await hostsOf(rig)).every(isInService), { timeoutMs: 90_000, describe: () => describeRig(rig) });

/** Hosts in whose mount table the pool's file system is, as LXD mounts it or as it is claimed: read past them, often. */
async function mountedOn(pool: string): Promise<readonly string[]> {
  const on = await Promise.all(rig.lab.hosts.map(async (one) => {
    const pid = await rig.lab.pidOf(one).catch(() => 0);
    const table = pid > 0 ? await readFile(`/proc/${pid}/mountinfo`, 'utf8').catch(() => '') : '';
    const isIts = (line: string): boolean => line.includes(' - btrfs ') && (line.includes(` /var/lib/lxd/storage-pools/${pool} `) || line.includes(' /run/reeve-pool-'));
    return table.split('\n').some(isIts) ? [one.name] : [];
  }));
  return on.flat();
}

/** The most hosts that ever had it mounted at one moment, as far as was seen. */
function watchMounts(pool: string): { stop(): Promise<number> } {
  let [most, goesOn] = [0, true];
  const watched = (async () => {
    while (goesOn) {
      most = Math.max(most, (await mountedOn(pool)).length);
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
  })();
  return { stop: async () => ((goesOn = false), await watched, most) };
}

/** Appends numbered lines and tells each one once it is on the disk. */
async function writer(name: string, on: string): Promise<{ readonly told: () => number }> {
  const script = 'n=0; while :; do n=$((n+1)); echo $n >> /root/lines; sync /root/lines && echo $n; done';
  const child = spawn('nsenter', ['-t', String(await rig.lab.pidOf(host(on))), '-a', 'env', 'HOME=/root', 'lxc', 'exec', name, '--', 'sh', '-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.on('data', (part: Buffer) => (text += part.toString()));
  child.on('error', () => undefined);
  const told = (): number => Number(text.split('\n').slice(0, -1).at(-1) ?? 0);
  await waitUntil('lines', async () => told() > 50);
  return { told };
}

const linesOf = async (name: string, on: string): Promise<readonly number[]> => (await lxc(rig.lab, host(on), ['exec', name, '--', 'cat', '/root/lines'])).stdout.trim().split('\n').map(Number);

describe.skipIf(!canHave)('a pool on a LUN', () => {
  it('is taken over when its host has lost its power: no acknowledged line is lost, nothing runs twice, and again', async () => {
    const pool = 'ha-host-1';
    await adopted('ct-1', 11, 'host-1', pool);
    await adopted('ct-2', 12, 'host-1', pool);
    const recoverable = (await rig.api().get<{ recoverable: { summary: string } }>('/workloads/ct-1')).recoverable.summary;
    expect(recoverable).toBe(`pool ${pool} taken over by host-2 or host-3, RPO 0, once a fence device says that host-1 has no power`);
    const lines = await writer('ct-1', 'host-1');
    const mounts = watchMounts(pool);
    const seq = await lastSeq(rig);
    await powerCutWithLun(rig.lab, host('host-1'), pool);
    const [cutAt, told] = [Date.now(), lines.told()];
    const on = await untilRuns('ct-1', (one) => one !== 'host-1');
    const recoveredAt = Date.now();
    expect(await untilRuns('ct-2', (one) => one !== 'host-1')).toBe(on);
    const found = await linesOf('ct-1', on);
    expect(found.at(-1)).toBeGreaterThanOrEqual(told);
    expect(found).toEqual(found.map((_, index) => index + 1));
    await rig.ticks.waitForTick('ct-1', recoveredAt);
    process.stdout.write(`pool: recovered ${recoveredAt - cutAt} ms after the cut; ${told} lines were acknowledged, ${found.length} are there\n`);
    expect((await eventsAfter(rig, seq)).filter((one) => one.type === 'host.pool-taken')).toHaveLength(1);
    // Its daemon starts, and looks for what it had.
    await rig.lab.powerOn(host('host-1'));
    await rig.lab.waitLxd([host('host-1')]);
    await untilInService();
    expect(await runningContainers(rig.lab, host('host-1'))).toEqual([]);
    expect(await listContainers(rig.lab, host('host-1'))).toEqual([]);
    expect((await lxc(rig.lab, host('host-1'), ['storage', 'list', '-f', 'csv'])).stdout).not.toContain(pool);
    expect(await mountedOn(pool)).toEqual([on]);
    // The next loss, of the host that has it now.
    await rig.lab.exec(host(on), ['sync']);
    await powerCutWithLun(rig.lab, host(on), pool);
    const next = await untilRuns('ct-1', (one) => one !== on);
    expect((await linesOf('ct-1', next)).length).toBeGreaterThanOrEqual(found.length);
    await untilRuns('ct-2', (one) => one === next);
    await rig.lab.powerOn(host(on));
    await rig.lab.waitLxd([host(on)]);
    await untilInService();
    expect(await mountedOn(pool)).toEqual([next]);
    expect(await mounts.stop()).toBe(1);
  });

  it('stays with a host that is cut off and may have it mounted, until it surely has no power', async () => {
    const pool = 'ha-host-2';
    await adopted('ct-3', 13, 'host-2', pool);
    const mounts = watchMounts(pool);
    for (const one of rig.lab.hosts) await rig.lab.bmc(one, 'dead');
    await rig.lab.isolate(host('host-2'));
    await waitUntil('the reason', async () => (await workloadNamed(rig, 'ct-3')).why?.includes('lease-expired does not prove that') === true, { timeoutMs: 60_000, describe: () => describeRig(rig) });
    expect(await runningContainers(rig.lab, host('host-2'))).toEqual([]);
    // Its watchdog may have reset it: then its daemon has it again after the boot.
    await waitUntil('host-2 to have it', async () => (await mountedOn(pool)).join() === 'host-2', { timeoutMs: 60_000 });
    // A person goes and pulls the plug.
    await powerCutWithLun(rig.lab, host('host-2'), pool);
    await rig.api().post('/hosts/host-2/confirm-off', { reason: 'unplugged' });
    const on = await untilRuns('ct-3', (one) => one !== 'host-2');
    expect(await mountedOn(pool)).toEqual([on]);
    for (const one of rig.lab.hosts) await rig.lab.bmc(one, 'ok');
    await rig.lab.powerOn(host('host-2'));
    await rig.lab.waitLxd([host('host-2')]);
    await untilInService();
    expect(await runningContainers(rig.lab, host('host-2'))).toEqual([]);
    expect(await mountedOn(pool)).toEqual([on]);
    expect(await mounts.stop()).toBe(1);
  });
});
