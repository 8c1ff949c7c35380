// Containers on real LXD daemons under the whole product: moved without a write lost, drained, ended with the lease, recovered from a copy, never twice.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { countOnDisk, createContainer, listContainers, lxc, runningContainers } from '../../lab/containers.js';
import type { LabHost } from '../../lab/lab.js';
import { allRunning, describe as describeRig, ended, hostsOf, isInService, workloadNamed, type RigOperation } from '../../lab/rig.js';
import { whyNoContainers } from '../../lab/setup.js';
import { createTicker } from '../../lab/story.js';
import { waitUntil } from '../../lab/wait-until.js';
import { type E2eRig, endHealthy, startE2eRig } from './e2e-rig.js';

const canHave = whyNoContainers() === null;
let rig: E2eRig;
beforeAll(async () => {
  if (canHave) rig = await startE2eRig('rct0', 3);
});
afterAll(async () => {
  await rig?.close();
});
afterEach(() => endHealthy(rig));

const host = (name: string): LabHost => rig.lab.host(name);
const begin = async (path: string, body: unknown = {}): Promise<string> => String((await rig.api().post<{ operationIds: string[] }>(path, body)).operationIds[0]);
const operation = (id: string): Promise<RigOperation> => rig.api().get<RigOperation>(`/operations/${id}`);

/** Made by hand with LXD, then known to Reeve and protected; its ticks have come. */
async function adopted(name: string, index: number, on: string): Promise<void> {
  await createContainer(rig.lab, host(on), { name, index, memoryMiB: 64, config: ['limits.cpu=1'] });
  await rig.ticks.waitForTick(name, 0);
  await waitUntil(`${name} to be adopted`, () => rig.api().post('/workloads/adopt', { host: on, name, isProtected: true }).then(() => true, () => false), { describe: () => describeRig(rig) });
  await waitUntil(`${name} under the lease of ${on}`, async () => (await rig.api().get<{ leasedOn: string | null }>(`/workloads/${name}`)).leasedOn !== null, { describe: () => describeRig(rig) });
}

const lastTick = (name: string, sinceMs = 0) => rig.ticks.of(name, sinceMs).at(-1);

async function untilRunsOn(name: string, on: string, timeoutMs = 60_000): Promise<void> {
  await waitUntil(`${name} on ${on}`, async () => {
    const now = await workloadNamed(rig, name);
    return now.state === 'running' && now.host === on;
  }, { timeoutMs, describe: () => describeRig(rig) });
}

/** A copy that is younger than `sinceMs` is complete; where. */
async function untilCopied(name: string, sinceMs: number): Promise<{ readonly on: string; readonly asOfMs: number }> {
  let found: { on: string; asOfMs: number } | null = null;
  await waitUntil(`a copy of ${name}`, async () => {
    const { replica } = await rig.api().get<{ replica: { hostId: string; asOfMs: number | null } | null }>(`/workloads/${name}`);
    if (!replica || replica.asOfMs === null || replica.asOfMs < sinceMs) return false;
    const hosts = (await rig.api().get<{ items: readonly { id: string; name: string }[] }>('/hosts')).items;
    found = { on: hosts.find((one) => one.id === replica.hostId)?.name ?? '', asOfMs: replica.asOfMs };
    return true;
  }, { timeoutMs: 60_000, describe: () => describeRig(rig) });
  return found as never;
}

describe.skipIf(!canHave)('containers', () => {
  it('a protected one is not started by its host at boot', async () => {
    await adopted('ct-1', 11, 'host-1');
    const [shown] = await listContainers(rig.lab, host('host-1'));
    expect(shown?.config['boot.autostart']).toBe('false');
  });

  it('is relocated while it writes: nothing that it told of is lost, and it stands still for a moment only', async () => {
    await adopted('ct-1', 11, 'host-1');
    const before = Date.now();
    const done = await ended(rig, await begin('/workloads/ct-1/relocate', { to: 'host-2' }));
    const told = lastTick('ct-1');
    await rig.ticks.waitForTick('ct-1', Date.now());
    expect(rig.ticks.boots('ct-1')).toHaveLength(2);
    expect(rig.ticks.violations()).toEqual([]);
    expect(lastTick('ct-1')?.diskCount).toBeGreaterThanOrEqual(told?.diskCount ?? Infinity);
    expect([await runningContainers(rig.lab, host('host-1')), await runningContainers(rig.lab, host('host-2'))]).toEqual([[], ['ct-1']]);
    // Nothing is left that could be started there by mistake.
    expect(await listContainers(rig.lab, host('host-1'))).toEqual([]);
    process.stdout.write(`relocate: ${String(done.memo['downtimeMs'])} ms by its steps, ${Math.round(rig.ticks.downtimeMs('ct-1', before))} ms without ticks\n`);
  });

  it('does not move live, and says what it can', async () => {
    await adopted('ct-1', 11, 'host-1');
    await expect(rig.api().post('/workloads/ct-1/migrate', { to: 'host-2' })).rejects.toThrow(/reeve workload relocate ct-1|stopped, copied and started/);
  });

  it('one that crashes is started again where it was', async () => {
    await adopted('ct-1', 11, 'host-1');
    const first = await rig.ticks.waitForTick('ct-1', 0);
    await lxc(rig.lab, host('host-1'), ['exec', 'ct-1', '--', 'kill', '-9', '1'], { okCodes: 'any' });
    await rig.lab.exec(host('host-1'), ['sh', '-c', 'pid=$(lxc info ct-1 | sed -n "s/^PID: //p"); [ -z "$pid" ] || kill -9 $pid'], { okCodes: 'any' });
    await rig.ticks.waitForTick('ct-1', Date.now(), { notBoot: first.boot });
    await untilRunsOn('ct-1', 'host-1');
  });

  it('a host with containers and a VM is drained, and what left it comes back by hand alone', async () => {
    await adopted('ct-1', 11, 'host-1');
    await adopted('ct-2', 12, 'host-1');
    await createTicker(rig, 'vm-1', 1, { host: 'host-1' });
    await allRunning(rig, ['vm-1']);
    const vm = await rig.ticks.waitForTick('vm-1', 0);
    const began = Date.now();
    await ended(rig, await begin('/hosts/host-1/drain'), 'succeeded', 120_000);
    for (const name of ['ct-1', 'ct-2', 'vm-1']) {
      await rig.ticks.waitForTick(name, Date.now());
      expect((await workloadNamed(rig, name)).host).not.toBe('host-1');
      process.stdout.write(`drain: ${name} was ${Math.round(rig.ticks.downtimeMs(name, began))} ms without ticks\n`);
    }
    expect(rig.ticks.boots('vm-1')).toEqual([vm.boot]);
    expect(await runningContainers(rig.lab, host('host-1'))).toEqual([]);
  });

  it('its target loses power in mid-copy: it never stopped', async () => {
    await adopted('ct-1', 11, 'host-1');
    const first = await rig.ticks.waitForTick('ct-1', 0);
    await rig.lab.exec(host('host-1'), ['sh', '-c', 'head -c 400000000 /dev/urandom > /var/lib/lxd/storage-pools/default/containers/ct-1/rootfs/var/large'], { timeoutMs: 60_000 });
    const id = await begin('/workloads/ct-1/relocate', { to: 'host-2' });
    await waitUntil('the copying', async () => (await operation(id)).steps.some((one) => one.name === 'preseed' && one.state === 'running'), { everyMs: 20, describe: () => describeRig(rig) });
    await rig.lab.powerCut(host('host-2'));
    const failed = await ended(rig, id, 'failed');
    expect(failed.why).toContain('host-2');
    await rig.ticks.waitForTick('ct-1', Date.now());
    expect(rig.ticks.boots('ct-1')).toEqual([first.boot]);
    expect(await workloadNamed(rig, 'ct-1')).toMatchObject({ state: 'running', host: 'host-1' });
  });

  it('the control plane is killed at each step of a relocation, one after the other: each ends right, once', async () => {
    await adopted('ct-1', 11, 'host-1');
    let [from, to] = ['host-1', 'host-2'];
    for (const step of ['preseed', 'stop', 'copy', 'define', 'start', 'confirm', 'leave-source']) {
      const id = await begin('/workloads/ct-1/relocate', { to });
      await waitUntil(step, async () => {
        const one = await operation(id);
        return one.endedAtMs !== null || one.steps.some((other) => other.name === step);
      }, { everyMs: 5, describe: () => describeRig(rig) });
      await rig.control.kill();
      await rig.control.restart();
      await waitUntil(`the end of the relocation killed at ${step}`, async () => (await operation(id)).endedAtMs !== null, { timeoutMs: 90_000, describe: () => describeRig(rig) });
      expect(await operation(id), step).toMatchObject({ state: 'succeeded' });
      await rig.ticks.waitForTick('ct-1', Date.now());
      expect((await workloadNamed(rig, 'ct-1')).host, step).toBe(to);
      expect([await runningContainers(rig.lab, host(from)), await runningContainers(rig.lab, host(to))], step).toEqual([[], ['ct-1']]);
      expect(rig.ticks.violations(), step).toEqual([]);
      [from, to] = [to, from];
    }
  });
});

describe.skipIf(!canHave)('a container whose host is lost', () => {
  it('starts from its copy: what is missing is what was written after it, as was said', async () => {
    await adopted('ct-1', 11, 'host-1');
    await rig.api().put('/workloads/ct-1/policies', { replicateEveryS: 10 });
    const copy = await untilCopied('ct-1', Date.now());
    expect((await rig.api().get<{ recoverable: { summary: string } }>('/workloads/ct-1')).recoverable.summary).toMatch(new RegExp(`replica on ${copy.on}, RPO`));
    const atCopy = rig.ticks.of('ct-1').filter((one) => one.atMs <= copy.asOfMs).at(-1);
    const { on } = await untilCopied('ct-1', copy.asOfMs);
    const cutAt = Date.now();
    await rig.lab.powerCut(host('host-1'));
    await untilRunsOn('ct-1', on);
    const recoveredAt = Date.now();
    await rig.ticks.waitForTick('ct-1', recoveredAt);
    // Its first ticks come before its first look at the disk.
    const first = await waitUntil('what it finds on its disk', async () => rig.ticks.of('ct-1', cutAt).find((one) => one.boot !== atCopy?.boot && one.diskCount > 0) ?? null);
    // Not older than what it was said to be as of.
    expect(first.diskCount).toBeGreaterThanOrEqual(atCopy?.diskCount ?? Infinity);
    process.stdout.write(`replica: recovered ${recoveredAt - cutAt} ms after the cut\n`);
    await rig.lab.powerOn(host('host-1'));
    await rig.lab.waitLxd([host('host-1')]);
    await waitUntil('host-1 back', async () => (await hostsOf(rig)).every(isInService), { timeoutMs: 60_000, describe: () => describeRig(rig) });
    // Its stale copy is started by nobody.
    expect(await runningContainers(rig.lab, host('host-1'))).toEqual([]);
    expect((await workloadNamed(rig, 'ct-1')).host).toBe(on);
    // A counter that goes back is what a copy means: it was looked at above.
    rig.ticks.forget();
  });

  it('without a copy waits for its host, with the reason, and starts there again', async () => {
    await adopted('ct-1', 11, 'host-1');
    const last = await rig.ticks.waitForTick('ct-1', 0);
    await rig.lab.powerCut(host('host-1'));
    await waitUntil('the reason', async () => (await workloadNamed(rig, 'ct-1')).why?.includes('no replica is kept') === true, { timeoutMs: 60_000, describe: () => describeRig(rig) });
    await rig.lab.powerOn(host('host-1'));
    await rig.lab.waitLxd([host('host-1')]);
    await untilRunsOn('ct-1', 'host-1', 90_000);
    await rig.ticks.waitForTick('ct-1', Date.now(), { notBoot: last.boot });
    expect(await countOnDisk(rig.lab, host('host-1'), 'ct-1')).toBeGreaterThan(last.diskCount);
  });

  it('is ended there before it is started elsewhere, when the host is cut off and lives on', async () => {
    await adopted('ct-1', 11, 'host-1');
    await rig.api().put('/workloads/ct-1/policies', { replicateEveryS: 10 });
    const { on } = await untilCopied('ct-1', Date.now());
    for (const one of rig.lab.hosts) await rig.lab.bmc(one, 'dead');
    await rig.lab.isolate(host('host-1'));
    await untilRunsOn('ct-1', on);
    expect(await runningContainers(rig.lab, host('host-1'))).toEqual([]);
    await rig.lab.reconnect(host('host-1'));
    for (const one of rig.lab.hosts) await rig.lab.bmc(one, 'ok');
    await waitUntil('host-1 back', async () => (await hostsOf(rig)).every(isInService), { timeoutMs: 90_000, describe: () => describeRig(rig) });
    expect(await runningContainers(rig.lab, host('host-1'))).toEqual([]);
    expect(rig.ticks.violations().filter((one) => !/went back/.test(one))).toEqual([]);
    rig.ticks.forget();
  });
});
