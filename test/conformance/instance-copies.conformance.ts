// What every Hypervisor must do whose workloads' data lie in their host's own storage: copies, replicas, and what is made of them.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CopyRequest, InstanceCopies, MigrationCommandState } from '../../src/hosts/hypervisor.js';
import { admit, agentConfig, Epochs, eventually, newGuest, seen, type ConformanceRig, type Guest, type RigHost } from './rig.js';

export interface CopiesRig extends ConformanceRig {
  /** Makes a stopped workload there, as a person would. */
  create(host: RigHost, guest: Guest): Promise<void>;
  /** Gives it another name, as a person would. */
  rename(host: RigHost, guest: Guest, name: string): Promise<void>;
  /** What is on its disk, in a file that nothing else touches; null: no such file. Whether it runs or not. */
  read(host: RigHost, guest: Guest): Promise<string | null>;
  write(host: RigHost, guest: Guest, text: string): Promise<void>;
  /** So much on its disk that a copy takes seconds. */
  fill(host: RigHost, guest: Guest): Promise<void>;
  /** Hardware address of its network device. */
  macOf(host: RigHost, guest: Guest): Promise<string>;
}

export function instanceCopiesConformance(title: string, start: () => Promise<CopiesRig>): void {
  describe(`InstanceCopies: ${title}`, () => {
    let rig: CopiesRig;
    let one: RigHost;
    let two: RigHost;
    let copyCount = 0;
    const epochs = new Epochs();
    const token = (host: RigHost, guest?: Guest): ReturnType<Epochs['token']> => epochs.token(host, guest);
    const copies = (host: RigHost): InstanceCopies => {
      if (!host.hypervisor.copies) throw new Error(`${host.name} makes no copies`);
      return host.hypervisor.copies;
    };
    const request = (guest: Guest, to: RigHost = two): CopyRequest => ({ id: `copy-${(copyCount += 1)}-${guest.name}`, uuid: guest.uuid, destination: { name: to.name }, bandwidthMiBps: null });
    const replicaOn = async (host: RigHost, guest: Guest) => (await copies(host).replicas()).find(({ uuid }) => uuid === guest.uuid);

    beforeAll(async () => {
      rig = await start();
      [one, two] = rig.hosts;
      for (const host of rig.hosts) {
        await host.agent.install(agentConfig(host));
        await admit(host, epochs);
      }
    });
    afterAll(() => rig?.close());

    const ended = (host: RigHost, id: string): Promise<MigrationCommandState & { kind: 'ended' }> =>
      eventually(rig, `end of ${id}`, async () => {
        const state = await copies(host).copyCommand(id);
        return state.kind === 'ended' ? state : null;
      });

    async function copied(from: RigHost, guest: Guest, to: RigHost): Promise<void> {
      const asked = request(guest, to);
      await copies(from).startCopy(token(from, guest), asked);
      expect(await ended(from, asked.id)).toMatchObject({ exitCode: 0, output: '' });
    }

    async function created(host: RigHost): Promise<Guest> {
      const guest = newGuest();
      await rig.create(host, guest);
      return guest;
    }

    it('makes a replica that keeps data, uuid and hardware address, shows it nowhere as a workload, and does not start it', async () => {
      const guest = await created(one);
      await rig.write(one, guest, 'first');
      await copied(one, guest, two);
      expect(await two.hypervisor.observe(guest.uuid)).toBeNull();
      expect(await replicaOn(two, guest)).toMatchObject({ name: guest.name, asOfMs: expect.any(Number) as number });
      expect(await replicaOn(one, guest)).toBeUndefined();
      await expect(two.hypervisor.start(token(two, guest), guest.uuid)).rejects.toMatchObject({ code: 'not-found' });
      await expect(two.hypervisor.definition(guest.uuid)).rejects.toMatchObject({ code: 'not-found' });
      expect([await rig.read(two, guest), await rig.macOf(two, guest)]).toEqual(['first', await rig.macOf(one, guest)]);
      expect(await one.hypervisor.observe(guest.uuid)).toMatchObject({ runState: 'stopped' });
    });

    it('copies over a replica while the workload runs, with what is newer by then, and finds a copy of the same id again', async () => {
      const guest = await created(one);
      await copied(one, guest, two);
      const before = (await replicaOn(two, guest))?.asOfMs ?? 0;
      await one.hypervisor.start(token(one, guest), guest.uuid);
      await rig.write(one, guest, 'second');
      const asked = request(guest);
      for (let times = 0; times < 2; times += 1) await copies(one).startCopy(token(one, guest), asked);
      expect((await ended(one, asked.id)).exitCode).toBe(0);
      await copies(one).startCopy(token(one, guest), asked);
      expect(await copies(one).copyCommand(asked.id)).toMatchObject({ kind: 'ended', exitCode: 0 });
      expect(await rig.read(two, guest)).toBe('second');
      expect((await replicaOn(two, guest))?.asOfMs).toBeGreaterThan(before);
      expect([seen(await one.hypervisor.observe(guest.uuid)), seen(await two.hypervisor.observe(guest.uuid))]).toEqual(['running', 'absent']);
      await one.hypervisor.kill(token(one, guest), guest.uuid);
    });

    it('copies what was written in the second of the last copying, with the same size, over a replica that was prepared', async () => {
      const guest = await created(one);
      for (const text of ['one', 'two', 'six', 'ten', 'six', 'two']) {
        await rig.write(one, guest, text);
        for (let times = 0; times < 2; times += 1) await copies(two).prepare(token(two, guest), guest.uuid);
        await copied(one, guest, two);
        expect(await rig.read(two, guest)).toBe(text);
      }
    });

    it('makes a complete replica the workload, and the one that was left a replica, that takes the changes back', async () => {
      const guest = await created(one);
      await rig.write(one, guest, 'at one');
      const definition = await one.hypervisor.definition(guest.uuid);
      await copied(one, guest, two);
      for (let times = 0; times < 2; times += 1) await two.hypervisor.define(token(two, guest), definition);
      expect(await two.hypervisor.observe(guest.uuid)).toMatchObject({ name: guest.name, runState: 'stopped', autostart: false });
      expect(await two.hypervisor.definition(guest.uuid)).toBe(definition);
      expect(await replicaOn(two, guest)).toBeUndefined();
      for (let times = 0; times < 2; times += 1) await one.hypervisor.undefine(token(one, guest), guest.uuid);
      expect(await one.hypervisor.observe(guest.uuid)).toBeNull();
      expect(await replicaOn(one, guest)).toMatchObject({ asOfMs: expect.any(Number) as number });
      await two.hypervisor.start(token(two, guest), guest.uuid);
      await rig.write(two, guest, 'at two');
      await two.hypervisor.kill(token(two, guest), guest.uuid);
      await copied(two, guest, one);
      expect(await rig.read(one, guest)).toBe('at two');
    });

    it('defines nothing where no replica is, nor one that was not copied to its end', async () => {
      const guest = await created(one);
      const definition = await one.hypervisor.definition(guest.uuid);
      await expect(two.hypervisor.define(token(two, guest), definition)).rejects.toMatchObject({ code: 'no-data' });
      await copied(one, guest, two);
      await rig.fill(one, guest);
      const asked = request(guest);
      await copies(one).startCopy(token(one, guest), asked);
      await eventually(rig, 'a copy under way', async () => ((await replicaOn(two, guest))?.asOfMs === null ? true : null));
      await expect(two.hypervisor.define(token(two, guest), definition)).rejects.toMatchObject({ code: 'no-data' });
      for (let times = 0; times < 2; times += 1) await copies(one).abortCopy(token(one, guest), asked.id);
      expect((await ended(one, asked.id)).exitCode).not.toBe(0);
      expect(await replicaOn(two, guest)).toMatchObject({ asOfMs: null });
      await expect(two.hypervisor.define(token(two, guest), definition)).rejects.toMatchObject({ code: 'no-data' });
      expect(await one.hypervisor.observe(guest.uuid)).toMatchObject({ runState: 'stopped' });
      await copied(one, guest, two);
      expect(await replicaOn(two, guest)).toMatchObject({ asOfMs: expect.any(Number) as number });
    });

    it('copies over no workload, and out of no replica', async () => {
      const guest = await created(one);
      await copied(one, guest, two);
      await two.hypervisor.define(token(two, guest), await one.hypervisor.definition(guest.uuid));
      const asked = request(guest);
      await copies(one).startCopy(token(one, guest), asked);
      const { exitCode, output } = await ended(one, asked.id);
      expect(exitCode).not.toBe(0);
      expect(output).toContain('nothing is copied over it');
      expect(await two.hypervisor.observe(guest.uuid)).toMatchObject({ runState: 'stopped' });
      await one.hypervisor.undefine(token(one, guest), guest.uuid);
      await expect(copies(one).startCopy(token(one, guest), request(guest))).rejects.toMatchObject({ code: 'not-found' });
    });

    it('ends with words when the destination is not known', async () => {
      const guest = await created(one);
      const asked = { ...request(guest), destination: { name: 'nobody' } };
      await copies(one).startCopy(token(one, guest), asked);
      const { exitCode, output } = await ended(one, asked.id);
      expect(exitCode).not.toBe(0);
      expect(output).toContain('nobody');
      expect(await copies(one).copyCommand('never')).toEqual({ kind: 'none' });
      await copies(one).abortCopy(token(one, guest), 'never');
    });

    it('deletes replicas alone, twice the same', async () => {
      const guest = await created(one);
      await copied(one, guest, two);
      await expect(copies(one).deleteReplica(token(one, guest), guest.uuid)).rejects.toMatchObject({ code: 'failed' });
      expect(seen(await one.hypervisor.observe(guest.uuid))).toBe('stopped');
      for (let times = 0; times < 2; times += 1) await copies(two).deleteReplica(token(two, guest), guest.uuid);
      expect(await replicaOn(two, guest)).toBeUndefined();
      expect(await rig.read(two, guest)).toBeNull();
    });

    it('finds a workload under another name, and says what the replica there is still called', async () => {
      const guest = await created(one);
      await copied(one, guest, two);
      await rig.rename(one, guest, `${guest.name}-new`);
      const renamed = { ...guest, name: `${guest.name}-new` };
      expect(await one.hypervisor.observe(guest.uuid)).toMatchObject({ name: renamed.name });
      await one.hypervisor.start(token(one, guest), guest.uuid);
      await one.hypervisor.kill(token(one, guest), guest.uuid);
      const asked = request(guest);
      await copies(one).startCopy(token(one, guest), asked);
      const { exitCode, output } = await ended(one, asked.id);
      expect([exitCode === 0, output]).toEqual([false, expect.stringContaining(guest.name)]);
      await copies(two).deleteReplica(token(two, guest), guest.uuid);
      await copied(one, guest, two);
      expect(await replicaOn(two, guest)).toMatchObject({ name: renamed.name });
    });

    it('does nothing for a token of the past', async () => {
      const guest = await created(one);
      await copied(one, guest, two);
      const late = token(one, guest);
      epochs.raiseWorkload(guest);
      for (const host of rig.hosts) await host.hypervisor.overtake(token(host, guest));
      const asked = request(guest);
      const refused = [copies(one).startCopy(late, asked), copies(one).abortCopy(late, asked.id), copies(two).deleteReplica(late, guest.uuid), one.hypervisor.undefine(late, guest.uuid)];
      for (const each of await Promise.allSettled(refused)) expect(each).toMatchObject({ status: 'rejected', reason: { code: 'guard-refused' } });
      expect(await copies(one).copyCommand(asked.id)).toEqual({ kind: 'none' });
      expect(await replicaOn(two, guest)).toBeDefined();
    });
  });
}
