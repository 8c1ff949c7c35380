// From the making of a container to its end, on real LXD daemons under the whole product; and what people do with lxc past Reeve.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createContainer, ensureContainerImage, killLxd, listContainers, lxc, memoryLimitBytes, runningContainers, startLxd } from '../../lab/containers.js';
import type { LabHost } from '../../lab/lab.js';
import { describe as describeRig, ended, eventsAfter, lastSeq, workloadNamed, type RigOperation } from '../../lab/rig.js';
import { whyNoContainers } from '../../lab/setup.js';
import { waitUntil } from '../../lab/wait-until.js';
import { expectHealthyEnd, resetRig, startE2eRig, type E2eRig } from './e2e-rig.js';

const canHave = whyNoContainers() === null;
let rig: E2eRig;
beforeAll(async () => {
  if (canHave) rig = await startE2eRig('rlf0', 3);
});
afterAll(async () => {
  await rig?.close();
});
afterEach(async () => {
  await expectHealthyEnd(rig);
  await resetRig(rig);
});

const host = (name: string): LabHost => rig.lab.host(name);
const begin = async (path: string, body: unknown = {}): Promise<string> => String((await rig.api().post<{ operationIds: string[] }>(path, body)).operationIds[0]);
const settingOf = async (on: string, name: string, key: string): Promise<string | undefined> => (await listContainers(rig.lab, host(on))).find((one) => one.name === name)?.config[key];

async function adopted(name: string, index: number, on: string, config: readonly string[] = []): Promise<void> {
  await createContainer(rig.lab, host(on), { name, index, memoryMiB: 64, config: ['limits.cpu=1', ...config] });
  await rig.ticks.waitForTick(name, 0);
  await waitUntil(`${name} to be adopted`, () => rig.api().post('/workloads/adopt', { host: on, name, isProtected: true }).then(() => true, () => false), { describe: () => describeRig(rig) });
  await waitUntil(`${name} under the lease of ${on}`, async () => (await rig.api().get<{ leasedOn: string | null }>(`/workloads/${name}`)).leasedOn !== null, { describe: () => describeRig(rig) });
}

describe.skipIf(!canHave)('starting with the host', () => {
  it('is off while it is protected, and as its owner had it afterwards, also where it was moved meanwhile', async () => {
    await adopted('ct-1', 11, 'host-1', ['boot.autostart=true']);
    expect([await settingOf('host-1', 'ct-1', 'boot.autostart'), await settingOf('host-1', 'ct-1', 'user.reeve.autostart')]).toEqual(['false', 'true']);
    await ended(rig, await begin('/workloads/ct-1/relocate', { to: 'host-2' }));
    expect(await settingOf('host-2', 'ct-1', 'boot.autostart')).toBe('false');
    await rig.api().post('/workloads/ct-1/unprotect');
    expect([await settingOf('host-2', 'ct-1', 'boot.autostart'), await settingOf('host-2', 'ct-1', 'user.reeve.autostart')]).toEqual(['true', undefined]);
    await rig.api().post('/workloads/ct-1/protect');
    expect(await settingOf('host-2', 'ct-1', 'boot.autostart')).toBe('false');
    await rig.api().delete('/workloads/ct-1?forget=true');
    expect([await settingOf('host-2', 'ct-1', 'boot.autostart'), await settingOf('host-2', 'ct-1', 'user.reeve.autostart')]).toEqual(['true', undefined]);
    await lxc(rig.lab, host('host-2'), ['stop', '-f', 'ct-1']);
  });

  it('is given back when it is unprotected after the control plane was killed right after switching it off', async () => {
    await createContainer(rig.lab, host('host-1'), { name: 'ct-1', index: 11, memoryMiB: 64, config: ['limits.cpu=1', 'boot.autostart=true'] });
    await waitUntil('ct-1 to be adopted', () => rig.api().post('/workloads/adopt', { host: 'host-1', name: 'ct-1', isProtected: false }).then(() => true, () => false), { describe: () => describeRig(rig) });
    const protecting = rig.api().post('/workloads/ct-1/protect').catch(() => undefined);
    await waitUntil('autostart to be off', async () => (await settingOf('host-1', 'ct-1', 'boot.autostart')) === 'false', { everyMs: 5 });
    await rig.control.kill();
    await protecting;
    await rig.control.restart();
    await waitUntil('the API', () => rig.api().post('/workloads/ct-1/unprotect').then(() => true, () => false), { describe: () => describeRig(rig) });
    await waitUntil('its old value', async () => (await settingOf('host-1', 'ct-1', 'boot.autostart')) === 'true', { describe: () => describeRig(rig) });
  });
});

describe.skipIf(!canHave)('creation', () => {
  /** The lab's init ticks where it is told to. */
  const settings = (index: number) => ({ 'environment.LAB_IP': `10.66.0.${100 + index}`, 'environment.LAB_TICK': '10.66.0.254' });
  const spec = (name: string, index: number, more: Record<string, unknown> = {}) => ({ kind: 'container', name, image: 'reeve-guest', vcpus: 1, memoryMiB: 64, config: settings(index), ...more });
  const create = (body: Record<string, unknown>): Promise<string> => begin('/workloads', body);
  beforeAll(async () => {
    if (canHave) await Promise.all(rig.lab.hosts.map((one) => ensureContainerImage(rig.lab, one)));
  });
  /** What a creation takes back is on no host, not as a replica either. */
  const instances = async (): Promise<readonly string[]> => (await Promise.all(rig.lab.hosts.map((one) => listContainers(rig.lab, one)))).flat().map(({ name }) => name);

  it('from an image, protected, where the scheduler says; deleted with its data when that is asked for, and only then', async () => {
    await ended(rig, await create({ spec: spec('ct-1', 11, { disk: { pool: 'default', sizeMiB: 100 }, network: [{ bridge: 'br0', mac: '00:16:3e:00:11:22' }] }), isProtected: true }));
    await rig.ticks.waitForTick('ct-1', 0);
    const now = await workloadNamed(rig, 'ct-1');
    expect(now).toMatchObject({ state: 'running', isProtected: true });
    const on = now.host ?? '';
    expect((await listContainers(rig.lab, host(on))).find(({ name }) => name === 'ct-1')?.config).toMatchObject({ 'limits.cpu': '1', 'limits.memory': '64MiB', 'boot.autostart': 'false', 'user.reeve.autostart': 'unset', 'volatile.uuid': expect.any(String) as string });
    expect(await memoryLimitBytes(rig.lab, host(on), 'ct-1')).toBe(64 * 1024 * 1024);
    await waitUntil('its lease', async () => (await rig.api().get<{ leasedOn: string | null }>('/workloads/ct-1')).leasedOn !== null, { describe: () => describeRig(rig) });
    await expect(rig.api().delete('/workloads/ct-1?deleteDisks=true')).rejects.toThrow(/only a stopped workload/);
    await ended(rig, await begin('/workloads/ct-1/stop', { force: true, timeoutS: 20 }));
    await expect(rig.api().delete('/workloads/ct-1')).rejects.toThrow(/without its data nothing of it is left/);
    expect((await listContainers(rig.lab, host(on))).map(({ name }) => name)).toEqual(['ct-1']);
    await ended(rig, String((await rig.api().delete<{ operationIds: string[] }>('/workloads/ct-1?deleteDisks=true')).operationIds[0]));
    expect(await listContainers(rig.lab, host(on))).toEqual([]);
  });

  it('as a copy of one that runs, with its data; the first runs on as it was', async () => {
    await ended(rig, await create({ spec: spec('ct-1', 11), host: 'host-2' }));
    const first = await rig.ticks.waitForTick('ct-1', 0);
    await ended(rig, await create({ spec: { kind: 'container', name: 'ct-2', from: 'ct-1', config: settings(12) } }));
    await rig.ticks.waitForTick('ct-2', 0);
    expect(await workloadNamed(rig, 'ct-2')).toMatchObject({ state: 'running', host: 'host-2', isProtected: false });
    await rig.ticks.waitForTick('ct-1', Date.now());
    expect(rig.ticks.boots('ct-1')).toEqual([first.boot]);
    const [a, b] = await Promise.all(['ct-1', 'ct-2'].map((name) => settingOf('host-2', name, 'volatile.uuid')));
    expect(a).not.toBe(b);
  });

  it('of what is not there says so in one line, and leaves nothing behind', async () => {
    await expect(create({ spec: spec('ct-1', 11, { profiles: ['none'] }) })).rejects.toThrow(/profile none/);
    const none = await ended(rig, await create({ spec: spec('ct-1', 11, { image: 'none' }) }), 'failed');
    expect(none.why).toMatch(/ct-1 was not made on host-\d from image none: .*image none not found/);
    await expect(rig.api().get('/workloads/ct-1')).rejects.toThrow(/no workload/);
    expect(await instances()).toEqual([]);
    // Named by hand already, and unknown to us.
    await createContainer(rig.lab, host('host-1'), { name: 'ct-1', index: 11, start: false });
    const taken = await ended(rig, await create({ spec: spec('ct-1', 11), host: 'host-1' }), 'failed');
    expect(taken.why).toContain('another instance named ct-1');
    expect(await instances()).toEqual(['ct-1']);
  });

  it('is made once, whenever the control plane is killed', async () => {
    let index = 20;
    for (const step of ['make', 'define', 'start', 'confirm']) {
      const name = `ct-${(index += 1)}`;
      const id = await create({ spec: spec(name, index), host: 'host-3', isProtected: true });
      await waitUntil(step, async () => {
        const one = await rig.api().get<RigOperation>(`/operations/${id}`);
        return one.endedAtMs !== null || one.steps.some((other) => other.name === step);
      }, { everyMs: 5, describe: () => describeRig(rig) });
      await rig.control.kill();
      await rig.control.restart();
      await ended(rig, id, 'succeeded', 90_000);
      await rig.ticks.waitForTick(name, Date.now());
      expect(await runningContainers(rig.lab, host('host-3')), step).toEqual(Array.from({ length: index - 20 }, (_, at) => `ct-${21 + at}`));
      expect(rig.ticks.boots(name), step).toHaveLength(1);
    }
  });
});

describe.skipIf(!canHave)('people with lxc', () => {
  const byHand = (...words: readonly string[]): Promise<unknown> => lxc(rig.lab, host('host-1'), words);
  const becomes = (state: string): Promise<unknown> => waitUntil(`ct-1 ${state}`, async () => (await workloadNamed(rig, 'ct-1')).state === state, { timeoutMs: 30_000, describe: () => describeRig(rig) });
  /** For so long it would have been started again, had it been taken for a crash. */
  const stays = async (state: string): Promise<void> => {
    const until = Date.now() + 9_000;
    await waitUntil('several looks at host-1', async () => (await workloadNamed(rig, 'ct-1')).state !== state || Date.now() > until, { timeoutMs: 30_000 });
    expect((await workloadNamed(rig, 'ct-1')).state).toBe(state);
  };
  const initOf = async (): Promise<string> => /^PID: (\d+)/m.exec((await lxc(rig.lab, host('host-1'), ['info', 'ct-1'])).stdout)?.[1] ?? '';
  const killInit = async (): Promise<unknown> => rig.lab.exec(host('host-1'), ['kill', '-9', await initOf()]);
  /** The agent has begun again to listen. */
  const listening = (): Promise<unknown> => waitUntil('somebody who listens to the events', async () => (await rig.lab.exec(host('host-1'), ['sh', '-c', 'cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " "'])).stdout.includes('monitor --type lifecycle'), { timeoutMs: 20_000 });
  const restarted = async (after: { readonly boot: string }): Promise<void> => {
    await rig.ticks.waitForTick('ct-1', Date.now(), { notBoot: after.boot });
    await becomes('running');
  };

  it('a stop by hand is no crash: it stays stopped, says so, and is started when that is asked for', async () => {
    await adopted('ct-1', 11, 'host-1');
    for (const [words, why] of [[['stop', 'ct-1'], 'stopped by hand'], [['stop', '-f', 'ct-1'], 'by force, by hand']] as const) {
      const seq = await lastSeq(rig);
      await byHand(...words);
      await becomes('stopped');
      await stays('stopped');
      expect((await workloadNamed(rig, 'ct-1')).why).toContain(why);
      expect((await eventsAfter(rig, seq)).map((event) => event.type)).toContain('workload.stopped-by-hand');
      await rig.control.kill();
      await rig.control.restart();
      await stays('stopped');
      await ended(rig, await begin('/workloads/ct-1/start'));
      await rig.ticks.waitForTick('ct-1', Date.now());
    }
  });

  it('a crash is one, and so is what nobody asked the daemon for; a restart by hand is neither', async () => {
    await adopted('ct-1', 11, 'host-1');
    const first = await rig.ticks.waitForTick('ct-1', 0);
    const seq = await lastSeq(rig);
    await byHand('restart', 'ct-1');
    const second = await rig.ticks.waitForTick('ct-1', Date.now(), { notBoot: first.boot });
    expect((await eventsAfter(rig, seq)).map((event) => event.type).filter((type) => /restarting|stopped-by-hand|failed/.test(type))).toEqual([]);
    await killInit();
    await restarted(second);
  });

  it('is heard again after the daemon was away; a crash that nobody heard is restarted all the same', async () => {
    await adopted('ct-1', 11, 'host-1');
    const first = await rig.ticks.waitForTick('ct-1', 0);
    const pid = await initOf();
    await killLxd(rig.lab, host('host-1'));
    await rig.lab.exec(host('host-1'), ['kill', '-9', pid]);
    await startLxd(rig.lab, host('host-1'));
    // A start that met the daemon away counts as failed: then it is started on another host, from a copy.
    await restarted(first);
    await listening();
    await lxc(rig.lab, host((await workloadNamed(rig, 'ct-1')).host ?? ''), ['stop', 'ct-1']);
    await becomes('stopped');
    await stays('stopped');
    await ended(rig, await begin('/workloads/ct-1/start'));
  });

  it('what Reeve itself stops is not taken for a person\'s', async () => {
    await adopted('ct-1', 11, 'host-1');
    await ended(rig, await begin('/workloads/ct-1/relocate', { to: 'host-2' }));
    await ended(rig, await begin('/workloads/ct-1/relocate', { to: 'host-1' }));
    await ended(rig, await begin('/workloads/ct-1/stop', { force: true, timeoutS: 20 }));
    await ended(rig, await begin('/workloads/ct-1/start'));
    await rig.ticks.waitForTick('ct-1', Date.now());
    const { stdout } = await rig.lab.exec(host('host-1'), ['sh', '-c', 'ls /run/reeve/our-stops/lxd /run/reeve/endings/lxd']);
    expect(stdout).not.toContain('ct-1');
  });
});
