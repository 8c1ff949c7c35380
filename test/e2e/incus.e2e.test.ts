// Hosts of several kinds under the whole product: libvirt, LXD and Incus side by side on two, no libvirt on the third; and what runs in Incus is moved and recovered as in LXD.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createContainer, incus, listContainers, runningContainers } from '../../lab/containers.js';
import type { InstanceDaemon } from '../../lab/daemons.js';
import type { LabHost } from '../../lab/lab.js';
import { addHost, allRunning, bmcOf, describe as describeRig, ended, eventsAfter, hostKeyOf, hostsOf, isInService, lastSeq, workloadNamed } from '../../lab/rig.js';
import { whyNoContainers, whyNoIncus } from '../../lab/setup.js';
import { createTicker } from '../../lab/story.js';
import { waitUntil } from '../../lab/wait-until.js';
import { type E2eRig, endHealthy, startE2eRig } from './e2e-rig.js';

const canHave = process.getuid?.() === 0 && whyNoContainers() === null && whyNoIncus() === null;
/** As the lab's control plane is set. */
const RESERVED_MIB = 256;
let rig: E2eRig;
beforeAll(async () => {
  if (canHave) rig = await startE2eRig('incm0', 3, { kinds: { incus: true, withoutLibvirt: [3] } });
});
afterAll(async () => {
  await rig?.close();
});
afterEach(() => endHealthy(rig));

interface Point {
  readonly code: string;
  readonly state: string;
  readonly detail: string;
  readonly remedy: string | null;
}
interface Shown {
  readonly usage: { readonly memoryMiB: number; readonly vcpus: number; readonly workloads: number };
  readonly strangers: { readonly memoryMiB: number };
  readonly facts: { readonly memoryMiB: number; readonly libvirtVersion: string | null; readonly containerDaemons: readonly { readonly driver: string; readonly version: string }[] };
}

const host = (name: string): LabHost => rig.lab.host(name);
const shown = (name: string): Promise<Shown> => rig.api().get<Shown>(`/hosts/${name}`);
const begin = async (path: string, body: unknown = {}): Promise<string> => String((await rig.api().post<{ operationIds: string[] }>(path, body)).operationIds[0]);
const problems = async (): Promise<readonly { readonly code: string; readonly about: string; readonly remedy: string | null }[]> => (await rig.api().get<{ problems: [] }>('/status')).problems;

async function adopted(name: string, index: number, on: string, daemon: InstanceDaemon, isProtected = true): Promise<void> {
  await createContainer(rig.lab, host(on), { name, index, daemon, memoryMiB: 64, config: ['limits.cpu=1'] });
  await rig.ticks.waitForTick(name, 0);
  await waitUntil(`${name} to be adopted`, () => rig.api().post('/workloads/adopt', { host: on, name, isProtected }).then(() => true, () => false), { describe: () => describeRig(rig) });
  if (isProtected) await waitUntil(`${name} under the lease of ${on}`, async () => (await rig.api().get<{ leasedOn: string | null }>(`/workloads/${name}`)).leasedOn !== null, { describe: () => describeRig(rig) });
}

const allBack = (): Promise<unknown> => waitUntil('all hosts in service', async () => (await hostsOf(rig)).every(isInService), { timeoutMs: 60_000, describe: () => describeRig(rig) });

describe.skipIf(!canHave)('hosts of several kinds', () => {
  it('are enrolled with all that they have; daemons of one kind reach each other, and a host without libvirt is no trouble', async () => {
    const kinds = await Promise.all(['host-1', 'host-2', 'host-3'].map(async (name) => (await shown(name)).facts));
    expect(kinds.map(({ libvirtVersion }) => libvirtVersion === null)).toEqual([false, false, true]);
    for (const { containerDaemons } of kinds) expect(containerDaemons.map(({ driver, version }) => [driver, version.split('.')[0]])).toEqual([['lxd', '5'], ['incus', '6']]);
    const remotes = (await incus(rig.lab, host('host-3'), ['remote', 'list', '--format', 'csv'])).stdout;
    for (const other of ['host-1', 'host-2']) expect(remotes).toContain(`reeve-${other},https://${host(other).address}:8444`);
    for (const other of ['host-1', 'host-2']) await incus(rig.lab, host('host-3'), ['query', `reeve-${other}:/1.0/instances`]);
    const points = (await rig.api().get<{ items: readonly Point[] }>('/hosts/host-3/check')).items;
    expect(points.find(({ code }) => code === 'libvirt')).toMatchObject({ state: 'ok', detail: 'none: instances of LXD, Incus run here, and no VM of libvirt comes here' });
    expect(points.filter(({ code }) => ['kvm', 'qemu', 'pool', 'disk-locks', 'migration-ssh'].includes(code))).toEqual([]);
    await waitUntil('their inventories', async () => (await problems()).length === 0, { describe: async () => JSON.stringify(await problems()) });
  });

  it('count what runs in each daemon, and take only what they can run', async () => {
    await adopted('ct-lxd', 11, 'host-1', 'lxd');
    await adopted('ct-incus', 12, 'host-1', 'incus');
    await createTicker(rig, 'vm-1', 1, { host: 'host-1' });
    await allRunning(rig, ['ct-lxd', 'ct-incus', 'vm-1']);
    expect((await shown('host-1')).usage).toMatchObject({ memoryMiB: 64 + 64 + 96, vcpus: 3, workloads: 3 });
    await expect(rig.api().post('/workloads/vm-1/migrate', { to: 'host-3' })).rejects.toThrow(/host-3 has no libvirt/);
    // What nobody has adopted takes its part all the same, whatever runs it.
    const { facts } = await shown('host-2');
    const most = facts.memoryMiB - RESERVED_MIB - 50;
    await createContainer(rig.lab, host('host-2'), { name: 'ct-large', index: 13, daemon: 'incus', memoryMiB: most, config: ['limits.cpu=1'] });
    await waitUntil('ct-large to be seen', async () => (await shown('host-2')).strangers.memoryMiB === most, { describe: async () => JSON.stringify(await shown('host-2')) });
    for (const name of ['ct-lxd', 'ct-incus']) await expect(rig.api().post(`/workloads/${name}/relocate`, { to: 'host-2' })).rejects.toThrow(/needs 64 MiB, 50 MiB free of .* taken by what Reeve does not know/);
    await expect(rig.api().post('/workloads/vm-1/migrate', { to: 'host-2' })).rejects.toThrow(/needs 96 MiB, 50 MiB free/);
  });

  it('two of one name in two daemons are told apart', async () => {
    for (const daemon of ['lxd', 'incus'] as const) await createContainer(rig.lab, host('host-1'), { name: 'web', index: 14, daemon, start: false, memoryMiB: 64 });
    await expect(rig.api().post('/workloads/adopt', { host: 'host-1', name: 'web', isProtected: false })).rejects.toThrow(/more than one web: .* in LXD, .* in Incus/);
    const uuid = (await incus(rig.lab, host('host-1'), ['config', 'get', 'web', 'volatile.uuid'])).stdout.trim();
    await rig.api().post('/workloads/adopt', { host: 'host-1', name: uuid, isProtected: false });
    expect((await rig.api().get<{ needs: { driver: string } }>('/workloads/web')).needs.driver).toBe('incus');
  });

  it('what a person stops in Incus stays stopped, what ends by itself is started again', async () => {
    await adopted('ct-1', 17, 'host-3', 'incus');
    const first = await rig.ticks.waitForTick('ct-1', 0);
    const pid = /"pid": (\d+)/.exec((await incus(rig.lab, host('host-3'), ['query', '/1.0/instances/ct-1/state'])).stdout)?.[1] ?? '';
    await rig.lab.exec(host('host-3'), ['kill', '-9', pid]);
    await rig.ticks.waitForTick('ct-1', Date.now(), { notBoot: first.boot });
    await waitUntil('ct-1 to run', async () => (await workloadNamed(rig, 'ct-1')).state === 'running', { describe: () => describeRig(rig) });
    const seq = await lastSeq(rig);
    await incus(rig.lab, host('host-3'), ['stop', '-f', 'ct-1']);
    await waitUntil('ct-1 to count as stopped by hand', async () => (await workloadNamed(rig, 'ct-1')).state === 'stopped', { describe: () => describeRig(rig) });
    expect((await eventsAfter(rig, seq)).filter(({ type }) => type.startsWith('workload.')).map(({ type }) => type)).toEqual(['workload.stopped-by-hand']);
  });

  it('a container of Incus is relocated while it writes to the host without libvirt, which is drained then: nothing that it told of is lost', async () => {
    await adopted('ct-1', 15, 'host-1', 'incus');
    for (const [path, body, to] of [['/workloads/ct-1/relocate', { to: 'host-3' }, 'host-3'], ['/hosts/host-3/drain', {}, null]] as const) {
      const began = Date.now();
      await ended(rig, await begin(path, body), 'succeeded', 120_000);
      const told = rig.ticks.of('ct-1').at(-1);
      await rig.ticks.waitForTick('ct-1', Date.now());
      const { host: now } = await workloadNamed(rig, 'ct-1');
      if (to === null) expect(now).not.toBe('host-3');
      else expect(now).toBe(to);
      expect(rig.ticks.of('ct-1').at(-1)?.diskCount).toBeGreaterThanOrEqual(told?.diskCount ?? Infinity);
      expect(rig.ticks.violations()).toEqual([]);
      for (const one of rig.lab.hosts) expect([one.name, await runningContainers(rig.lab, one)]).toEqual([one.name, one.name === now ? ['ct-1'] : []]);
      process.stdout.write(`Incus, ${path}: ${Math.round(rig.ticks.downtimeMs('ct-1', began))} ms without ticks\n`);
    }
    expect(await listContainers(rig.lab, host('host-3'), 'incus')).toEqual([]);
  });

  it('a container of Incus with a replica is relocated there and back, and recovered from one of many copies after a power cut of its host, with its address; the old copy stays down', async () => {
    await adopted('ct-1', 16, 'host-3', 'incus');
    const macOn = async (name: string): Promise<string> => (await incus(rig.lab, host(name), ['config', 'get', 'ct-1', 'volatile.eth0.hwaddr'])).stdout.trim();
    const mac = await macOn('host-3');
    await rig.api().put('/workloads/ct-1/policies', { replicateEveryS: 10 });
    const kept = async (): Promise<{ readonly by: string; readonly on: string | undefined; readonly asOfMs: number | null }> => {
      const { recoverable: { by }, replica } = await rig.api().get<{ recoverable: { by: string }; replica: { hostId: string; asOfMs: number | null } | null }>('/workloads/ct-1');
      return { by, on: (await rig.api().get<{ items: readonly { id: string; name: string }[] }>('/hosts')).items.find(({ id }) => id === replica?.hostId)?.name, asOfMs: replica?.asOfMs ?? null };
    };
    /** Replica and spare are whole from the second on. */
    const copiedTimes = async (times: number): Promise<string> => {
      const seen = new Set<number>();
      let on = '';
      await waitUntil(`${times} copies`, async () => {
        const now = await kept();
        if (now.by === 'replica' && now.asOfMs !== null) seen.add(now.asOfMs);
        on = now.on ?? '';
        return seen.size >= times;
      }, { timeoutMs: 60_000, describe: () => describeRig(rig) });
      return on;
    };
    const there = await copiedTimes(2);
    for (const to of [there, 'host-3']) {
      await ended(rig, await begin('/workloads/ct-1/relocate', { to }), 'succeeded', 120_000);
      await rig.ticks.waitForTick('ct-1', Date.now());
      expect([(await workloadNamed(rig, 'ct-1')).host, await macOn(to)]).toEqual([to, mac]);
    }
    await copiedTimes(3);
    const cutAt = Date.now();
    await rig.lab.powerCut(host('host-3'));
    await waitUntil('ct-1 elsewhere', async () => {
      const now = await workloadNamed(rig, 'ct-1');
      return now.state === 'running' && now.host !== 'host-3';
    }, { timeoutMs: 60_000, describe: () => describeRig(rig) });
    expect(await macOn(String((await workloadNamed(rig, 'ct-1')).host))).toBe(mac);
    process.stdout.write(`Incus, replica: recovered ${Date.now() - cutAt} ms after the cut\n`);
    await rig.ticks.waitForTick('ct-1', Date.now());
    await rig.lab.powerOn(host('host-3'));
    await rig.lab.waitDaemons([host('host-3')]);
    await allBack();
    expect(await runningContainers(rig.lab, host('host-3'))).toEqual([]);
    expect(rig.ticks.violations().filter((one) => !/went back/.test(one))).toEqual([]);
    rig.ticks.forget();
  });

  // The last one: its Incus is in a cluster from then on.
  it('one whose Incus heals by itself is refused with the command that ends it; switched on later, that is an alert', async () => {
    const three = host('host-3');
    await ended(rig, await begin('/hosts/host-3/drain'));
    await ended(rig, String((await rig.api().delete<{ operationIds: string[] }>('/hosts/host-3')).operationIds[0]));
    await incus(rig.lab, three, ['cluster', 'enable', 'host-3']);
    await incus(rig.lab, three, ['config', 'set', 'cluster.healing_threshold', '30']);
    const plan = { name: 'host-3', address: three.address, links: three.links, ssh: { user: 'root', port: 22, hostKey: await hostKeyOf(rig.lab, three) }, fenceDevices: [bmcOf(three)] };
    const found = (await rig.api().post<{ items: readonly Point[] }>('/hosts/check', plan)).items.find(({ state }) => state === 'fail');
    expect(found).toMatchObject({ code: 'containers', detail: expect.stringContaining('Incus is in a cluster that starts the instances of a member elsewhere once it is silent for 30 s') as string, remedy: 'incus config set cluster.healing_threshold 0' });
    expect((await ended(rig, await addHost(rig, three), 'failed')).why).toContain('incus config set cluster.healing_threshold 0');
    await rig.lab.exec(three, ['env', 'HOME=/root', 'sh', '-c', String(found?.remedy)]);
    await ended(rig, await begin('/hosts/host-3/enrol'));
    await allBack();
    const seq = await lastSeq(rig);
    await incus(rig.lab, three, ['config', 'set', 'cluster.healing_threshold', '30']);
    await rig.api().post('/hosts/host-3/refresh');
    expect((await problems()).find(({ code }) => code === 'heals-itself')).toMatchObject({ about: 'host-3', remedy: 'incus config set cluster.healing_threshold 0' });
    await incus(rig.lab, three, ['config', 'set', 'cluster.healing_threshold', '0']);
    await rig.api().post('/hosts/host-3/refresh');
    expect((await eventsAfter(rig, seq)).map(({ type }) => type).filter((type) => type.startsWith('host.heals'))).toEqual(['host.heals-itself', 'host.heals-no-more']);
    expect((await problems()).filter(({ code }) => code === 'heals-itself')).toEqual([]);
  });
});
