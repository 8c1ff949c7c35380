// What enrolment says of machines that are not as they should be, and workloads that were there before us or are made from a seed, on real hosts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allRunning, bmcOf, describe as describeRig, ended, eventsAfter, hostKeyOf, lastSeq, workloadNamed, workloadsOf } from '../../lab/rig.js';
import { createTicker } from '../../lab/story.js';
import { waitUntil } from '../../lab/wait-until.js';
import { guestCommandLine } from '../../lab/guest.js';
import { expectHealthyEnd, startE2eRig, type E2eRig } from './e2e-rig.js';

interface Point {
  readonly code: string;
  readonly state: string;
  readonly detail: string;
  readonly remedy: string | null;
}

let rig: E2eRig;
beforeAll(async () => {
  rig = await startE2eRig('ren0', 2);
});
afterAll(async () => {
  await rig?.close();
});

const begin = async (path: string, body: unknown = {}): Promise<string> => String((await rig.api().post<{ operationIds: string[] }>(path, body)).operationIds[0]);
const onHost = (name: string, script: string): Promise<unknown> => rig.lab.exec(rig.lab.host(name), ['sh', '-c', script]);

/** Looks at host-2 as if it were to be added, and changes nothing there. */
async function lookedAt(): Promise<readonly Point[]> {
  const host = rig.lab.host('host-2');
  const { items } = await rig.api().post<{ items: readonly Point[] }>('/hosts/check', {
    name: 'newcomer', address: host.address, links: host.links, ssh: { user: 'root', port: 22, hostKey: await hostKeyOf(rig.lab, host) }, fenceDevices: [bmcOf(host)],
  });
  return items;
}

const troubles = (points: readonly Point[], code: string): readonly Point[] => points.filter((point) => point.code === code && point.state !== 'ok');

describe('a machine that is not as it should be', () => {
  it('calls itself 127.0.1.1, as Debian installs it: said, with the command that mends it, which does', async () => {
    await onHost('host-2', 'cp /etc/hosts /etc/hosts.before; printf "127.0.1.1 %s\\n" "$(hostname)" >> /etc/hosts');
    const [found] = troubles(await lookedAt(), 'hostname');
    expect(found).toMatchObject({ state: 'warn', detail: expect.stringMatching(/^host-2 resolves to 127\.0\.1\.1: migrations by hand to this host fail/) as unknown });
    await onHost('host-2', String(found?.remedy));
    expect(troubles(await lookedAt(), 'hostname')).toEqual([]);
    await onHost('host-2', 'mv /etc/hosts.before /etc/hosts');
  });

  it('has a clock that is minutes off: refused, with the command', async () => {
    // The kernel's clock is one for all hosts of the lab: this host's `date` tells another time.
    await onHost('host-2', 'printf "#!/bin/sh\\nexec /bin/date -d \'-3 minutes\' \\"\\$@\\"\\n" > /usr/local/bin/date; chmod 755 /usr/local/bin/date');
    expect(troubles(await lookedAt(), 'clock')).toEqual([expect.objectContaining({ state: 'fail', detail: expect.stringMatching(/^1\d{5} ms behind the control plane/) as unknown, remedy: 'timedatectl set-ntp true' })]);
    await onHost('host-2', 'rm /usr/local/bin/date');
    expect(troubles(await lookedAt(), 'clock')).toEqual([]);
  });

  it('has a pool of the right name and path that is other storage: said, since the marker of the others is not there', async () => {
    await onHost('host-2', 'mkdir -p /srv/other && virsh -q pool-destroy shared && virsh -q pool-undefine shared && virsh -q pool-define-as shared dir --target /srv/other && virsh -q pool-start shared && echo 11111111-2222-4333-8444-555555555555 > /srv/other/.reeve-pool && chmod 644 /srv/other/.reeve-pool');
    const found = troubles(await lookedAt(), 'pool').find((point) => point.detail.startsWith('shared '));
    expect(found).toMatchObject({ state: 'warn', detail: expect.stringContaining('shared (/srv/other) is not the same storage as on host-1: VMs with disks in it can neither move between them live nor be recovered there') as unknown, remedy: expect.stringContaining('findmnt -T /srv/other') as unknown });
    await onHost('host-2', 'virsh -q pool-destroy shared && virsh -q pool-undefine shared && virsh -q pool-define-as shared dir --target /srv/shared && virsh -q pool-start shared && virsh -q pool-autostart shared');
    expect(troubles(await lookedAt(), 'pool').filter((point) => point.detail.startsWith('shared'))).toEqual([]);
  });
});

describe('a VM that was there before us', () => {
  it('is adopted as it runs, moves live, and is recovered like any other', async () => {
    await createTicker(rig, 'vm-old', 1, { host: 'host-1' });
    const first = await rig.ticks.waitForTick('vm-old', 0);
    await rig.api().delete('/workloads/vm-old?forget=true');
    expect(await workloadsOf(rig)).toEqual([]);
    const seq = await lastSeq(rig);
    await rig.api().post('/workloads/adopt', { host: 'host-1', name: 'vm-old', isProtected: true, priority: 3, drainPolicy: 'migrate' });
    await allRunning(rig, ['vm-old']);
    expect(await workloadNamed(rig, 'vm-old')).toMatchObject({ host: 'host-1', isProtected: true });
    // Adopted, it comes under the lease of its host first.
    await waitUntil('no operation under way', async () => (await rig.api().get<{ items: readonly unknown[] }>('/operations?state=pending,running')).items.length === 0, { timeoutMs: 20_000, describe: () => describeRig(rig) });
    await ended(rig, await begin('/workloads/vm-old/migrate', { to: 'host-2' }));
    await rig.ticks.waitForTick('vm-old', Date.now());
    expect(rig.ticks.boots('vm-old')).toEqual([first.boot]);
    await rig.lab.powerCut(rig.lab.host('host-2'));
    await waitUntil('vm-old on host-1', async () => {
      const now = await workloadNamed(rig, 'vm-old');
      return now.state === 'running' && now.host === 'host-1';
    }, { timeoutMs: 60_000, describe: () => describeRig(rig) });
    await rig.ticks.waitForTick('vm-old', Date.now());
    expect(rig.ticks.boots('vm-old')).toHaveLength(2);
    expect((await eventsAfter(rig, seq)).filter((event) => event.type === 'workload.recovered')).toHaveLength(1);
    await expectHealthyEnd(rig);
    await rig.lab.powerOn(rig.lab.host('host-2'));
  });

  it('is refused by a name that no host shows, in one line', async () => {
    await expect(rig.api().post('/workloads/adopt', { host: 'host-1', name: 'vm-nobody', isProtected: true, priority: 0, drainPolicy: 'migrate' })).rejects.toThrow(/vm-nobody/);
  });
});

describe('a VM with a cloud-init seed', () => {
  it('gets it as a disk of its own, which goes with it', async () => {
    const spec = {
      name: 'vm-seed', vcpus: 1, memoryMiB: 96, machine: 'pc', cpuModel: 'qemu64', disks: [{ pool: 'shared', sizeMiB: 8, format: 'raw' }], network: [{ bridge: 'br0' }],
      kernel: '/srv/shared/boot/vmlinux', initrd: '/srv/shared/boot/initrd.cpio', commandLine: guestCommandLine('vm-seed', 2), cloudInit: { userData: '#cloud-config\nhostname: seeded-by-reeve\n' },
    };
    await ended(rig, await begin('/workloads', { host: 'host-1', isProtected: true, priority: 0, spec }));
    await rig.ticks.waitForTick('vm-seed', 0);
    const { stdout } = await rig.lab.exec(rig.lab.host('host-1'), ['sh', '-c', 'virsh -q domblklist vm-seed | awk \'{print $2}\' | grep -- -seed.iso; grep -ac seeded-by-reeve /srv/shared/vm-seed-*-seed.iso; blkid -o value -s LABEL /srv/shared/vm-seed-*-seed.iso || true']);
    const [path, hits, label] = stdout.split('\n');
    expect(path).toMatch(/^\/srv\/shared\/vm-seed-[0-9a-f]{8}-seed\.iso$/);
    expect(Number(hits)).toBeGreaterThan(0);
    if (label !== '') expect(label?.toLowerCase()).toBe('cidata');
    await ended(rig, await begin('/workloads/vm-seed/stop', { force: true, timeoutS: 0 }));
    const gone = await rig.api().delete<{ operationIds: string[] }>('/workloads/vm-seed?deleteDisks=true');
    await ended(rig, gone.operationIds[0] ?? '');
    expect((await rig.lab.exec(rig.lab.host('host-1'), ['sh', '-c', 'ls /srv/shared | grep vm-seed || true'])).stdout).toBe('');
  });
});
