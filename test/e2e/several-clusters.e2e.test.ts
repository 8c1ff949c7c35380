// Two clusters of two hosts under one control plane, on real hosts: what happens to one is nothing to the other.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiClient } from '../../lab/client.js';
import { startControlPlane, type ControlPlane } from '../../lab/control-plane.js';
import { Lab } from '../../lab/lab.js';
import { addHost, allRunning, describe as describeRig, enrolAll, eventsAfter, hostsOf, lastSeq, workloadNamed, type Rig } from '../../lab/rig.js';
import { createTicker } from '../../lab/story.js';
import { REPO_ROOT, startTicks } from '../../lab/ticks.js';
import { waitUntil } from '../../lab/wait-until.js';
import { expectHealthyEnd, type E2eRig } from './e2e-rig.js';

/** The control plane's own addresses in the lab; each cluster has a port of its own there. */
const listen = (port: number): unknown => ['10.66.0.254', '10.66.1.254'].map((address) => ({ address, port }));

function below(api: ApiClient, cluster: string): ApiClient {
  const at = (path: string): string => `/clusters/${cluster}${path}`;
  return { get: (path) => api.get(at(path)), post: (path, body) => api.post(at(path), body), delete: (path) => api.delete(at(path)), patch: (path, body) => api.patch(at(path), body), put: (path, body) => api.put(at(path), body) };
}

let control: ControlPlane;
let north: E2eRig;
let south: E2eRig;

beforeAll(async () => {
  const lab = await Lab.start({ name: 'rsc0', hosts: 4 });
  try {
    control = await startControlPlane(lab, { repoRoot: REPO_ROOT, fresh: true, config: { clusterName: 'north', clusters: { south: { witness: { listen: listen(7482) } } } } });
    const ticks = await startTicks(lab.ctlNetns, REPO_ROOT);
    const close = async (): Promise<void> => {
      await ticks.close();
      await control.stop();
      await lab.down();
    };
    north = { lab, control, ticks, close, api: () => control.api() };
    south = { lab, control, ticks, close, api: () => below(control.api(), 'south') };
    await enrolAll(north, lab.hosts.slice(0, 2));
    await enrolAll(south, lab.hosts.slice(2));
    await createTicker(north, 'vm-n', 1, { host: 'host-1' });
    await createTicker(south, 'vm-s', 2, { host: 'host-3' });
    for (const name of ['vm-n', 'vm-s']) await ticks.waitForTick(name, 0);
  } catch (error) {
    await lab.down();
    throw error;
  }
});
afterAll(async () => {
  await north?.close();
});

const recoveredOn = (rig: Rig, name: string, host: string): Promise<unknown> => waitUntil(`${name} on ${host}`, async () => {
  const now = await workloadNamed(rig, name);
  return now.state === 'running' && now.host === host;
}, { timeoutMs: 60_000, describe: () => describeRig(rig) });

describe('two clusters', () => {
  it('each knows its own hosts and workloads, and a host belongs to one of them', async () => {
    const { items } = await control.api().get<{ items: readonly { name: string; hosts: number; workloads: number; quorum: boolean }[] }>('/clusters');
    expect(items).toMatchObject([{ name: 'north', hosts: 2, workloads: 1, quorum: true }, { name: 'south', hosts: 2, workloads: 1, quorum: true }]);
    expect((await hostsOf(north)).map((host) => host.name)).toEqual(['host-1', 'host-2']);
    expect((await hostsOf(south)).map((host) => host.name)).toEqual(['host-3', 'host-4']);
    await expect(addHost(north, north.lab.host('host-3'), { name: 'stolen' })).rejects.toThrow(/south/);
    await expect(north.api().get('/workloads/vm-s')).rejects.toThrow(/vm-s/);
  });

  it('a host of one is lost: recovered there, and the other hears nothing of it', async () => {
    const [atNorth, first] = [await lastSeq(north), await north.ticks.waitForTick('vm-n', 0)];
    await south.lab.powerCut(south.lab.host('host-3'));
    await recoveredOn(south, 'vm-s', 'host-4');
    await south.ticks.waitForTick('vm-s', Date.now());
    // A machine with its processors full says that of itself.
    expect((await eventsAfter(north, atNorth)).filter(({ message }) => !message.includes('own-stall'))).toEqual([]);
    expect(north.ticks.boots('vm-n')).toEqual([first.boot]);
    await south.lab.powerOn(south.lab.host('host-3'));
    await waitUntil('host-3 back', async () => (await hostsOf(south)).every((host) => host.state === 'online'), { timeoutMs: 60_000, describe: () => describeRig(south) });
  });

  it('all hosts of one fall silent, which leaves it without quorum and holds everything there; the other recovers meanwhile', async () => {
    const atSouth = await lastSeq(south);
    await south.lab.hang(south.lab.host('host-3'));
    await south.lab.hang(south.lab.host('host-4'));
    await waitUntil('the brake of south', async () => (await eventsAfter(south, atSouth)).some((event) => event.type === 'hold' && /no-quorum/.test(event.message)), { timeoutMs: 20_000, describe: () => describeRig(south) });
    await north.lab.powerCut(north.lab.host('host-1'));
    await recoveredOn(north, 'vm-n', 'host-2');
    await north.ticks.waitForTick('vm-n', Date.now());
    const told = (await eventsAfter(north, 0)).filter((event) => event.type === 'workload.recovered');
    expect(told).toHaveLength(1);
    // Their watchdogs have reset them by now: hosts that hang hold no lease.
    for (const name of ['host-3', 'host-4']) await south.lab.unhang(south.lab.host(name));
    expect((await eventsAfter(south, atSouth)).filter((event) => event.type === 'host.fencing')).toEqual([]);
    await north.lab.powerOn(north.lab.host('host-1'));
    await waitUntil('all back', async () => [...(await hostsOf(north)), ...(await hostsOf(south))].every((host) => host.state === 'online'), { timeoutMs: 90_000, describe: async () => `${await describeRig(north)}\n${await describeRig(south)}` });
    await allRunning(south, ['vm-s']);
    await expectHealthyEnd(north);
    await expectHealthyEnd(south);
  });
});
