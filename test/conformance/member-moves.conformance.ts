// What hosts must do whose daemons form a cluster of their own: it has each instance once, one member alone shows it, and moves it with its data while it does not run.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { daemonOf, tieBetween } from '../../src/hosts/daemon-cluster.js';
import type { MemberMoves } from '../../src/hosts/hypervisor.js';
import type { CopiesRig } from './instance-copies.conformance.js';
import { admitAll, Epochs, newGuest, type Guest, type RigHost } from './rig.js';

export function memberMovesConformance(title: string, start: () => Promise<CopiesRig>): void {
  describe(`MemberMoves: ${title}`, () => {
    let rig: CopiesRig;
    let one: RigHost;
    let two: RigHost;
    const epochs = new Epochs();
    const members = (host: RigHost): MemberMoves => {
      if (!host.hypervisor.members) throw new Error(`${host.name} has no members`);
      return host.hypervisor.members;
    };
    const memberOf = async (host: RigHost): Promise<string> => daemonOf(await host.hypervisor.facts(), 'lxd')?.cluster?.member ?? '';
    const ended = async (host: RigHost, id: string): Promise<{ readonly exitCode: number; readonly output: string }> => {
      for (let tries = 0; tries < 200; tries += 1) {
        const state = await members(host).moveCommand(id);
        if (state.kind === 'ended') return state;
        await rig.sleepMs(300);
      }
      throw new Error(`${id} does not end`);
    };
    const begin = async (guest: Guest, id: string, from = one, to = two): Promise<void> => members(from).startMove(epochs.token(from, guest), { id, uuid: guest.uuid, name: guest.name, toMember: await memberOf(to) });
    const where = async (guest: Guest): Promise<readonly (string | null)[]> => Promise.all([one, two].map(async (host) => (await host.hypervisor.observe(guest.uuid))?.runState ?? null));
    const stopped = async (guest: Guest): Promise<void> => {
      await rig.create(one, guest);
      await rig.write(one, guest, `text of ${guest.name}`);
    };

    beforeAll(async () => {
      rig = await start();
      [one, two] = rig.hosts;
      await admitAll(rig, epochs);
    });
    afterAll(() => rig?.close());

    it('tell of one cluster, each by its own name', async () => {
      const [here, there] = [daemonOf(await one.hypervisor.facts(), 'lxd'), daemonOf(await two.hypervisor.facts(), 'lxd')];
      expect([tieBetween(here, there), here?.isClustered, here?.cluster?.member === there?.cluster?.member]).toEqual(['members', true, false]);
    });

    it('one that does not run is moved with its data; one member alone shows it', async () => {
      const guest = newGuest();
      await stopped(guest);
      const mac = await rig.macOf(one, guest);
      expect(await where(guest)).toEqual(['stopped', null]);
      await begin(guest, `move-${guest.name}`);
      expect(await ended(one, `move-${guest.name}`)).toMatchObject({ exitCode: 0 });
      expect([await members(one).isMoving(guest.uuid), await members(two).isMoving(guest.uuid)]).toEqual([false, false]);
      expect([await where(guest), await rig.read(two, guest), await rig.macOf(two, guest)]).toEqual([[null, 'stopped'], `text of ${guest.name}`, mac]);
      // A second call finds the first, also when it came back meanwhile.
      await begin(guest, `back-${guest.name}`, two, one);
      expect(await ended(two, `back-${guest.name}`)).toMatchObject({ exitCode: 0 });
      await begin(guest, `move-${guest.name}`);
      await rig.sleepMs(1_000);
      expect(await where(guest)).toEqual(['stopped', null]);
    });

    it.each(['move-of-7', 'lxd-move-7'])('one that its owner calls as daemons call what is on its way is shown and moved like any other: %s', async (name) => {
      const guest = newGuest({ name });
      await stopped(guest);
      await one.hypervisor.define(epochs.token(one, guest), await one.hypervisor.definition(guest.uuid));
      await begin(guest, `named-${guest.uuid}`);
      expect(await ended(one, `named-${guest.uuid}`)).toMatchObject({ exitCode: 0 });
      expect([await where(guest), (await two.hypervisor.observe(guest.uuid))?.name, await rig.read(two, guest)]).toEqual([[null, 'stopped'], name, `text of ${name}`]);
    });

    it('one that runs is not moved', async () => {
      const guest = newGuest();
      await stopped(guest);
      await one.hypervisor.start(epochs.token(one, guest), guest.uuid);
      await begin(guest, `run-${guest.name}`);
      expect((await ended(one, `run-${guest.name}`)).exitCode).not.toBe(0);
      expect(await where(guest)).toEqual(['running', null]);
      await one.hypervisor.kill(epochs.token(one, guest), guest.uuid);
    });

    it('a member that does not have it neither starts nor defines nor moves it; an old command is refused', async () => {
      const guest = newGuest();
      await stopped(guest);
      const definition = await one.hypervisor.definition(guest.uuid);
      await expect(two.hypervisor.start(epochs.token(two, guest), guest.uuid)).rejects.toMatchObject({ code: 'not-found' });
      await expect(two.hypervisor.define(epochs.token(two, guest), definition)).rejects.toMatchObject({ code: 'no-data' });
      await expect(begin(guest, `not-${guest.name}`, two, one)).rejects.toMatchObject({ code: 'not-found' });
      await expect(members(one).startMove({ ...epochs.token(one, guest), leaderEpoch: 0 }, { id: `old-${guest.name}`, uuid: guest.uuid, name: guest.name, toMember: await memberOf(two) })).rejects.toMatchObject({ code: 'guard-refused' });
      expect(await where(guest)).toEqual(['stopped', null]);
    });

    it('is ended in the middle: it is where it was, and the next move goes well', async () => {
      const guest = newGuest();
      await stopped(guest);
      await rig.fill(one, guest);
      await begin(guest, `cut-${guest.name}`);
      await rig.sleepMs(1_000);
      await members(one).abortMove(epochs.token(one, guest), `cut-${guest.name}`);
      expect((await ended(one, `cut-${guest.name}`)).exitCode).not.toBe(0);
      for (let tries = 0; tries < 100 && ((await members(one).isMoving(guest.uuid)) || (await members(two).isMoving(guest.uuid))); tries += 1) await rig.sleepMs(300);
      expect(await where(guest)).toEqual(['stopped', null]);
      await begin(guest, `again-${guest.name}`);
      expect(await ended(one, `again-${guest.name}`)).toMatchObject({ exitCode: 0 });
      expect([await where(guest), await rig.read(two, guest)]).toEqual([[null, 'stopped'], `text of ${guest.name}`]);
    });

    it('asked to end none, does nothing', async () => {
      await members(one).abortMove(epochs.token(one, newGuest()), 'nothing');
    });
  });
}
