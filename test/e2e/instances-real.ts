// The driver for LXD and Incus against the suites of its ports, with the real daemons of two lab hosts; and what only they can show.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { killLxd, startLxd } from '../../lab/containers.js';
import { DAEMON_FILES } from '../../lab/daemons.js';
import { waitUntil } from '../../lab/wait-until.js';
import { composeHypervisor } from '../../src/hosts/drivers/compose-hypervisor.js';
import { DIALECTS, type InstanceDriver } from '../../src/hosts/drivers/lxd/dialect.js';
import type { InstanceCopies } from '../../src/hosts/hypervisor.js';
import { systemClock } from '../../src/shared/system/system-clock.js';
import { admit, agentConfig, Epochs, newGuest, seen, type Guest } from '../conformance/rig.js';
import { hypervisorConformance } from '../conformance/hypervisor.conformance.js';
import { instanceCopiesConformance } from '../conformance/instance-copies.conformance.js';
import { blockPoolsConformance } from '../conformance/block-pools.conformance.js';
import { INSTANCES_LACK, instanceRig, poolsRig, type InstanceRig } from './instance-rig.js';
import type { RealHost } from './real-rig.js';

export interface Subject {
  readonly driver: InstanceDriver;
  readonly version: RegExp;
  /** A lab of its own name for each suite. */
  readonly labs: { readonly copies: string; readonly pools: string; readonly hypervisor: string; readonly trouble: string };
}

export function realInstances({ driver, version, labs }: Subject): void {
  const { title } = DIALECTS[driver];
  instanceCopiesConformance(title, () => instanceRig(labs.copies, driver));
  blockPoolsConformance(title, () => poolsRig(labs.pools, driver));
  hypervisorConformance(title, () => instanceRig(labs.hypervisor, driver), INSTANCES_LACK);

  describe(`${title} as people and trouble leave it`, () => {
    let rig: InstanceRig;
    let one: RealHost;
    let two: RealHost;
    const epochs = new Epochs();
    const token = (host: RealHost, guest: Guest): ReturnType<Epochs['token']> => epochs.token(host, guest);
    const copies = (host: RealHost): InstanceCopies => host.hypervisor.copies!;
    const replica = async (host: RealHost, guest: Guest, kind = 'replica') => (await copies(host).replicas(guest.uuid)).find((each) => each.kind === kind);
    const ended = (host: RealHost, id: string): Promise<{ readonly exitCode: number; readonly output: string }> =>
      waitUntil(`end of ${id}`, async () => {
        const state = await copies(host).copyCommand(id);
        return state.kind === 'ended' ? state : null;
      }, { timeoutMs: 60_000 });
    const startCopy = (guest: Guest, id: string): Promise<void> => copies(one).startCopy(token(one, guest), { id, uuid: guest.uuid, destination: { name: two.name }, keepsNewest: true, bandwidthMiBps: null });
    const copied = async (guest: Guest, id = `copy-${guest.name}`): Promise<void> => {
      await startCopy(guest, id);
      expect(await ended(one, id)).toMatchObject({ exitCode: 0, output: '' });
    };
    const created = async (): Promise<Guest> => {
      const guest = newGuest();
      await rig.create(one, guest);
      return guest;
    };
    const started = async (): Promise<Guest> => {
      const guest = await created();
      await one.hypervisor.start(token(one, guest), guest.uuid);
      return guest;
    };

    beforeAll(async () => {
      rig = await instanceRig(labs.trouble, driver);
      [one, two] = rig.hosts;
      for (const host of rig.hosts) {
        await host.agent.install(agentConfig(host));
        await admit(host, epochs);
      }
    });
    afterAll(() => rig?.close());

    it('says that a daemon is away, keeps it among the facts, and finds what ran on when it is back', async () => {
      const guest = await started();
      const before = await one.hypervisor.facts();
      expect(before.containerDaemons).toMatchObject([{ driver, version: expect.stringMatching(version) as string, address: `${one.address}:${DAEMON_FILES[driver].port}`, pools: [{ name: 'default', driver: 'dir' }], profiles: ['default'] }]);
      await killLxd(rig.lab, one.lab, driver);
      await expect(one.hypervisor.inventory()).rejects.toMatchObject({ code: 'unreachable', remedy: expect.stringContaining('systemctl status') as string });
      await expect(one.hypervisor.kill(token(one, guest), guest.uuid)).rejects.toMatchObject({ code: 'unreachable' });
      expect((await one.hypervisor.facts()).containerDaemons).toEqual(before.containerDaemons);
      await startLxd(rig.lab, one.lab, driver);
      expect(await one.hypervisor.observe(guest.uuid)).toMatchObject({ runState: 'running' });
      await one.hypervisor.kill(token(one, guest), guest.uuid);
    });

    it('gives up a daemon that hangs, and keeps it among the facts; there is no other', async () => {
      const before = (await two.hypervisor.facts()).containerDaemons;
      expect(before.map(({ driver }) => driver)).toEqual([driver]);
      const signal = (name: string): Promise<unknown> => rig.lab.exec(two.lab, ['sh', '-c', `kill -${name} $(cat /run/lab-${driver}.pid)`]);
      await signal('STOP');
      // Beside it libvirt is heard as ever.
      const both = composeHypervisor({ ssh: two.ssh, clock: systemClock, known: before });
      expect(await both.inventory()).toEqual({ workloads: [], mute: [{ driver, why: expect.any(String) }] });
      await expect(two.hypervisor.inventory()).rejects.toMatchObject({ code: 'timeout', remedy: expect.stringContaining('systemctl status') as string });
      expect((await two.hypervisor.facts()).containerDaemons).toEqual(before);
      await signal('CONT');
      expect(await two.hypervisor.inventory()).toEqual({ workloads: [], mute: [] });
    });

    it('shows what is paused, resumes it, and ends what does not answer its wish to shut down', async () => {
      const guest = await started();
      await rig.lxc(one, 'pause', guest.name);
      expect(await one.hypervisor.observe(guest.uuid)).toMatchObject({ runState: 'paused', reason: 'frozen' });
      await one.hypervisor.resume(token(one, guest), guest.uuid);
      expect(seen(await one.hypervisor.observe(guest.uuid))).toBe('running');
      const pid = /^\s*"pid": (\d+)/m.exec(await rig.lxc(one, 'query', `/1.0/instances/${guest.name}/state`))?.[1] ?? '';
      await rig.lab.exec(one.lab, ['kill', '-STOP', pid]);
      await one.hypervisor.requestShutdown(token(one, guest), guest.uuid);
      expect(seen(await one.hypervisor.observe(guest.uuid))).toBe('running');
      await one.hypervisor.kill(token(one, guest), guest.uuid);
      expect(seen(await one.hypervisor.observe(guest.uuid))).toBe('stopped');
    });

    it('shuts down what answers', async () => {
      const guest = await started();
      await one.hypervisor.requestShutdown(token(one, guest), guest.uuid);
      // The daemon writes down a moment after the end that there was one.
      await waitUntil('the end', async () => (await one.hypervisor.observe(guest.uuid))?.reason === 'ended');
      expect(seen(await one.hypervisor.observe(guest.uuid))).toBe('stopped');
    });

    it('does not start a workload over which a person copies', async () => {
      const guest = await created();
      await copied(guest);
      await two.hypervisor.define(token(two, guest), await one.hypervisor.definition(guest.uuid));
      await rig.fill(one, guest);
      const byHand = rig.lxc(one, 'copy', '-q', guest.name, `reeve-${two.name}:${guest.name}`, '--refresh', '--mode', 'push');
      await waitUntil('the copy by hand', async () => (await rig.lxc(two, 'query', '/1.0/operations')).includes('"running"'));
      await expect(two.hypervisor.start(token(two, guest), guest.uuid)).rejects.toMatchObject({ code: 'busy', message: expect.stringContaining('being copied') as string });
      await byHand;
      expect(seen(await two.hypervisor.observe(guest.uuid))).toBe('stopped');
      await two.hypervisor.start(token(two, guest), guest.uuid);
      await two.hypervisor.kill(token(two, guest), guest.uuid);
    });

    it('starts beside its spare what has an address of a person\'s choice, with that address; so has the next copy', async () => {
      const guest = await created();
      const mac = '10:66:6a:00:00:77';
      const has = async (host: RealHost, name: string): Promise<string> => rig.lxc(host, 'config', 'device', 'get', name, 'eth0', 'hwaddr').catch(() => '');
      await rig.lxc(one, 'config', 'device', 'override', guest.name, 'eth0', `hwaddr=${mac}`);
      for (const id of ['a', 'b', 'c']) {
        await copied(guest, `${id}-${guest.name}`);
        await copies(two).settle(token(two, guest), guest.uuid, guest.name);
      }
      const spare = (await replica(two, guest, 'spare'))?.name ?? '';
      expect([await has(two, guest.name), await has(two, spare)]).toEqual([mac, mac]);
      await two.hypervisor.define(token(two, guest), await one.hypervisor.definition(guest.uuid));
      await two.hypervisor.start(token(two, guest), guest.uuid);
      expect([seen(await two.hypervisor.observe(guest.uuid)), await has(two, guest.name)]).toEqual(['running', mac]);
      await two.hypervisor.kill(token(two, guest), guest.uuid);
      await two.hypervisor.undefine(token(two, guest), guest.uuid);
      await copies(two).prepare(token(two, guest), guest.uuid, true);
      await copied(guest, `again-${guest.name}`);
      await copies(two).settle(token(two, guest), guest.uuid, guest.name);
      expect(await has(two, guest.name)).toBe(mac);
    });

    it('shows a replica that a person has started, and takes nothing from it', async () => {
      const guest = await created();
      await copied(guest);
      await rig.lxc(two, 'start', guest.name);
      expect(await two.hypervisor.observe(guest.uuid)).toMatchObject({ runState: 'running' });
      await expect(copies(two).deleteReplica(token(two, guest), guest.uuid)).rejects.toMatchObject({ code: 'failed' });
      await startCopy(guest, `over-${guest.name}`);
      expect(await ended(one, `over-${guest.name}`)).toMatchObject({ exitCode: 92, output: expect.stringContaining('runs') as string });
      await two.hypervisor.kill(token(two, guest), guest.uuid);
      expect(await two.hypervisor.observe(guest.uuid)).toBeNull();
    });

    it('gives back, on another host, what a person had set about starting at boot', async () => {
      for (const set of ['true', 'false', '']) {
        const guest = await created();
        if (set !== '') await rig.lxc(one, 'config', 'set', guest.name, `boot.autostart=${set}`);
        if (set !== 'false') await one.hypervisor.setAutostart(token(one, guest), guest.uuid, false);
        await copied(guest);
        await two.hypervisor.define(token(two, guest), await one.hypervisor.definition(guest.uuid));
        await two.hypervisor.setAutostart(token(two, guest), guest.uuid, false);
        expect(await rig.lxc(two, 'config', 'get', guest.name, 'boot.autostart')).toBe('false');
        await two.hypervisor.setAutostart(token(two, guest), guest.uuid, true);
        expect(await rig.lxc(two, 'config', 'get', guest.name, 'boot.autostart')).toBe(set);
      }
    });

    it('copies, defines and starts in the project in which it is', async () => {
      for (const host of rig.hosts) await rig.lxc(host, 'project', 'create', 'other', '-c', 'features.images=false', '-c', 'features.profiles=false');
      const guest = newGuest();
      await rig.lxc(one, 'init', '-q', '--project', 'other', 'reeve-guest', guest.name, '-c', `volatile.uuid=${guest.uuid}`);
      const definition = await one.hypervisor.definition(guest.uuid);
      expect(await two.hypervisor.compatibility(definition)).toEqual([]);
      await copied(guest);
      await two.hypervisor.define(token(two, guest), definition);
      await two.hypervisor.start(token(two, guest), guest.uuid);
      expect(await two.hypervisor.observe(guest.uuid)).toMatchObject({ runState: 'running' });
      expect(await rig.lxc(two, 'query', '/1.0/instances?project=other')).toContain(guest.name);
      await two.hypervisor.kill(token(two, guest), guest.uuid);
      await one.hypervisor.undefine(token(one, guest), guest.uuid);
      await copies(one).deleteReplica(token(one, guest), guest.uuid);
      expect(await replica(one, guest)).toBeUndefined();
    });

    it('keeps by what cloud-init knows it, through each change of names', async () => {
      const guest = await created();
      const cloudId = (host: RealHost): Promise<string> => rig.lxc(host, 'config', 'get', guest.name, 'volatile.cloud-init.instance-id');
      for (const id of ['a', 'b', 'c']) {
        await copied(guest, `${id}-${guest.name}`);
        await copies(two).settle(token(two, guest), guest.uuid, guest.name);
      }
      expect(await replica(two, guest, 'spare')).toBeDefined();
      expect([await cloudId(one), await cloudId(two)]).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/) as string, await cloudId(one)]);
    });

    it('copies what is written to and deleted from while it runs', async () => {
      const guest = await started();
      await rig.lxc(one, 'exec', guest.name, '--', 'sh', '-c', 'mkdir /churn; (while :; do echo now > /churn/$RANDOM; usleep 20000; rm -f /churn/*; usleep 20000; done) > /dev/null 2>&1 < /dev/null &');
      for (const id of ['a', 'b', 'c']) await copied(guest, `${id}-${guest.name}`);
      expect(await replica(two, guest)).toMatchObject({ asOfMs: expect.any(Number) as number });
      await one.hypervisor.kill(token(one, guest), guest.uuid);
    });

    it('ends a copy whose destination has lost its power, and starts nothing by itself when that is back', async () => {
      const guest = await started();
      await copied(guest);
      await rig.fill(one, guest);
      const id = `cut-${guest.name}`;
      await startCopy(guest, id);
      const before = (await replica(two, guest))?.asOfMs;
      await waitUntil('the copying', async () => (await replica(two, guest, 'spare')) !== undefined);
      await rig.lab.powerCut(two.lab);
      await copies(one).abortCopy(token(one, guest), id);
      expect((await ended(one, id)).exitCode).not.toBe(0);
      expect(await one.hypervisor.observe(guest.uuid)).toMatchObject({ runState: 'running' });
      await rig.lab.powerOn(two.lab);
      await rig.lab.waitUp([two.lab]);
      await rig.lab.waitDaemons([two.lab]);
      expect(await two.hypervisor.observe(guest.uuid)).toBeNull();
      expect([before !== undefined, (await replica(two, guest))?.asOfMs, (await replica(two, guest, 'spare'))?.asOfMs ?? null]).toEqual([true, before, null]);
      await admit(two, epochs);
      // The daemon lists what its host had of it when it went down, and can do nothing with it: it is taken away first.
      await copies(two).prepare(token(two, guest), guest.uuid, true);
      await copied(guest, `again-${guest.name}`);
      await copies(two).settle(token(two, guest), guest.uuid, guest.name);
      expect((await replica(two, guest))?.asOfMs).toBeGreaterThan(before ?? Infinity);
    });

    it('does not let a host start at boot what Reeve has under its care, and says that it does not know how that ended', async () => {
      const guest = await started();
      await one.hypervisor.setAutostart(token(one, guest), guest.uuid, false);
      await rig.powerCycle(one);
      await rig.lab.waitDaemons([one.lab]);
      expect(await one.hypervisor.observe(guest.uuid)).toMatchObject({ runState: 'stopped', reason: 'unknown', autostart: false });
    });
  });
}
