// What every HostAgent must do, real or simulated: the look at the processes, the agent's life, and the guard over power cycles.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admit, agentConfig, Epochs, newGuest, seen, type ConformanceRig, type RigHost } from './rig.js';

export function hostAgentConformance(title: string, start: () => Promise<ConformanceRig>): void {
  describe(`HostAgent: ${title}`, () => {
    let rig: ConformanceRig;
    let host: RigHost;
    const epochs = new Epochs();

    beforeAll(async () => {
      rig = await start();
      host = rig.hosts[0];
    });
    afterAll(() => rig?.close());

    it('refuses every command before the guard is there, and before the first admission', async () => {
      const guest = newGuest();
      const define = (): Promise<void> => host.hypervisor.define(epochs.token(host, guest), rig.definition(guest));
      await expect(define()).rejects.toMatchObject({ code: 'guard-refused' });
      await expect(host.agent.guardState()).rejects.toMatchObject({ code: 'guard-refused' });
      expect(await host.agent.probe(8_000)).toMatchObject({ agentAlive: false, runningUuids: [] });
      await host.agent.install(agentConfig(host));
      expect(await host.agent.guardState()).toEqual({ admittedBootId: null, hostEpoch: 0, leaderEpoch: 0 });
      await expect(define()).rejects.toMatchObject({ code: 'guard-refused' });
      expect(await host.hypervisor.observe(guest.uuid)).toBeNull();
    });

    it('runs the agent after installing, also twice, and keeps it over a new configuration', async () => {
      for (let times = 0; times < 2; times += 1) await host.agent.install(agentConfig(host));
      expect(await host.agent.probe(8_000)).toMatchObject({ agentAlive: true });
      await host.agent.configure({ ...agentConfig(host), heartbeatMs: 700 });
      expect(await host.agent.probe(8_000)).toMatchObject({ agentAlive: true });
    });

    it('admits the present boot only', async () => {
      const { bootId } = await host.agent.probe(8_000);
      await expect(host.agent.admit(epochs.token(host), 'another-boot')).rejects.toMatchObject({ code: 'guard-refused' });
      for (let times = 0; times < 2; times += 1) await host.agent.admit(epochs.token(host), bootId);
      expect(await host.agent.guardState()).toEqual({ admittedBootId: bootId, hostEpoch: epochs.hostEpoch(host), leaderEpoch: epochs.leader });
      await expect(host.agent.admit({ ...epochs.token(host), leaderEpoch: epochs.leader - 1 }, bootId)).rejects.toMatchObject({ code: 'guard-refused' });
    });

    it('lists what runs, as the kernel shows it', async () => {
      await admit(host, epochs);
      const guest = newGuest();
      await host.hypervisor.define(epochs.token(host, guest), rig.definition(guest));
      await host.hypervisor.start(epochs.token(host, guest), guest.uuid);
      expect((await host.agent.probe(8_000)).runningUuids).toEqual([guest.uuid]);
      await host.hypervisor.kill(epochs.token(host, guest), guest.uuid);
      expect((await host.agent.probe(8_000)).runningUuids).toEqual([]);
    });

    it('says what is wrong with it, for as long as it is', async () => {
      expect(await host.agent.health()).toEqual({ deadBridges: [], failing: [] });
      await rig.cutUplink(host, true);
      await rig.reportFailing(host, '3 sectors are pending');
      const { deadBridges, failing } = await host.agent.health();
      expect(deadBridges).toEqual([{ bridge: expect.stringMatching(/^br/), why: expect.stringMatching(/has no carrier/) }]);
      expect(failing).toEqual([expect.stringMatching(/^smart-sda: 3 sectors|uncorrectable errors/)]);
      await rig.cutUplink(host, false);
      await rig.reportFailing(host, null);
      expect(await host.agent.health()).toEqual({ deadBridges: [], failing: [] });
    });

    it('refuses everything after a power cycle, also what was sent before, until it is admitted with a higher epoch', async () => {
      await admit(host, epochs);
      const guest = newGuest();
      await host.hypervisor.define(epochs.token(host, guest), rig.definition(guest));
      await host.hypervisor.start(epochs.token(host, guest), guest.uuid);
      const before = { token: epochs.token(host, guest), bootId: (await host.agent.probe(8_000)).bootId };
      await rig.powerCycle(host);
      const late = (): Promise<void> => host.hypervisor.start(before.token, guest.uuid);

      await expect(late()).rejects.toMatchObject({ code: 'guard-refused' });
      const { bootId, runningUuids } = await host.agent.probe(8_000);
      expect(bootId).not.toBe(before.bootId);
      expect(runningUuids).toEqual([]);
      expect(await host.agent.guardState()).toMatchObject({ admittedBootId: null, hostEpoch: before.token.hostEpoch });
      for (const boot of [before.bootId, bootId]) await expect(host.agent.admit(before.token, boot)).rejects.toMatchObject({ code: 'guard-refused' });

      epochs.raiseHost(host);
      await host.agent.admit(epochs.token(host), bootId);
      await expect(late()).rejects.toMatchObject({ code: 'guard-refused' });
      expect(seen(await host.hypervisor.observe(guest.uuid))).toBe('stopped');
      await host.hypervisor.start(epochs.token(host, guest), guest.uuid);
      await host.hypervisor.start(epochs.token(host, guest), guest.uuid);
      expect((await host.agent.probe(8_000)).runningUuids).toEqual([guest.uuid]);
      await host.hypervisor.kill(epochs.token(host, guest), guest.uuid);
    });

    it('leaves the workloads running when it is removed, and can come back', async () => {
      await admit(host, epochs);
      const guest = newGuest();
      await host.hypervisor.define(epochs.token(host, guest), rig.definition(guest));
      await host.hypervisor.start(epochs.token(host, guest), guest.uuid);
      expect(await host.agent.installedFor()).toBe(agentConfig(host).clusterId);
      for (let times = 0; times < 2; times += 1) await host.agent.uninstall();
      expect(await host.agent.installedFor()).toBeNull();
      expect(await host.agent.probe(8_000)).toMatchObject({ agentAlive: false, runningUuids: [guest.uuid] });
      await expect(host.hypervisor.kill(epochs.token(host, guest), guest.uuid)).rejects.toMatchObject({ code: 'guard-refused' });
      await host.agent.install(agentConfig(host));
      await admit(host, epochs);
      await host.hypervisor.kill(epochs.token(host, guest), guest.uuid);
      await host.hypervisor.undefine(epochs.token(host, guest), guest.uuid);
    });
  });
}
