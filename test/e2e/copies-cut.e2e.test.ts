// Copies of containers on real LXD daemons that are cut in the middle: by the power of either host, by the network between them. Nobody waits for the daemons, and what is left of them is in nobody's way.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createContainer, listContainers, lxc, runningContainers } from '../../lab/containers.js';
import type { LabHost } from '../../lab/lab.js';
import { describe as describeRig, ended, hostsOf, isInService, workloadNamed } from '../../lab/rig.js';
import { whyNoContainers } from '../../lab/setup.js';
import { waitUntil } from '../../lab/wait-until.js';
import type { CopiesDocument, CopyDocument } from '../../src/cluster/commands/copy-commands.js';
import { expectHealthyEnd, resetRig, startE2eRig, type E2eRig } from './e2e-rig.js';

const canHave = whyNoContainers() === null;
/** On its disk, so that a copy of it takes seconds. */
const LARGE_MB = 700;
let rig: E2eRig;
beforeAll(async () => {
  if (canHave) rig = await startE2eRig('rp0', 3);
});
afterAll(async () => {
  await rig?.close();
});
afterEach(async () => {
  await rig.lab.mend();
  await expectHealthyEnd(rig);
  await resetRig(rig);
});

const host = (name: string): LabHost => rig.lab.host(name);
const describeIt = { describe: () => describeRig(rig) };
const begin = async (path: string, body: unknown = {}): Promise<string> => String((await rig.api().post<{ operationIds: string[] }>(path, body)).operationIds[0]);
const copies = async (name: string): Promise<readonly CopyDocument[]> => (await rig.api().get<CopiesDocument>(`/workloads/${name}/copies`)).copies;

async function adopted(name: string, index: number, on: string): Promise<void> {
  await createContainer(rig.lab, host(on), { name, index, memoryMiB: 64, config: ['limits.cpu=1'] });
  await rig.ticks.waitForTick(name, 0);
  await waitUntil(`${name} to be adopted`, () => rig.api().post('/workloads/adopt', { host: on, name, isProtected: true }).then(() => true, () => false), describeIt);
  await waitUntil(`${name} under the lease of ${on}`, async () => (await rig.api().get<{ leasedOn: string | null }>(`/workloads/${name}`)).leasedOn !== null, describeIt);
}

/** New data on its disk. */
const grows = (name: string, on: string): Promise<unknown> => rig.lab.exec(host(on), ['sh', '-c', `head -c ${LARGE_MB}000000 /dev/urandom > /var/lib/lxd/storage-pools/default/containers/${name}/rootfs/var/large`], { timeoutMs: 60_000 });

async function untilRunsOn(name: string, on: string, timeoutMs = 60_000): Promise<void> {
  await waitUntil(`${name} on ${on}`, async () => {
    const now = await workloadNamed(rig, name);
    return now.state === 'running' && now.host === on;
  }, { timeoutMs, ...describeIt });
}

async function isBack(name: string): Promise<void> {
  await rig.lab.powerOn(host(name));
  await rig.lab.waitLxd([host(name)]);
  await waitUntil(`${name} back`, async () => (await hostsOf(rig)).every(isInService), { timeoutMs: 90_000, ...describeIt });
}

/** Its daemon writes them down for this instance now. */
const receives = async (on: string): Promise<boolean> => (await rig.lab.exec(host(on), ['sh', '-c', 'cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " "'], { okCodes: 'any' })).stdout.includes('rsync --server');

async function untilReceiving(on: string): Promise<void> {
  await waitUntil(`data to arrive on ${on}`, () => receives(on), { everyMs: 30, timeoutMs: 60_000, ...describeIt });
}

// Each has a name of its own: what its daemon holds on to for two minutes after a cut has that name there.
describe.skipIf(!canHave)('a copy that is cut', () => {
  it('by the power of its source: it is recovered from the whole copy before, and what is left over goes only when that is asked for', async () => {
    await adopted('ct-1', 11, 'host-1');
    await rig.api().put('/workloads/ct-1/policies', { replicateEveryS: 10 });
    await waitUntil('a whole copy', async () => (await copies('ct-1')).some((one) => one.isRecoveredFrom), { timeoutMs: 60_000, ...describeIt });
    await grows('ct-1', 'host-1');
    const on = (await copies('ct-1')).find((one) => one.isRecoveredFrom)?.host ?? '';
    await untilReceiving(on);
    await waitUntil('the spare to be written into', async () => (await copies('ct-1')).some((one) => one.kind === 'spare' && one.asOfMs === null), { everyMs: 50, ...describeIt });
    const whole = (await copies('ct-1')).find((one) => one.isRecoveredFrom)?.asOfMs ?? Infinity;
    const atCopy = rig.ticks.of('ct-1').filter((one) => one.atMs <= whole).at(-1);
    const cutAt = Date.now();
    await rig.lab.powerCut(host('host-1'));
    // On a busy machine its rsync can end before its wire does, and says so to the other one.
    const held = (await receives(on)) ? 'held on to' : 'ended';
    await untilRunsOn('ct-1', on);
    process.stdout.write(`cut in mid-refresh (the half copy ${held}): recovered ${Date.now() - cutAt} ms after the cut, from a copy that was ${cutAt - whole} ms old\n`);
    const first = await rig.ticks.waitForTick('ct-1', Date.now(), { notBoot: atCopy?.boot ?? '' });
    expect(first.diskCount).toBeGreaterThanOrEqual(atCopy?.diskCount ?? Infinity);
    await rig.api().put('/workloads/ct-1/policies', { replicateEveryS: null });
    await isBack('host-1');
    expect(await runningContainers(rig.lab, host('host-1'))).toEqual([]);
    await waitUntil('what is left to be told', async () => (await copies('ct-1')).some((one) => one.host === 'host-1' && one.kind === 'set-aside'), { timeoutMs: 60_000, ...describeIt });
    await rig.api().post('/workloads/ct-1/discard-copy', { host: 'host-1', kind: 'set-aside' });
    expect(await listContainers(rig.lab, host('host-1'))).toEqual([]);
    await expect(rig.api().post('/workloads/ct-1/discard-copy', { host: 'host-1', kind: 'set-aside' })).rejects.toThrow(/no copy of ct-1/);
    expect(await runningContainers(rig.lab, host(on))).toEqual(['ct-1']);
    // A counter that goes back is what a copy means: it was looked at above.
    rig.ticks.forget();
  });

  it('by the end of the control plane: the daemons copy on, and the copy takes its place once that is back', async () => {
    await adopted('ct-2', 12, 'host-1');
    const first = await rig.ticks.waitForTick('ct-2', 0);
    await rig.api().put('/workloads/ct-2/policies', { replicateEveryS: 10 });
    await waitUntil('a whole copy', async () => (await copies('ct-2')).some((one) => one.isRecoveredFrom), { timeoutMs: 60_000, ...describeIt });
    const before = (await copies('ct-2')).find((one) => one.isRecoveredFrom);
    await grows('ct-2', 'host-1');
    await untilReceiving(before?.host ?? '');
    await rig.control.kill();
    await rig.control.restart();
    await waitUntil('the new copy in its place', async () => ((await copies('ct-2')).find((one) => one.isRecoveredFrom)?.asOfMs ?? 0) > (before?.asOfMs ?? Infinity), { timeoutMs: 90_000, ...describeIt });
    expect(rig.ticks.boots('ct-2')).toEqual([first.boot]);
    await rig.api().put('/workloads/ct-2/policies', { replicateEveryS: null });
  });

  it('by the network between both hosts: the relocation ends long before the daemons notice, and it never stopped', async () => {
    await adopted('ct-3', 13, 'host-1');
    const first = await rig.ticks.waitForTick('ct-3', 0);
    await grows('ct-3', 'host-1');
    const id = await begin('/workloads/ct-3/relocate', { to: 'host-2' });
    await untilReceiving('host-2');
    await rig.lab.part('host-1', 'host-2');
    const failed = await ended(rig, id, 'failed', 60_000);
    expect(failed.why).toMatch(/host-1 does not reach the daemon of host-2/);
    // Theirs goes on until their connection times out.
    expect((await lxc(rig.lab, host('host-2'), ['query', '/1.0/operations'])).stdout).toContain('running');
    await rig.lab.mend();
    await rig.ticks.waitForTick('ct-3', Date.now());
    expect([rig.ticks.boots('ct-3'), await runningContainers(rig.lab, host('host-2'))]).toEqual([[first.boot], []]);
    expect(await workloadNamed(rig, 'ct-3')).toMatchObject({ state: 'running', host: 'host-1' });
  });

  it('by the power of its target: what that left there is in nobody\'s way once the host is back', async () => {
    await adopted('ct-4', 14, 'host-1');
    await grows('ct-4', 'host-1');
    const id = await begin('/workloads/ct-4/relocate', { to: 'host-2' });
    await untilReceiving('host-2');
    await rig.lab.powerCut(host('host-2'));
    expect((await ended(rig, id, 'failed')).why).toContain('host-2');
    await isBack('host-2');
    // Its daemon may have lost its note of it with the power, too.
    console.info(`left on host-2: ${(await listContainers(rig.lab, host('host-2'))).map((one) => one.name).join(', ') || 'nothing'}`);
    await ended(rig, await begin('/workloads/ct-4/relocate', { to: 'host-2' }), 'succeeded', 120_000);
    await rig.ticks.waitForTick('ct-4', Date.now());
    expect([await runningContainers(rig.lab, host('host-1')), await runningContainers(rig.lab, host('host-2'))]).toEqual([[], ['ct-4']]);
    expect(rig.ticks.violations()).toEqual([]);
  });
});
