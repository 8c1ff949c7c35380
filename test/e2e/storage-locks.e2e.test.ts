// The last net: a disk that is in use is not opened twice, whoever asks for it, with no epoch and no guard in between.
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { describe as describeRig, ended, eventsAfter, lastSeq, workloadNamed } from '../../lab/rig.js';
import { run, type Ran } from '../../lab/shell.js';
import { createTicker } from '../../lab/story.js';
import { waitUntil } from '../../lab/wait-until.js';
import { expectHealthyEnd, resetRig, startE2eRig, type E2eRig } from './e2e-rig.js';

let rig: E2eRig;
beforeAll(async () => {
  rig = await startE2eRig('rc0', 2);
});
afterAll(async () => {
  await rig?.close();
});
afterEach(async () => {
  await expectHealthyEnd(rig);
  await resetRig(rig);
});

/** As a person would, past everything that is ours. */
const virsh = (name: string, command: string): Promise<Ran> => rig.lab.ssh(rig.lab.host(name), `virsh -q ${command}`, { okCodes: 'any' });

/** A definition by hand of a domain that is only firmware and one disk. */
async function definedByHand(name: string, on: string, disk: { readonly type: 'file' | 'block'; readonly path: string }): Promise<void> {
  const source = disk.type === 'file' ? `file='${disk.path}'` : `dev='${disk.path}'`;
  const xml = `<domain type='qemu'><name>${name}</name><memory unit='MiB'>16</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='pc'>hvm</type></os><devices><disk type='${disk.type}' device='disk'><driver name='qemu' type='raw'/><source ${source}/><target dev='vda' bus='virtio'/></disk></devices></domain>`;
  const file = join(rig.lab.stateDir, 'shared', `${name}.xml`);
  await writeFile(file, xml);
  expect(await virsh(on, `define /srv/shared/${name}.xml`)).toMatchObject({ code: 0 });
  await rm(file);
}

const diskOf = async (name: string, on: string): Promise<string> => (/(?<path>\/srv\/shared\/\S+)/.exec((await virsh(on, `domblklist ${name}`)).stdout)?.groups?.['path'] ?? '');

describe('enrolment', () => {
  it('tried the locks of the shared pool from host to host', async () => {
    const { items: checks } = await rig.api().get<{ items: readonly { code: string; state: string; detail: string }[] }>('/hosts/host-2/check');
    const locks = checks.filter((one) => one.code === 'disk-locks');
    expect(locks.map((one) => one.state)).toEqual(['ok', 'ok']);
    expect(locks[0]?.detail).toContain('virtlockd with its locks in /srv/shared/lockspace');
    expect(locks[1]?.detail).toBe('tried in shared: a disk that is open on host-2 is refused on host-1');
  });
});

describe('a disk in use', () => {
  it('is not started a second time by hand on another host, and the one that runs is not disturbed', async () => {
    await createTicker(rig, 'vm-1', 1, { host: 'host-1' });
    const first = await rig.ticks.waitForTick('vm-1', 0);
    await definedByHand('by-hand', 'host-2', { type: 'file', path: await diskOf('vm-1', 'host-1') });
    const refused = await virsh('host-2', 'start by-hand');
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('Failed to get "write" lock');
    await rig.ticks.waitForTick('vm-1', Date.now());
    expect(rig.ticks.boots('vm-1')).toEqual([first.boot]);
    await virsh('host-2', 'undefine by-hand');
  });

  it('by somebody else stops a start of ours: error, an alert that names the lock, nothing forced; once it is free, the start works', async () => {
    await createTicker(rig, 'vm-1', 1, { host: 'host-1' });
    await rig.ticks.waitForTick('vm-1', 0);
    const disk = await diskOf('vm-1', 'host-1');
    const begin = async (path: string): Promise<string> => String((await rig.api().post<{ operationIds: string[] }>(path)).operationIds[0]);
    await ended(rig, await begin('/workloads/vm-1/stop'));
    await definedByHand('by-hand', 'host-2', { type: 'file', path: disk });
    expect(await virsh('host-2', 'start by-hand')).toMatchObject({ code: 0 });
    const seq = await lastSeq(rig);
    await rig.api().post('/workloads/vm-1/start');
    await waitUntil('vm-1 in error', async () => (await workloadNamed(rig, 'vm-1')).state === 'error', { describe: () => describeRig(rig) });
    const alert = (await eventsAfter(rig, seq)).find((event) => event.type === 'workload.error');
    expect(alert?.message).toMatch(/one of its disks is locked.*lock.*Nothing was forced/);
    expect(alert?.data).toMatchObject({ code: 'storage-locked' });
    expect((await virsh('host-2', 'domstate by-hand')).stdout.trim()).toBe('running');
    expect(await rig.lab.runningOn(rig.lab.host('host-1'))).toEqual([]);
    await virsh('host-2', 'destroy by-hand');
    await virsh('host-2', 'undefine by-hand');
    await rig.api().post('/workloads/vm-1/clear');
    await waitUntil('vm-1 to run', async () => (await workloadNamed(rig, 'vm-1')).state === 'running', { describe: () => describeRig(rig) });
    await rig.ticks.waitForTick('vm-1', Date.now());
  });
});

/** QEMU's own locks are of the device node, and each host has its own: only virtlockd is in the way. */
describe('a disk that is a device', () => {
  it('is refused by virtlockd on another host, and free once the host that used it is off', async () => {
    const image = join(rig.lab.stateDir, 'lun.raw');
    await run('truncate', ['-s', '4M', image]);
    const device = (await run('losetup', ['-f', '--show', image])).stdout.trim();
    try {
      for (const host of rig.lab.hosts) {
        await rig.lab.exec(host, ['mknod', '/dev/lun0', 'b', '7', device.replace('/dev/loop', '')]);
        await definedByHand(`lun-${host.index}`, host.name, { type: 'block', path: '/dev/lun0' });
      }
      expect(await virsh('host-1', 'start lun-1')).toMatchObject({ code: 0 });
      const refused = await virsh('host-2', 'start lun-2');
      expect(refused.code).not.toBe(0);
      expect(refused.stderr).toMatch(/Lockspace resource '[0-9a-f]+' is locked/);
      await rig.lab.powerCut(rig.lab.host('host-1'));
      expect(await virsh('host-2', 'start lun-2')).toMatchObject({ code: 0 });
    } finally {
      await virsh('host-2', 'destroy lun-2');
      await rig.lab.powerCut(rig.lab.host('host-1'));
      await run('losetup', ['-d', device]);
    }
  });
});
