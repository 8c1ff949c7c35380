// The last net: a disk that is in use is not opened twice, whoever asks for it, with no epoch and no guard in between.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { addHost, describe as describeRig, ended, eventsAfter, lastSeq, workloadNamed } from '../../lab/rig.js';
import { run, type Ran } from '../../lab/shell.js';
import { createTicker } from '../../lab/story.js';
import { REPO_ROOT } from '../../lab/ticks.js';
import { waitUntil } from '../../lab/wait-until.js';
import { type E2eRig, endHealthy, startE2eRig } from './e2e-rig.js';

let rig: E2eRig;
beforeAll(async () => {
  rig = await startE2eRig('rsl0', 2);
});
afterAll(async () => {
  await rig?.close();
});
afterEach(() => endHealthy(rig));

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

// The last: it takes the locks away first.
describe('a host that is added with its locks to be set up', () => {
  const onHost = (name: string, script: string, input = ''): Promise<Ran> => rig.lab.exec(rig.lab.host(name), ['sh', '-ec', script], { input });
  const settings = async (name: string): Promise<string> => (await onHost(name, 'grep -hE "^(lock_manager|file_lockspace_dir)" /etc/libvirt/qemu.conf /etc/libvirt/qemu-lockd.conf || :; ls /etc/libvirt/*.before-reeve 2>/dev/null || :')).stdout;

  async function withoutLocks(name: string): Promise<void> {
    const bare = "sed -i '/^lock_manager/d' /etc/libvirt/qemu.conf; sed -i '/^file_lockspace_dir/d' /etc/libvirt/qemu-lockd.conf";
    await onHost(name, `${bare}; pkill -x virtlockd || :; pkill -x libvirtd; while pidof libvirtd; do sleep 0.05; done; rm -f /run/libvirt/libvirt-sock; setsid /usr/sbin/libvirtd < /dev/null > /dev/null 2>&1 & until [ -S /run/libvirt/libvirt-sock ]; do sleep 0.05; done`);
  }

  async function addAnew(): Promise<readonly (readonly [state: string, detail: string])[]> {
    await ended(rig, String((await rig.api().post<{ operationIds: string[] }>('/hosts/host-2/drain')).operationIds[0]));
    await ended(rig, String((await rig.api().delete<{ operationIds: string[] }>('/hosts/host-2')).operationIds[0]));
    await ended(rig, await addHost(rig, rig.lab.host('host-2'), { setUpLocks: true }));
    const { items } = await rig.api().get<{ items: readonly { code: string; state: string; detail: string }[] }>('/hosts/host-2/check');
    return items.filter((one) => one.code === 'disk-locks').map((one) => [one.state, one.detail] as const);
  }

  it('is left as it was where VMs run or libvirt can not be restarted, and has them where it can', async () => {
    await rig.lab.waitUp(rig.lab.hosts);
    for (const { name } of rig.lab.hosts) await withoutLocks(name);
    await createTicker(rig, 'vm-1', 1, { host: 'host-1' });
    const first = await rig.ticks.waitForTick('vm-1', 0);
    expect(await addAnew()).toEqual(expect.arrayContaining([
      ['warn', 'not set up on host-1: 1 of its VMs run, and would go on without these locks'],
      ['warn', expect.stringMatching(/^not set up on host-2: .*\(all is as it was\)$/)],
      ['warn', expect.stringMatching(/^QEMU's image locks alone guard shared/)],
    ]));
    expect([await settings('host-1'), await settings('host-2')]).toEqual(['', '']);

    const systemctl = await readFile(join(REPO_ROOT, 'lab/host/systemctl.sh'), 'utf8');
    for (const { name } of rig.lab.hosts) await onHost(name, 'cat > /usr/local/bin/systemctl; chmod 755 /usr/local/bin/systemctl', systemctl);
    expect(await addAnew()).toEqual(expect.arrayContaining([['ok', 'set up on host-2: virtlockd with its locks in /srv/shared/lockspace'], ['warn', expect.stringContaining('on host-1: QEMU')]]));
    await rig.ticks.waitForTick('vm-1', Date.now());
    expect(rig.ticks.boots('vm-1')).toEqual([first.boot]);

    await ended(rig, String((await rig.api().post<{ operationIds: string[] }>('/workloads/vm-1/stop')).operationIds[0]));
    expect(await addAnew()).toEqual([
      ['ok', 'set up on host-1: virtlockd with its locks in /srv/shared/lockspace'],
      ['ok', expect.stringContaining('virtlockd with its locks in /srv/shared/lockspace')],
      ['ok', 'tried in shared: a disk that is open on host-2 is refused on host-1'],
    ]);
    expect(await settings('host-1')).toBe('lock_manager = "lockd"\nfile_lockspace_dir = "/srv/shared/lockspace"\n');
    await rig.api().post('/workloads/vm-1/start');
    await rig.ticks.waitForTick('vm-1', Date.now());
  });
});
