// The lab's containers on real LXDs: they start, tick and count; their limits are the kernel's; every fault of a host hits them; `down` leaves nothing.
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { countOnDisk, createContainer, killLxd, listContainers, lxc, memoryLimitBytes, runningContainers, startLxd, type ListedContainer } from '../../lab/containers.js';
import { guestControl } from '../../lab/guest.js';
import { Lab, type LabHost } from '../../lab/lab.js';
import { otherOwner } from '../../lab/owner.js';
import { REPO_ROOT, startTicks, type TickLog } from '../../lab/ticks.js';
import { waitUntil } from '../../lab/wait-until.js';
import { leftOf } from './left-of-lab.js';

const NAME = 'lxa';
const NO_CONTAINERS = process.env['REEVE_TEST_NO_CONTAINERS'] ?? null;

let lab: Lab;
let ticks: TickLog;
let one: LabHost;

const now = (): number => performance.timeOrigin + performance.now();
const listed = async (host: LabHost, name: string): Promise<ListedContainer | undefined> => (await listContainers(lab, host)).find((container) => container.name === name);
const bootIdOf = async (host: LabHost): Promise<string> => (await lab.exec(host, ['cat', '/proc/sys/kernel/random/boot_id'])).stdout.trim();
const ended = (host: LabHost, name: string): Promise<unknown> => waitUntil(`${name} to end`, async () => !(await runningContainers(lab, host)).includes(name) && (await listed(host, name))?.status === 'Stopped');

if (NO_CONTAINERS) console.warn(`containers in the lab are left out: ${NO_CONTAINERS}`);
describe.skipIf(NO_CONTAINERS)('containers in the lab', () => {
  beforeAll(async () => {
    lab = await Lab.start({ name: NAME, hosts: 3, lxd: true });
    ticks = await startTicks(lab.ctlNetns, REPO_ROOT);
    one = lab.host('host-1');
  });

  beforeEach(async () => {
    if ((await lab.powerState(one)) === 'off') await lab.powerOn(one);
    await lab.waitUp(lab.hosts);
    await lab.waitLxd(lab.hosts);
    await lab.destroyAllGuests();
    ticks.forget();
  });

  afterAll(async () => {
    await ticks?.close();
    if ((await otherOwner(Lab.remains(NAME).stateDir)) === null) await Lab.remains(NAME).down();
  });

  it('start on each host, beside libvirt, and tick with a count that goes on over a restart', async () => {
    await Promise.all(lab.hosts.map((host) => createContainer(lab, host, { name: `ct-${host.index}`, index: host.index })));
    for (const host of lab.hosts) {
      await ticks.waitForTick(`ct-${host.index}`, 0);
      expect([await lab.runningOn(host), (await listed(host, `ct-${host.index}`))?.status]).toEqual([[`ct-${host.index}`], 'Running']);
    }
    await lxc(lab, one, ['stop', 'ct-1', '--timeout', '20']);
    const [before] = [ticks.of('ct-1').at(-1)];
    await lxc(lab, one, ['start', 'ct-1']);
    const after = await waitUntil('a count of the next run', async () => ticks.of('ct-1').find((tick) => tick.boot !== before?.boot && tick.diskCount > 0));
    expect(after.diskCount).toBeGreaterThanOrEqual(before?.diskCount ?? Infinity);
    expect(ticks.violations()).toEqual([]);
  });

  it('are kept to their memory by the kernel, and are nobody on their host', async () => {
    await createContainer(lab, one, { name: 'ct-1', index: 1, memoryMiB: 64 });
    expect(await memoryLimitBytes(lab, one, 'ct-1')).toBe(64 * 1024 * 1024);
    const [, outside] = (await lxc(lab, one, ['exec', 'ct-1', '--', 'cat', '/proc/self/uid_map'])).stdout.trim().split(/\s+/);
    expect(Number(outside)).toBeGreaterThan(0);
    await guestControl(lab, 1, 'dirty 200 0').catch(() => undefined);
    await ended(one, 'ct-1');
  });

  it('are seen to crash and to power themselves off, past LXD and through it', async () => {
    await createContainer(lab, one, { name: 'ct-1', index: 1 });
    const { boot } = await ticks.waitForTick('ct-1', 0);
    // No answer: it is gone.
    await guestControl(lab, 1, 'crash').catch(() => undefined);
    await ended(one, 'ct-1');
    await lxc(lab, one, ['start', 'ct-1']);
    await ticks.waitForTick('ct-1', 0, { notBoot: boot });
    expect(await guestControl(lab, 1, 'stat')).toMatchObject({ name: 'ct-1', split: 0, ioErrors: 0 });
    await guestControl(lab, 1, 'poweroff').catch(() => undefined);
    await ended(one, 'ct-1');
    expect(ticks.violations()).toEqual([]);
  });

  it('die with the power of their host, and stay stopped when it is back; what they acknowledged is on its disk', async () => {
    await createContainer(lab, one, { name: 'ct-1', index: 1 });
    await waitUntil('some counts', async () => ticks.of('ct-1').some((tick) => tick.diskCount > 5));
    const boot = await bootIdOf(one);
    await lab.powerCut(one);
    expect([await lab.runningOn(one), await lab.powerState(one)]).toEqual([[], 'off']);
    const acknowledged = ticks.of('ct-1').at(-1)?.diskCount ?? Infinity;
    expect(await countOnDisk(lab, one, 'ct-1')).toBeGreaterThanOrEqual(acknowledged);
    const seen = now();
    await lab.powerOn(one);
    await lab.waitLxd([one]);
    expect((await listed(one, 'ct-1'))?.status).toBe('Stopped');
    expect([await runningContainers(lab, one), ticks.of('ct-1', seen)]).toEqual([[], []]);
    expect(await bootIdOf(one)).not.toBe(boot);
    expect(await bootIdOf(one)).not.toBe((await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim());
    await lxc(lab, one, ['start', 'ct-1']);
    const after = await waitUntil('a count of the next run', async () => ticks.of('ct-1', seen).find((tick) => tick.diskCount > 0));
    expect(after.diskCount).toBeGreaterThanOrEqual(acknowledged);
    expect(ticks.violations()).toEqual([]);
  });

  it('die with the power of their host also when they are paused, or the host hangs', async () => {
    await createContainer(lab, one, { name: 'ct-1', index: 1 });
    await lxc(lab, one, ['pause', 'ct-1']);
    await lab.hang(one);
    await lab.reset(one);
    expect(await runningContainers(lab, one)).toEqual([]);
    await lab.waitLxd([one]);
    expect((await listed(one, 'ct-1'))?.status).toBe('Stopped');
  });

  it('stand still while their host hangs, and go on as they were', async () => {
    await createContainer(lab, one, { name: 'ct-1', index: 1 });
    const { boot } = await ticks.waitForTick('ct-1', 0);
    await lab.hang(one);
    await waitUntil('it to be silent', async () => guestControl(lab, 1, 'stat').then(() => false, () => true));
    const silent = now();
    await expect(guestControl(lab, 1, 'stat')).rejects.toThrow('Command failed');
    expect(ticks.of('ct-1', silent)).toEqual([]);
    expect(await runningContainers(lab, one)).toEqual(['ct-1']);
    await lab.unhang(one);
    expect((await ticks.waitForTick('ct-1', silent)).boot).toBe(boot);
  });

  it('outlive their LXD, and are its again', async () => {
    await createContainer(lab, one, { name: 'ct-1', index: 1 });
    const { boot } = await ticks.waitForTick('ct-1', 0);
    await killLxd(lab, one);
    const dead = now();
    await expect(listContainers(lab, one)).rejects.toThrow('connection refused');
    expect([(await ticks.waitForTick('ct-1', dead)).boot, await runningContainers(lab, one)]).toEqual([boot, ['ct-1']]);
    await startLxd(lab, one);
    await lab.waitLxd([one]);
    expect((await listed(one, 'ct-1'))?.status).toBe('Running');
  });

  it('leave nothing behind when the lab is taken down under them', async () => {
    await Promise.all(lab.hosts.map((host) => createContainer(lab, host, { name: `ct-${host.index}`, index: host.index })));
    await ticks.close();
    await lab.down();
    expect(await leftOf(NAME)).toEqual([]);
  });
});
