// Moves on real hosts, with the queue on Redis (failover has it on Postgres): migration, drain, what can't move, people with virsh, and a control plane that dies in the middle.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { addGuestNetwork, GUEST_BRIDGE, setGuestUplink } from '../../lab/guest-network.js';
import { guestControl } from '../../lab/guest.js';
import { addHost, allRunning, describe as describeRig, ended, eventsAfter, hostsOf, isInService, lastSeq, workloadNamed, type RigOperation } from '../../lab/rig.js';
import { createTicker } from '../../lab/story.js';
import { waitUntil } from '../../lab/wait-until.js';
import { type E2eRig, endHealthy, expectHealthyEnd, resetRig, startE2eRig } from './e2e-rig.js';

let rig: E2eRig;
beforeAll(async () => {
  // Where Redis can't be had, `npm test` says so and the queue is on Postgres here too.
  rig = await startE2eRig('rm0', 3, { withRedis: process.env['REEVE_TEST_NO_REDIS'] === undefined });
});
afterAll(async () => {
  await rig?.close();
});
afterEach(() => endHealthy(rig));

const begin = async (path: string, body: unknown = {}): Promise<string> => String((await rig.api().post<{ operationIds: string[] }>(path, body)).operationIds[0]);
const operation = (id: string): Promise<RigOperation> => rig.api().get<RigOperation>(`/operations/${id}`);

async function untilStep(id: string, step: string): Promise<void> {
  await waitUntil(`${step} of ${id}`, async () => {
    const one = await operation(id);
    if (one.endedAtMs !== null) throw new Error(`it ended before: ${one.state} ${one.why ?? ''}`);
    return one.steps.some((other) => other.name === step && other.state === 'running');
  }, { everyMs: 10, timeoutMs: 30_000, describe: () => describeRig(rig) });
}

/** A guest that dirties memory faster than the limit copies it: the migration lasts until it is ended. */
async function slowMigration(name: string, index: number, to: string): Promise<string> {
  await guestControl(rig.lab, index, 'dirty 24 0');
  return begin(`/workloads/${name}/migrate`, { to, bandwidthMiBps: 4 });
}

describe('migration', () => {
  it('moves live without a restart, and records duration, bytes and downtime', async () => {
    await createTicker(rig, 'vm-1', 1, { host: 'host-1' });
    const first = await rig.ticks.waitForTick('vm-1', 0);
    const done = await ended(rig, await begin('/workloads/vm-1/migrate', { to: 'host-2' }));
    expect(done.memo).toMatchObject({ totalMs: expect.any(Number), downtimeMs: expect.any(Number), transferredBytes: expect.any(Number) });
    await rig.ticks.waitForTick('vm-1', Date.now());
    expect(rig.ticks.boots('vm-1')).toEqual([first.boot]);
    expect((await workloadNamed(rig, 'vm-1')).host).toBe('host-2');
  });

  it('cancelled in the middle: it runs on at the source', async () => {
    await createTicker(rig, 'vm-1', 1, { host: 'host-1' });
    const first = await rig.ticks.waitForTick('vm-1', 0);
    const id = await slowMigration('vm-1', 1, 'host-2');
    await waitUntil('progress', async () => (await rig.api().get<{ progress: { percent?: number } | null }>(`/operations/${id}`)).progress?.percent !== undefined, { describe: () => describeRig(rig) });
    await rig.api().post(`/operations/${id}/cancel`);
    await ended(rig, id, 'cancelled');
    expect(await workloadNamed(rig, 'vm-1')).toMatchObject({ state: 'running', host: 'host-1' });
    await rig.ticks.waitForTick('vm-1', Date.now());
    expect(rig.ticks.boots('vm-1')).toEqual([first.boot]);
  });

  it('destination loses power in the middle: it runs on at the source', async () => {
    await createTicker(rig, 'vm-1', 1, { host: 'host-1' });
    const first = await rig.ticks.waitForTick('vm-1', 0);
    const id = await slowMigration('vm-1', 1, 'host-2');
    await untilStep(id, 'transfer');
    await rig.lab.powerCut(rig.lab.host('host-2'));
    await ended(rig, id, 'failed');
    await rig.ticks.waitForTick('vm-1', Date.now());
    expect(rig.ticks.boots('vm-1')).toEqual([first.boot]);
  });

  it('source loses power in the middle: recovered once, after proof', async () => {
    await createTicker(rig, 'vm-1', 1, { host: 'host-1' });
    await rig.ticks.waitForTick('vm-1', 0);
    const id = await slowMigration('vm-1', 1, 'host-2');
    await untilStep(id, 'transfer');
    await rig.lab.powerCut(rig.lab.host('host-1'));
    const goneAt = Date.now();
    await waitUntil('vm-1 elsewhere', async () => {
      const now = await workloadNamed(rig, 'vm-1');
      return now.state === 'running' && now.host !== 'host-1';
    }, { timeoutMs: 90_000, describe: () => describeRig(rig) });
    await rig.ticks.waitForTick('vm-1', goneAt);
    expect(rig.ticks.boots('vm-1', goneAt)).toHaveLength(1);
  });
});

interface Planned {
  readonly moves: readonly { readonly workload: string; readonly from: string; readonly to: string; readonly round: number }[];
  readonly unplaced: readonly { readonly workload: string; readonly why: string }[];
}

describe('drain', () => {
  it('moves five workloads, none restarted; one that cannot move is named with its reason and stays', async () => {
    const names = ['vm-1', 'vm-2', 'vm-3', 'vm-4', 'vm-5'];
    for (const [index, name] of names.entries()) await createTicker(rig, name, index + 1, { host: 'host-1' });
    await rig.api().post('/workloads', { host: 'host-1', spec: { name: 'pinned', vcpus: 1, memoryMiB: 16, machine: 'pc', cpuModel: 'qemu64', disks: [{ pool: 'local', sizeMiB: 1, format: 'raw' }] } });
    await allRunning(rig, [...names, 'pinned']);
    for (const name of names) await rig.ticks.waitForTick(name, 0);
    const plan = await rig.api().get<Planned>('/plans/drain?host=host-1');
    expect(plan.moves.map(({ workload, from }) => `${workload} ${from}`).toSorted()).toEqual(names.map((name) => `${name} host-1`));
    expect(plan.unplaced).toEqual([{ workload: 'pinned', why: expect.stringContaining('pool local') }]);
    const began = Date.now();
    const id = await begin('/hosts/host-1/drain');
    await waitUntil('all that can move to have moved', async () => (await Promise.all(names.map((name) => workloadNamed(rig, name)))).every((one) => one.state === 'running' && one.host !== 'host-1'), { timeoutMs: 90_000, describe: () => describeRig(rig) });
    const { holds } = await rig.api().get<{ holds: readonly { code: string; about: string; why: string }[] }>('/status');
    expect(holds.find((hold) => hold.about === 'pinned')).toMatchObject({ code: 'cannot-move', why: expect.stringContaining('pool local') });
    expect(await workloadNamed(rig, 'pinned')).toMatchObject({ state: 'running', host: 'host-1' });
    for (const name of names) {
      await rig.ticks.waitForTick(name, Date.now());
      expect(rig.ticks.boots(name)).toHaveLength(1);
      process.stdout.write(`drain: ${name} was ${Math.round(rig.ticks.downtimeMs(name, began))} ms without ticks\n`);
    }
    expect((await operation(id)).state).toBe('running');
    await rig.api().post('/hosts/host-1/undrain');
    await ended(rig, id, 'cancelled');
    // The way back, as one plan: live as well.
    expect((await rig.api().get<Planned>('/plans/return?host=host-1')).moves.map(({ workload, to }) => `${workload} ${to}`).toSorted()).toEqual(names.map((name) => `${name} host-1`));
    await ended(rig, await begin('/plans/return?host=host-1'), 'succeeded', 120_000);
    for (const name of names) {
      expect(await workloadNamed(rig, name)).toMatchObject({ state: 'running', host: 'host-1' });
      await rig.ticks.waitForTick(name, Date.now());
      expect(rig.ticks.boots(name)).toHaveLength(1);
    }
    const capacity = await rig.api().get<{ outcomes: readonly { hosts: readonly string[] }[] }>('/cluster/capacity');
    expect(capacity.outcomes.map(({ hosts }) => hosts.join()).toSorted()).toEqual(['host-1', 'host-2', 'host-3']);
  });
});

describe('a host that says that something is wrong with it', () => {
  it('the uplink of its guests is lost: they move away live and are heard again, without a restart', async () => {
    for (const host of rig.lab.hosts) await addGuestNetwork(rig.lab, host);
    for (const host of rig.lab.hosts) await rig.api().post(`/hosts/${host.name}/refresh`);
    await createTicker(rig, 'vm-1', 1, { host: 'host-1', bridge: GUEST_BRIDGE });
    await createTicker(rig, 'vm-2', 2, { host: 'host-1' });
    const first = await rig.ticks.waitForTick('vm-1', 0);
    const seq = await lastSeq(rig);
    await setGuestUplink(rig.lab, rig.lab.host('host-1'), 'down');
    await waitUntil('vm-1 to be elsewhere', async () => {
      const vm = await workloadNamed(rig, 'vm-1');
      return vm.state === 'running' && vm.host !== 'host-1';
    }, { timeoutMs: 60_000, describe: () => describeRig(rig) });
    await rig.ticks.waitForTick('vm-1', Date.now());
    expect(rig.ticks.boots('vm-1')).toEqual([first.boot]);
    // It hangs on another bridge.
    expect((await workloadNamed(rig, 'vm-2')).host).toBe('host-1');
    const told = await eventsAfter(rig, seq);
    expect(told.find((event) => event.type === 'host.unhealthy')?.message).toMatch(/^host-1: br1 leads nowhere: its uplink up1 has no carrier/);
    await setGuestUplink(rig.lab, rig.lab.host('host-1'), 'up');
    await waitUntil('host-1 to be well', async () => (await eventsAfter(rig, seq)).some((event) => event.type === 'host.healthy'), { timeoutMs: 30_000, describe: () => describeRig(rig) });
  });
});

describe('kill -9 of the control plane in the middle of', () => {
  it('a migration: it ends right, once', async () => {
    await createTicker(rig, 'vm-1', 1, { host: 'host-1' });
    const first = await rig.ticks.waitForTick('vm-1', 0);
    await guestControl(rig.lab, 1, 'dirty 16 8');
    const id = await begin('/workloads/vm-1/migrate', { to: 'host-2', bandwidthMiBps: 16 });
    await untilStep(id, 'transfer');
    await rig.control.kill();
    await rig.control.restart();
    const done = await ended(rig, id);
    expect(done.attempts).toBeGreaterThan(1);
    await rig.ticks.waitForTick('vm-1', Date.now());
    expect(rig.ticks.boots('vm-1')).toEqual([first.boot]);
    expect((await workloadNamed(rig, 'vm-1')).host).toBe('host-2');
  });

  it('a drain: it goes on', async () => {
    for (const index of [1, 2, 3]) await createTicker(rig, `vm-${index}`, index, { host: 'host-1' });
    for (const index of [1, 2, 3]) await rig.ticks.waitForTick(`vm-${index}`, 0);
    const id = await begin('/hosts/host-1/drain');
    await waitUntil('a migration under way', async () => (await rig.api().get<{ items: readonly unknown[] }>('/operations?kind=migrate&state=running')).items.length > 0, { everyMs: 10 });
    await rig.control.kill();
    await rig.control.restart();
    await ended(rig, id);
    for (const index of [1, 2, 3]) {
      await rig.ticks.waitForTick(`vm-${index}`, Date.now());
      expect(rig.ticks.boots(`vm-${index}`)).toHaveLength(1);
    }
  });

  it('a fence and a recovery: each workload recovered exactly once', async () => {
    for (const moment of ['host.fencing', 'workload.recovering']) {
      await createTicker(rig, 'vm-1', 1, { host: 'host-2' });
      await rig.ticks.waitForTick('vm-1', 0);
      const seq = await lastSeq(rig);
      await rig.lab.powerCut(rig.lab.host('host-2'));
      const goneAt = Date.now();
      await waitUntil(moment, async () => (await eventsAfter(rig, seq)).some((event) => event.type === moment), { everyMs: 5, describe: () => describeRig(rig) });
      await rig.control.kill();
      await rig.control.restart();
      await waitUntil('vm-1 elsewhere', async () => {
        const now = await workloadNamed(rig, 'vm-1');
        return now.state === 'running' && now.host !== 'host-2';
      }, { timeoutMs: 60_000, describe: () => describeRig(rig) });
      await rig.ticks.waitForTick('vm-1', Date.now());
      expect(rig.ticks.boots('vm-1', goneAt)).toHaveLength(1);
      await expectHealthyEnd(rig);
      await resetRig(rig);
    }
  });
});

describe('membership', () => {
  it('a host is refused removal while workloads are there; drained it goes, reinstalled it comes back', async () => {
    await createTicker(rig, 'vm-1', 1, { host: 'host-3' });
    const first = await rig.ticks.waitForTick('vm-1', 0);
    await expect(rig.api().delete('/hosts/host-3')).rejects.toThrow('still has a workload: vm-1');
    await ended(rig, await begin('/hosts/host-3/drain'));
    const gone = await rig.api().delete<{ operationIds: string[] }>('/hosts/host-3');
    await ended(rig, gone.operationIds[0] ?? '');
    const host = rig.lab.host('host-3');
    expect((await rig.lab.exec(host, ['sh', '-c', 'ls /usr/lib/reeve/agent.cjs /etc/reeve/agent.json; true'])).stdout).toBe('');
    // Reinstalled: another machine id, another host key, nothing of ours on it.
    await rig.lab.exec(host, ['sh', '-c', 'rm -rf /var/lib/reeve /etc/ssh/ssh_host_ed25519_key*; ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key; tr -d - < /proc/sys/kernel/random/uuid > /etc/machine-id; rm -f /etc/ssh/ssh_host_ed25519_key.pub; pkill -HUP -x sshd']);
    const id = await waitUntil('the new key', async () => addHost(rig, host), { timeoutMs: 15_000, everyMs: 500 });
    await ended(rig, id);
    await rig.ticks.waitForTick('vm-1', Date.now());
    expect(rig.ticks.boots('vm-1')).toEqual([first.boot]);
    await waitUntil('host-3 in service', async () => (await hostsOf(rig)).some((one) => one.name === 'host-3' && isInService(one)), { timeoutMs: 30_000, describe: () => describeRig(rig) });
    await ended(rig, await begin('/workloads/vm-1/migrate', { to: 'host-3' }));
  });
});

describe('people with virsh', () => {
  const virsh = (name: string, command: string): Promise<unknown> => rig.lab.ssh(rig.lab.host(name), `virsh -q ${command}`);
  const becomes = (state: string, host?: string): Promise<unknown> => waitUntil(`vm-1 ${state}`, async () => {
    const now = await workloadNamed(rig, 'vm-1');
    return now.state === state && (host === undefined || now.host === host);
  }, { timeoutMs: 20_000, describe: () => describeRig(rig) });

  it('pause, stop, move and undefine by hand are noticed and said', async () => {
    await createTicker(rig, 'vm-1', 1, { host: 'host-1' });
    await rig.ticks.waitForTick('vm-1', 0);
    const seq = await lastSeq(rig);
    await virsh('host-1', 'suspend vm-1');
    await becomes('paused');
    await virsh('host-1', 'resume vm-1');
    await becomes('running');
    await virsh('host-1', 'migrate --live --p2p --persistent --undefinesource vm-1 qemu+ssh://root@10.66.0.12/system');
    await becomes('running', 'host-2');
    // Looks in between, at the one host before and at the other after, are not taken for a loss or a second copy.
    const alarms = (await eventsAfter(rig, seq)).filter((event) => event.type === 'workload.missing' || event.message.includes('duplicate'));
    expect(alarms).toEqual([]);
    await virsh('host-2', 'destroy vm-1');
    await becomes('stopped');
    expect((await workloadNamed(rig, 'vm-1')).why).toContain('by force, by hand');
    await virsh('host-2', 'undefine vm-1');
    await becomes('missing');
    const types = (await eventsAfter(rig, seq)).map((event) => event.type);
    for (const type of ['workload.paused', 'workload.moved-by-hand', 'workload.stopped-by-hand', 'workload.missing']) expect(types).toContain(type);
  });

  it('moved by hand right before its host loses its power: it runs on where it is, and is not started a second time', async () => {
    await createTicker(rig, 'vm-1', 1, { host: 'host-1' });
    const first = await rig.ticks.waitForTick('vm-1', 0);
    const seq = await lastSeq(rig);
    await virsh('host-1', 'migrate --live --p2p --persistent --undefinesource vm-1 qemu+ssh://root@10.66.0.12/system');
    await rig.lab.powerCut(rig.lab.host('host-1'));
    // Fenced; or missed, and left alone where it was seen in time that nothing protected is there any more.
    await waitUntil('host-1 fenced or left alone', async () => {
      const lost = (await hostsOf(rig)).find((one) => one.name === 'host-1');
      const vm = await workloadNamed(rig, 'vm-1');
      return (lost?.state === 'fenced' || lost?.state === 'silent') && vm.state === 'running' && vm.host === 'host-2';
    }, { timeoutMs: 30_000, describe: () => describeRig(rig) });
    await rig.ticks.waitForTick('vm-1', Date.now());
    expect(rig.ticks.boots('vm-1')).toEqual([first.boot]);
    expect((await eventsAfter(rig, seq)).filter((event) => event.type === 'workload.recovering')).toEqual([]);
  });

  it('a crash is restarted, a guest that is killed by the kernel too', async () => {
    await createTicker(rig, 'vm-1', 1, { host: 'host-1' });
    const first = await rig.ticks.waitForTick('vm-1', 0);
    await rig.lab.exec(rig.lab.host('host-1'), ['sh', '-c', 'kill -9 $(cat /run/libvirt/qemu/vm-1.pid)']);
    await rig.ticks.waitForTick('vm-1', Date.now(), { notBoot: first.boot });
    await becomes('running');
  });
});
