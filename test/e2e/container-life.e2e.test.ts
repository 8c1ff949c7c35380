// From the making of a container to its end, on real LXD daemons under the whole product; and what people do with lxc past Reeve.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createContainer, listContainers, lxc } from '../../lab/containers.js';
import type { LabHost } from '../../lab/lab.js';
import { describe as describeRig, ended } from '../../lab/rig.js';
import { whyNoContainers } from '../../lab/setup.js';
import { waitUntil } from '../../lab/wait-until.js';
import { expectHealthyEnd, resetRig, startE2eRig, type E2eRig } from './e2e-rig.js';

const canHave = whyNoContainers() === null;
let rig: E2eRig;
beforeAll(async () => {
  if (canHave) rig = await startE2eRig('rf0', 3);
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
