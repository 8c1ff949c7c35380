// The trust between the LXD daemons of two hosts under the whole product: shown, renewed under a copy that is under way and before it ends, mended after a daemon was set up anew.
// And what LXD says to a live move of a container without CRIU.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createContainer, killLxd, runningContainers, lxc, startLxd } from '../../lab/containers.js';
import type { LabHost } from '../../lab/lab.js';
import { describe as describeRig, ended, eventsAfter, lastSeq, workloadNamed, type RigOperation } from '../../lab/rig.js';
import { whyNoContainers } from '../../lab/setup.js';
import { waitUntil } from '../../lab/wait-until.js';
import type { DaemonTrust } from '../../src/hosts/host-facts.js';
import { type E2eRig, endHealthy, startE2eRig } from './e2e-rig.js';

const canHave = whyNoContainers() === null;
let rig: E2eRig;
beforeAll(async () => {
  if (canHave) rig = await startE2eRig('lv0', 2);
});
afterAll(async () => {
  await rig?.close();
});
afterEach(() => endHealthy(rig));

const CONF = '/root/.config/lxc';
const host = (name: string): LabHost => rig.lab.host(name);
const begin = async (path: string, body: unknown = {}): Promise<string> => String((await rig.api().post<{ operationIds: string[] }>(path, body)).operationIds[0]);
const sh = async (name: string, script: string): Promise<string> => (await rig.lab.exec(host(name), ['sh', '-ec', script], { timeoutMs: 60_000 })).stdout.trim();
const ask = async (name: string, ...words: readonly string[]): Promise<string> => (await lxc(rig.lab, host(name), words)).stdout.trim();
const shownBy = (name: string): Promise<string> => sh(name, `openssl x509 -in ${CONF}/client.crt -outform der | sha256sum | cut -d' ' -f1`);
const letInBy = async (name: string): Promise<readonly string[]> => (JSON.parse(await ask(name, 'query', '/1.0/certificates?recursion=1')) as { name: string; fingerprint: string }[]).map((one) => `${one.name} ${one.fingerprint}`);
const problems = async (): Promise<readonly { code: string; about: string; evidence: string; remedy: string | null }[]> => (await rig.api().get<{ problems: { code: string; about: string; evidence: string; remedy: string | null }[] }>('/status')).problems;
const trustOf = async (name: string): Promise<DaemonTrust | undefined> => (await rig.api().get<{ facts: { containerDaemons: { trust?: DaemonTrust }[] } }>(`/hosts/${name}`)).facts.containerDaemons[0]?.trust;
/** The daemon of one host is reached with the certificate that the client of the other shows. */
const reaches = (from: string, to: string): Promise<string> => sh(from, `HOME=/root lxc query reeve-${to}:/1.0 | grep '"auth"'`);

async function adopted(name: string, index: number, on: string): Promise<void> {
  await createContainer(rig.lab, host(on), { name, index, memoryMiB: 64, config: ['limits.cpu=1'] });
  await rig.ticks.waitForTick(name, 0);
  await waitUntil(`${name} to be adopted`, () => rig.api().post('/workloads/adopt', { host: on, name, isProtected: true }).then(() => true, () => false), { describe: () => describeRig(rig) });
  await waitUntil(`${name} under the lease of ${on}`, async () => (await rig.api().get<{ leasedOn: string | null }>(`/workloads/${name}`)).leasedOn !== null, { describe: () => describeRig(rig) });
}

describe.skipIf(!canHave)('the trust between daemons', () => {
  it('is shown as it is', async () => {
    for (const [one, other] of [['host-1', 'host-2'], ['host-2', 'host-1']] as const) {
      await rig.api().post(`/hosts/${one}/refresh`);
      const trust = await trustOf(one);
      expect(trust).toMatchObject({ client: { fingerprint: await shownBy(one) }, server: { fingerprint: await sh(one, 'openssl x509 -in /var/lib/lxd/server.crt -outform der | sha256sum | cut -d" " -f1') }, remotes: [{ host: other }] });
      expect(await letInBy(other)).toContain(`reeve-${one} ${trust?.client?.fingerprint ?? ''}`);
      expect((trust?.client?.expiresAtMs ?? 0) - Date.now()).toBeGreaterThan(3_000 * 24 * 3_600_000);
    }
    expect((await problems()).filter(({ code }) => /^(certificate|trust)-/.test(code))).toEqual([]);
  });

  it('is renewed while a container is moved, which notices nothing; the old certificate stays let in for it, and goes with the next renewal', async () => {
    await adopted('ct-1', 11, 'host-1');
    // So slow that the copy outlasts the renewal.
    await ask('host-1', 'storage', 'set', 'default', 'rsync.bwlimit', '8MB');
    await sh('host-1', 'head -c 100000000 /dev/urandom > /var/lib/lxd/storage-pools/default/containers/ct-1/rootfs/var/large');
    const old = await shownBy('host-1');
    const id = await begin('/workloads/ct-1/relocate', { to: 'host-2' });
    await waitUntil('the copying', async () => (await sh('host-1', 'ps -C lxc -o args= | grep -c " copy " || true')) !== '0', { everyMs: 50, describe: () => describeRig(rig) });
    const renewal = await ended(rig, await begin('/hosts/host-1/renew-trust', { force: true }));
    expect((await rig.api().get<RigOperation>(`/operations/${id}`)).state).toBe('running');
    const fresh = await shownBy('host-1');
    expect(fresh).not.toBe(old);
    expect(renewal.steps.at(-1)?.note).toContain('goes on with the old one, which stays let in');
    expect(await letInBy('host-2')).toEqual(expect.arrayContaining([`reeve-host-1 ${old}`, `reeve-host-1 ${fresh}`]));
    await ask('host-1', 'storage', 'unset', 'default', 'rsync.bwlimit');
    await ended(rig, id);
    expect(await workloadNamed(rig, 'ct-1')).toMatchObject({ state: 'running', host: 'host-2' });
    await ended(rig, await begin('/hosts/host-1/renew-trust', { force: true }));
    expect((await letInBy('host-2')).filter((one) => one.startsWith('reeve-host-1 '))).toEqual([`reeve-host-1 ${await shownBy('host-1')}`]);
    expect([await reaches('host-1', 'host-2'), await reaches('host-2', 'host-1')]).toEqual([expect.stringContaining('trusted'), expect.stringContaining('trusted')]);
    // The successor of a successor goes the other way too.
    await ended(rig, await begin('/workloads/ct-1/relocate', { to: 'host-1' }));
  });

  it('is renewed by itself before a certificate ends, after that was told', async () => {
    const seq = await lastSeq(rig);
    await sh('host-2', `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:secp384r1 -nodes -days 10 -subj /CN=soon -keyout /tmp/soon.key -out /tmp/soon.crt 2>/dev/null`);
    const pem = await sh('host-2', 'cat /tmp/soon.crt');
    await rig.lab.exec(host('host-1'), ['sh', '-c', 'cat > /tmp/soon.crt'], { input: `${pem}\n` });
    await ask('host-1', 'config', 'trust', 'add', '/tmp/soon.crt', '--name', 'reeve-host-2');
    await sh('host-2', `mv /tmp/soon.key ${CONF}/client.key; mv /tmp/soon.crt ${CONF}/client.crt`);
    expect(await reaches('host-2', 'host-1')).toContain('trusted');
    const soon = await shownBy('host-2');
    await rig.api().post('/hosts/host-1/refresh');
    await rig.api().post('/hosts/host-2/refresh');
    await waitUntil('the renewal', async () => (await eventsAfter(rig, seq)).some(({ type }) => type === 'host.trust-renewed'), { timeoutMs: 60_000, describe: () => describeRig(rig) });
    const told = (await eventsAfter(rig, seq)).filter(({ type }) => /^host\.(certificate|trust)-/.test(type)).map(({ type, message }) => `${type}: ${message}`);
    expect(told).toEqual([expect.stringMatching(/^host\.certificate-expires: host-2: .* ends on .*reeve host renew-trust host-2/), expect.stringMatching(/^host\.certificate-renewed/), expect.stringMatching(/^host\.trust-renewed/)]);
    expect(await letInBy('host-1')).not.toContain(`reeve-host-2 ${soon}`);
    expect([await reaches('host-2', 'host-1'), (await problems()).filter(({ code }) => /^(certificate|trust)-/.test(code))]).toEqual([expect.stringContaining('trusted'), []]);
  });

  it('is told to be broken after a daemon got another certificate, by which hosts, and mended by one command', async () => {
    await sh('host-2', 'rm /var/lib/lxd/server.crt /var/lib/lxd/server.key');
    await killLxd(rig.lab, host('host-2'));
    await startLxd(rig.lab, host('host-2'));
    await rig.lab.waitLxd([host('host-2')]);
    await expect(reaches('host-1', 'host-2')).rejects.toThrow('x509');
    // As each minute does: of what was read before the last renewal nothing is concluded.
    for (const name of ['host-1', 'host-2']) await rig.api().post(`/hosts/${name}/refresh`);
    const broken = (await problems()).filter(({ code }) => code === 'trust-broken');
    expect(broken).toEqual([expect.objectContaining({ about: 'host-1', remedy: 'reeve host renew-trust host-1', evidence: expect.stringMatching(/^host-1 expects the certificate [0-9a-f]{12} of LXD on host-2, which has [0-9a-f]{12} now/) as string })]);
    // Either host will do: both ways are looked at.
    await ended(rig, await begin('/hosts/host-2/renew-trust'));
    expect(await reaches('host-1', 'host-2')).toContain('trusted');
    for (const name of ['host-1', 'host-2']) await rig.api().post(`/hosts/${name}/refresh`);
    expect((await problems()).filter(({ code }) => code === 'trust-broken')).toEqual([]);
  });

  it('LXD refuses to move a running container live without CRIU, and with one that fails: the container runs on, and nowhere else', async () => {
    await adopted('ct-1', 11, 'host-1');
    const { boot } = await rig.ticks.waitForTick('ct-1', 0);
    const live = () => rig.api().post('/workloads/ct-1/migrate', { to: 'host-2' });
    await expect(live()).rejects.toThrow(/its owner has not asked for moves while it runs; nor could it, as CRIU is not found on host-1/);
    await rig.api().put('/workloads/ct-1/policies', { movesLiveByCriu: true });
    await expect(live()).rejects.toThrow(/CRIU is not found on host-1 \(`/);
    // Found when the host was looked at, and gone when it is wanted.
    const criu = '/usr/local/bin/criu';
    for (const name of ['host-1', 'host-2']) await sh(name, `printf '#!/bin/sh\\necho "$0: no such thing here" >&2\\nexit 1\\n' > ${criu}; chmod 755 ${criu}`);
    for (const name of ['host-1', 'host-2']) await rig.api().post(`/hosts/${name}/refresh`);
    for (const name of ['host-1', 'host-2']) await sh(name, `mv ${criu} ${criu}.away`);
    const without = await ended(rig, await begin('/workloads/ct-1/migrate', { to: 'host-2' }), 'failed');
    expect(without.why).toContain("Unable to perform container live migration. CRIU isn't installed on the destination server; ct-1 runs on at host-1; nothing of it is on host-2");
    for (const name of ['host-1', 'host-2']) await sh(name, `mv ${criu}.away ${criu}`);
    const failing = await ended(rig, await begin('/workloads/ct-1/migrate', { to: 'host-2' }), 'failed');
    process.stdout.write(`with a CRIU that fails: ${String(failing.why)}\n`);
    expect(failing.why).toContain('ct-1 runs on at host-1');
    for (const name of ['host-1', 'host-2']) await sh(name, `rm ${criu}`);
    expect((await rig.ticks.waitForTick('ct-1', Date.now())).boot).toBe(boot);
    expect([await workloadNamed(rig, 'ct-1'), await runningContainers(rig.lab, host('host-2'))]).toMatchObject([{ state: 'running', host: 'host-1' }, []]);
    // What it does not do live, it does as ever.
    await ended(rig, await begin('/workloads/ct-1/relocate', { to: 'host-2' }));
  });
});
