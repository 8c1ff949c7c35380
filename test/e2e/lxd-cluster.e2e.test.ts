// Hosts whose LXD daemons are one cluster of LXD's own, under the whole product: what LXD's cluster says of its members is no proof of anything, and it moves what does not run.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createContainer, killLxd, killLxdReceiving, lxc, runningContainers, startLxd } from '../../lab/containers.js';
import type { LabHost } from '../../lab/lab.js';
import { clusterMembers } from '../../lab/lxd-cluster.js';
import { allRunning, describe as describeRig, ended, eventsAfter, hostsOf, isInService, lastSeq, workloadNamed, type RigOperation } from '../../lab/rig.js';
import { whyNoContainers } from '../../lab/setup.js';
import { waitUntil } from '../../lab/wait-until.js';
import { memberMovesConformance } from '../conformance/member-moves.conformance.js';
import { type E2eRig, endHealthy, startE2eRig } from './e2e-rig.js';
import { instanceRig } from './instance-rig.js';

const canHave = whyNoContainers() === null;
let rig: E2eRig;
/** The last test breaks LXD's cluster for good. */
let isOver = false;
const host = (name: string): LabHost => rig.lab.host(name);
const begin = async (path: string, body: unknown = {}): Promise<string> => String((await rig.api().post<{ operationIds: string[] }>(path, body)).operationIds[0]);
const lastTick = (name: string) => rig.ticks.of(name).at(-1);

async function adopted(name: string, index: number, on: string): Promise<void> {
  await createContainer(rig.lab, host(on), { name, index, target: on, memoryMiB: 64, config: ['limits.cpu=1'] });
  await rig.ticks.waitForTick(name, 0);
  await waitUntil(`${name} to be adopted`, () => rig.api().post('/workloads/adopt', { host: on, name, isProtected: true }).then(() => true, () => false), { describe: () => describeRig(rig) });
  await waitUntil(`${name} under the lease of ${on}`, async () => (await rig.api().get<{ leasedOn: string | null }>(`/workloads/${name}`)).leasedOn !== null, { describe: () => describeRig(rig) });
}

async function leader(): Promise<LabHost> {
  const name = (await clusterMembers(rig.lab, host('host-1'))).find(({ roles }) => roles.includes('database-leader'))?.server_name;
  return host(name ?? 'host-1');
}

/** One on each host. */
async function oneOnEach(): Promise<readonly string[]> {
  for (const [nth, { name }] of rig.lab.hosts.entries()) await adopted(`ct-${nth + 1}`, 11 + nth, name);
  const names = rig.lab.hosts.map((_one, nth) => `ct-${nth + 1}`);
  await allRunning(rig, names);
  return names;
}

/** What a member says of its cluster, until it says that all of these are well; each word of it that differs from the one before. */
async function whatIsSaid(asked: LabHost, live: readonly string[], forMs: number): Promise<readonly string[]> {
  const said: string[] = [];
  const endsAtMs = Date.now() + forMs;
  while (Date.now() < endsAtMs) {
    const members = await clusterMembers(rig.lab, asked).catch(() => []);
    const now = members.length === 0 ? 'no answer' : members.map(({ server_name, status }) => `${server_name} ${status}`).join(', ');
    if (said.at(-1) !== now) said.push(now);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  await waitUntil('a cluster that knows who lives', async () => (await clusterMembers(rig.lab, asked).catch(() => [])).filter(({ server_name, status }) => live.includes(server_name) && status === 'Online').length === live.length, { timeoutMs: 60_000 });
  return said;
}

/** Of what is no news of a workload's or a host's life. */
const HARMLESS = /^(workload\.(lease|leased|running)|host\.(lease|heals|facts|suspect|heard)|hypervisor|operation|leader|hold)/;
const actionsSince = async (seq: number): Promise<readonly string[]> => (await eventsAfter(rig, seq)).filter(({ type }) => /^(workload|host)\./.test(type) && !HARMLESS.test(type)).map(({ type, message }) => `${type}: ${message}`);

describe.skipIf(!canHave)('the driver on members', () => {
  memberMovesConformance('LXD', () => instanceRig('cl1', 'lxd', 'clustered'));
});

describe.skipIf(!canHave)('a cluster of LXD daemons', () => {
  beforeAll(async () => {
    rig = await startE2eRig('cl0', 3, { daemons: 'clustered' });
  });
  afterAll(async () => {
    await rig?.close();
  });
  afterEach(async () => {
    if (!isOver) await endHealthy(rig);
  });

  it('is recognised; its members need no remotes, and no replica is kept in it', async () => {
    const { items } = await rig.api().get<{ items: readonly { name: string; facts: { containerDaemons: readonly { isClustered: boolean; cluster?: { id: string; member: string } }[] } }[] }>('/hosts');
    const daemons = items.map(({ name, facts }) => [name, facts.containerDaemons[0]?.isClustered, facts.containerDaemons[0]?.cluster?.member]);
    expect(daemons.toSorted()).toEqual(rig.lab.hosts.map(({ name }) => [name, true, name]));
    expect(new Set(items.map(({ facts }) => facts.containerDaemons[0]?.cluster?.id)).size).toBe(1);
    for (const one of rig.lab.hosts) expect((await lxc(rig.lab, one, ['remote', 'list', '--format', 'csv'])).stdout).not.toContain('reeve-');
    await adopted('ct-1', 11, 'host-2');
    // Every member lists it; it is on one.
    await expect(rig.api().post('/workloads/adopt', { host: 'host-1', name: 'ct-1' })).rejects.toThrow(/no VM or container named ct-1/);
    await expect(rig.api().put('/workloads/ct-1/policies', { replicateEveryS: 10 })).rejects.toThrow(/has each instance once/);
    expect((await rig.api().get<{ recoverable: { summary: string } }>('/workloads/ct-1')).recoverable.summary).toContain('cluster of its own kind');
  });

  it('a container is relocated within it: nothing that it told of is lost', async () => {
    await adopted('ct-1', 11, 'host-1');
    const before = Date.now();
    const done: RigOperation = await ended(rig, await begin('/workloads/ct-1/relocate', { to: 'host-2' }));
    const told = lastTick('ct-1');
    await rig.ticks.waitForTick('ct-1', Date.now());
    expect(done.steps.map(({ name }) => name)).toContain('move');
    expect(rig.ticks.boots('ct-1')).toHaveLength(2);
    expect(rig.ticks.violations()).toEqual([]);
    expect(lastTick('ct-1')?.diskCount).toBeGreaterThanOrEqual(told?.diskCount ?? Infinity);
    expect([await runningContainers(rig.lab, host('host-1')), await runningContainers(rig.lab, host('host-2'))]).toEqual([[], ['ct-1']]);
    process.stdout.write(`relocate in the cluster: ${String(done.memo['downtimeMs'])} ms by its steps, ${Math.round(rig.ticks.downtimeMs('ct-1', before))} ms without ticks\n`);
  });

  it('a half-moved leftover is in nobody\'s way: the target\'s daemon is killed in the middle, and the next move goes well', async () => {
    await adopted('ct-1', 11, 'host-1');
    await rig.lab.exec(host('host-1'), ['sh', '-c', 'head -c 400000000 /dev/urandom > /var/lib/lxd/storage-pools/default/containers/ct-1/rootfs/var/large'], { timeoutMs: 60_000 });
    const killed = killLxdReceiving(rig.lab, host('host-2'), 'lxd-move-of-');
    const id = await begin('/workloads/ct-1/relocate', { to: 'host-2' });
    await killed;
    const failed = await ended(rig, id, 'failed', 180_000);
    await startLxd(rig.lab, host('host-2'));
    await rig.ticks.waitForTick('ct-1', Date.now());
    expect(await runningContainers(rig.lab, host('host-1'))).toEqual(['ct-1']);
    process.stdout.write(`cut move: ${failed.why ?? ''}\n`);
    await waitUntil('host-2 to answer for its instances', async () => (await clusterMembers(rig.lab, host('host-1'))).every(({ status }) => status === 'Online'), { timeoutMs: 60_000 });
    await waitUntil('the next move to be taken', () => begin('/workloads/ct-1/relocate', { to: 'host-2' }).then((one) => ended(rig, one)), { describe: () => describeRig(rig) });
    await rig.ticks.waitForTick('ct-1', Date.now());
    expect(await runningContainers(rig.lab, host('host-2'))).toEqual(['ct-1']);
    expect((await lxc(rig.lab, host('host-3'), ['query', '/1.0/instances'])).stdout).not.toContain('lxd-move-of-');
  });

  it('a member is drained', async () => {
    await adopted('ct-1', 11, 'host-1');
    await adopted('ct-2', 12, 'host-1');
    await ended(rig, await begin('/hosts/host-1/drain'), 'succeeded', 120_000);
    for (const name of ['ct-1', 'ct-2']) {
      await rig.ticks.waitForTick(name, Date.now());
      expect((await workloadNamed(rig, name)).host).not.toBe('host-1');
    }
    expect(await runningContainers(rig.lab, host('host-1'))).toEqual([]);
  });

  it('its leader\'s daemon is killed: whatever LXD says of members that live, nothing is done', async () => {
    const names = await oneOnEach();
    const boots = names.map((name) => rig.ticks.boots(name));
    const lost = await leader();
    const [asked] = rig.lab.hosts.filter((one) => one !== lost);
    const seq = await lastSeq(rig);
    await killLxd(rig.lab, lost);
    const said = await whatIsSaid(asked ?? lost, rig.lab.hosts.filter((one) => one !== lost).map(({ name }) => name), 35_000);
    await startLxd(rig.lab, lost);
    await whatIsSaid(lost, rig.lab.hosts.map(({ name }) => name), 3_000);
    process.stdout.write(`after the leader's daemon was killed, ${asked?.name ?? ''} said: ${said.join(' | ')}\n`);
    for (const name of names) await rig.ticks.waitForTick(name, Date.now());
    expect(names.map((name) => rig.ticks.boots(name))).toEqual(boots);
    expect(await actionsSince(seq)).toEqual([]);
    for (const [nth, name] of names.entries()) expect(await workloadNamed(rig, name)).toMatchObject({ state: 'running', host: rig.lab.hosts[nth]?.name });
  });

  it('its leader\'s host loses power: that one is fenced, what it ran waits for it with the reason, and the others run on', async () => {
    const names = await oneOnEach();
    const lost = await leader();
    const lostName = names[rig.lab.hosts.indexOf(lost)] ?? '';
    const others = names.filter((name) => name !== lostName);
    const boots = others.map((name) => rig.ticks.boots(name));
    const seq = await lastSeq(rig);
    await rig.lab.powerCut(lost);
    await waitUntil('the reason', async () => (await workloadNamed(rig, lostName)).why?.includes('cluster of its own kind') === true, { timeoutMs: 60_000, describe: () => describeRig(rig) });
    const [asked] = rig.lab.hosts.filter((one) => one !== lost);
    const said = await whatIsSaid(asked ?? lost, rig.lab.hosts.filter((one) => one !== lost).map(({ name }) => name), 30_000);
    process.stdout.write(`after the leader's host lost power, ${asked?.name ?? ''} said: ${said.join(' | ')}\n`);
    const about = (await actionsSince(seq)).filter((line) => !line.includes(lostName) && !line.includes(lost.name));
    expect(about).toEqual([]);
    await rig.lab.powerOn(lost);
    await rig.lab.waitLxd([lost]);
    await waitUntil(`${lost.name} back`, async () => (await hostsOf(rig)).every(isInService), { timeoutMs: 90_000, describe: () => describeRig(rig) });
    await rig.ticks.waitForTick(lostName, Date.now());
    for (const name of others) await rig.ticks.waitForTick(name, Date.now());
    expect(others.map((name) => rig.ticks.boots(name))).toEqual(boots);
    await allRunning(rig, [lostName]);
    expect((await workloadNamed(rig, lostName)).host).toBe(lost.name);
  });

  it('a member that lives is removed by force: its instances are in no list any more, and none of them counts as gone', async () => {
    await adopted('ct-1', 11, 'host-3');
    const boots = rig.ticks.boots('ct-1');
    isOver = true;
    const seq = await lastSeq(rig);
    await lxc(rig.lab, host('host-1'), ['cluster', 'remove', 'host-3', '--force'], { input: 'yes\n' });
    expect((await lxc(rig.lab, host('host-1'), ['query', '/1.0/instances'])).stdout).not.toContain('ct-1');
    const silent = async (): Promise<boolean> => (await rig.api().get<{ problems: readonly { code: string; about: string }[] }>('/status')).problems.some(({ code, about }) => code === 'hypervisor-silent' && about === 'host-3');
    await waitUntil('LXD on host-3 to be told as silent', silent, { timeoutMs: 60_000, describe: () => describeRig(rig) });
    process.stdout.write(`after its removal by force, host-3 said: ${(await lxc(rig.lab, host('host-3'), ['query', '/1.0/instances'], { okCodes: 'any' })).stdout.replace(/\s+/g, ' ')}\n`);
    await rig.ticks.waitForTick('ct-1', Date.now());
    expect([rig.ticks.boots('ct-1'), await runningContainers(rig.lab, host('host-3'))]).toEqual([boots, ['ct-1']]);
    expect((await actionsSince(seq)).filter((line) => line.includes('ct-1'))).toEqual([]);
    expect(await workloadNamed(rig, 'ct-1')).toMatchObject({ state: 'running', host: 'host-3' });
    expect(rig.ticks.violations()).toEqual([]);
  });
});
