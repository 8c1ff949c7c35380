// What every Hypervisor must do whose workloads' data lie in their host's own storage: copies, replicas, and what is made of them.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CopyRequest, InstanceCopies, MakeRequest, MigrationCommandState, ReplicaKind } from '../../src/hosts/hypervisor.js';
import { admitAll, Epochs, eventually, newGuest, seen, type ConformanceRig, type Guest, type RigHost } from './rig.js';

export interface CopiesRig extends ConformanceRig {
  /** Makes a stopped workload there, as a person would. */
  create(host: RigHost, guest: Guest): Promise<void>;
  /** An image that its hosts have, and the definition of a guest that is to be made. */
  readonly image: string;
  definitionOfNew(guest: Guest): string;
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
    const request = (guest: Guest, to: RigHost = two): CopyRequest => ({ id: `copy-${(copyCount += 1)}-${guest.name}`, uuid: guest.uuid, destination: { name: to.name }, keepsNewest: true, bandwidthMiBps: null });
    const replicaOn = async (host: RigHost, guest: Guest, kind: ReplicaKind = 'replica') => (await copies(host).replicas(guest.uuid)).find((each) => each.kind === kind);
    const settle = (host: RigHost, guest: Guest): Promise<void> => copies(host).settle(token(host, guest), guest.uuid, guest.name);

    beforeAll(async () => {
      rig = await start();
      [one, two] = rig.hosts;
      await admitAll(rig, epochs);
    });
    afterAll(() => rig?.close());

    const ended = (host: RigHost, id: string): Promise<MigrationCommandState & { kind: 'ended' }> =>
      eventually(rig, `end of ${id}`, async () => {
        const state = await copies(host).copyCommand(id);
        return state.kind === 'ended' ? state : null;
      });

    async function copied(from: RigHost, guest: Guest, to: RigHost, keepsNewest = true): Promise<void> {
      const asked = { ...request(guest, to), keepsNewest };
      await copies(to).prepare(token(to, guest), guest.uuid, keepsNewest);
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
      await settle(two, guest);
      expect(await rig.read(two, guest)).toBe('second');
      expect((await replicaOn(two, guest))?.asOfMs).toBeGreaterThan(before);
      expect([seen(await one.hypervisor.observe(guest.uuid)), seen(await two.hypervisor.observe(guest.uuid))]).toEqual(['running', 'absent']);
      await one.hypervisor.kill(token(one, guest), guest.uuid);
    });

    it('copies what was written in the second of the last copying, with the same size, over a replica that was prepared', async () => {
      const guest = await created(one);
      for (const text of ['one', 'two', 'six', 'ten', 'six', 'two']) {
        await rig.write(one, guest, text);
        for (let times = 0; times < 2; times += 1) await copies(two).prepare(token(two, guest), guest.uuid, true);
        await copied(one, guest, two);
        await settle(two, guest);
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
      await settle(one, guest);
      expect(await rig.read(one, guest)).toBe('at two');
    });

    it('makes a new one from an image: a replica until it is made the workload, and again when asked again', async () => {
      const guest = newGuest();
      const asked: MakeRequest = { id: `make-${guest.name}`, uuid: guest.uuid, definition: rig.definitionOfNew(guest), source: { kind: 'image', image: rig.image } };
      for (let times = 0; times < 2; times += 1) await copies(one).startMake(token(one, guest), asked);
      expect(await ended(one, asked.id)).toMatchObject({ exitCode: 0, output: '' });
      expect(await one.hypervisor.observe(guest.uuid)).toBeNull();
      expect(await replicaOn(one, guest)).toMatchObject({ name: guest.name, asOfMs: expect.any(Number) as number });
      await one.hypervisor.define(token(one, guest), asked.definition);
      expect(await one.hypervisor.observe(guest.uuid)).toMatchObject({ name: guest.name, runState: 'stopped', autostart: false, memoryMiB: guest.memoryMiB });
      // One that is whole, or the workload by now, is not made again.
      const again = { ...asked, id: `again-${guest.name}` };
      await rig.write(one, guest, 'its own');
      await copies(one).startMake(token(one, guest), again);
      expect(await ended(one, again.id)).toMatchObject({ exitCode: 0, output: '' });
      expect(await rig.read(one, guest)).toBe('its own');
      await one.hypervisor.start(token(one, guest), guest.uuid);
      expect(seen(await one.hypervisor.observe(guest.uuid))).toBe('running');
      await one.hypervisor.kill(token(one, guest), guest.uuid);
      await one.hypervisor.undefine(token(one, guest), guest.uuid);
      await copies(one).deleteReplica(token(one, guest), guest.uuid);
      expect([await one.hypervisor.observe(guest.uuid), await replicaOn(one, guest)]).toEqual([null, undefined]);
    });

    it('makes a copy of another one of its host, with its data, another uuid and another hardware address, which is left as it is', async () => {
      const from = await created(one);
      await rig.write(one, from, 'of the first');
      const guest = newGuest();
      const asked: MakeRequest = { id: `make-${guest.name}`, uuid: guest.uuid, definition: rig.definitionOfNew(guest), source: { kind: 'copy', uuid: from.uuid } };
      await copies(one).startMake(token(one, guest), asked);
      expect(await ended(one, asked.id)).toMatchObject({ exitCode: 0, output: '' });
      await one.hypervisor.define(token(one, guest), asked.definition);
      expect([await rig.read(one, guest), await rig.read(one, from)]).toEqual(['of the first', 'of the first']);
      expect(await rig.macOf(one, guest)).not.toBe(await rig.macOf(one, from));
      expect((await one.hypervisor.inventory()).workloads.filter(({ uuid }) => uuid === guest.uuid || uuid === from.uuid).map(({ name }) => name).sort()).toEqual([from.name, guest.name].sort());
    });

    it('makes nothing of an image that is not there, in the place of another one, or of what is not there', async () => {
      const taken = await created(one);
      const guest = newGuest();
      const none: MakeRequest = { id: `none-${guest.name}`, uuid: guest.uuid, definition: rig.definitionOfNew(guest), source: { kind: 'image', image: 'not-there' } };
      await copies(one).startMake(token(one, guest), none);
      expect(await ended(one, none.id)).toMatchObject({ output: expect.stringMatching(/image.*not found/i) as string });
      const named = { ...newGuest(), name: taken.name };
      const inPlace: MakeRequest = { id: `taken-${guest.name}`, uuid: named.uuid, definition: rig.definitionOfNew(named), source: { kind: 'image', image: rig.image } };
      await copies(one).startMake(token(one, named), inPlace);
      expect(await ended(one, inPlace.id)).toMatchObject({ output: expect.stringContaining('another instance') as string });
      await expect(copies(one).startMake(token(one, guest), { ...none, id: `of-${guest.name}`, source: { kind: 'copy', uuid: newGuest().uuid } })).rejects.toMatchObject({ code: 'not-found' });
      await expect(copies(one).startMake({ ...token(one, guest), leaderEpoch: 0 }, { ...inPlace, id: `late-${guest.name}` })).rejects.toMatchObject({ code: 'guard-refused' });
      expect([await replicaOn(one, guest), await replicaOn(one, named)]).toEqual([undefined, undefined]);
      expect(await one.hypervisor.observe(taken.uuid)).toMatchObject({ runState: 'stopped' });
    });

    it('takes away what was half-made, once the daemon has ended with it, and makes it anew', async () => {
      const from = await created(one);
      await rig.fill(one, from);
      const guest = newGuest();
      const asked: MakeRequest = { id: `half-${guest.name}`, uuid: guest.uuid, definition: rig.definitionOfNew(guest), source: { kind: 'copy', uuid: from.uuid } };
      await copies(one).startMake(token(one, guest), asked);
      await eventually(rig, 'a half-made one', async () => ((await replicaOn(one, guest))?.asOfMs === null ? true : null));
      await copies(one).abortCopy(token(one, guest), asked.id);
      expect(await one.hypervisor.observe(guest.uuid)).toBeNull();
      const again = { ...asked, id: `anew-${guest.name}` };
      await copies(one).startMake(token(one, guest), again);
      expect(await ended(one, again.id)).toMatchObject({ exitCode: 0, output: '' });
      expect(await replicaOn(one, guest)).toMatchObject({ asOfMs: expect.any(Number) as number });
      await copies(one).deleteReplica(token(one, guest), guest.uuid);
      expect(await replicaOn(one, guest)).toBeUndefined();
    });

    it('gives back what its owner had said about starting with the host, once, however often it was switched off; a replica takes the note along', async () => {
      const guest = await created(one);
      await one.hypervisor.setAutostart(token(one, guest), guest.uuid, true);
      for (let times = 0; times < 2; times += 1) await one.hypervisor.setAutostart(token(one, guest), guest.uuid, false);
      expect(await one.hypervisor.observe(guest.uuid)).toMatchObject({ autostart: false });
      for (let times = 0; times < 2; times += 1) await one.hypervisor.giveBackAutostart(token(one, guest), guest.uuid);
      expect(await one.hypervisor.observe(guest.uuid)).toMatchObject({ autostart: true });
      await one.hypervisor.setAutostart(token(one, guest), guest.uuid, false);
      await copied(one, guest, two);
      await two.hypervisor.giveBackAutostart(token(two, guest), guest.uuid);
      await two.hypervisor.define(token(two, guest), await one.hypervisor.definition(guest.uuid));
      expect(await two.hypervisor.observe(guest.uuid)).toMatchObject({ autostart: false });
      await two.hypervisor.giveBackAutostart(token(two, guest), guest.uuid);
      expect(await two.hypervisor.observe(guest.uuid)).toMatchObject({ autostart: true });
    });

    it('keeps the last whole copy while another one is made, and after that broke off', async () => {
      const guest = await created(one);
      const definition = await one.hypervisor.definition(guest.uuid);
      await rig.write(one, guest, 'whole');
      await copied(one, guest, two);
      const before = (await replicaOn(two, guest))?.asOfMs;
      await rig.write(one, guest, 'never whole');
      await rig.fill(one, guest);
      const asked = request(guest);
      await copies(one).startCopy(token(one, guest), asked);
      await eventually(rig, 'a copy under way', async () => ((await replicaOn(two, guest, 'spare')) ? true : null));
      expect(await replicaOn(two, guest)).toMatchObject({ name: guest.name, asOfMs: before });
      await copies(one).abortCopy(token(one, guest), asked.id);
      expect((await ended(one, asked.id)).exitCode).not.toBe(0);
      await settle(two, guest);
      // The first copy into it: the daemon may have taken away what it had of it.
      expect([await replicaOn(two, guest), (await replicaOn(two, guest, 'spare'))?.asOfMs ?? null]).toMatchObject([{ asOfMs: before }, null]);
      await two.hypervisor.define(token(two, guest), definition);
      expect(await rig.read(two, guest)).toBe('whole');
      expect(await two.hypervisor.observe(guest.uuid)).toMatchObject({ name: guest.name, runState: 'stopped' });
    });

    it('puts the newest whole copy in its place, twice the same, and copies over the other one next time', async () => {
      const guest = await created(one);
      for (const text of ['first', 'second', 'third']) {
        await rig.write(one, guest, text);
        await copied(one, guest, two);
        for (let times = 0; times < 2; times += 1) await settle(two, guest);
        const [replica, spare] = [await replicaOn(two, guest), await replicaOn(two, guest, 'spare')];
        expect([await rig.read(two, guest), replica?.name]).toEqual([text, guest.name]);
        if (text !== 'first') expect(spare?.asOfMs).toBeLessThan(replica?.asOfMs ?? 0);
      }
      await copies(two).deleteReplica(token(two, guest), guest.uuid, 'set-aside');
      await copies(two).deleteReplica(token(two, guest), guest.uuid, 'spare');
      expect([await replicaOn(two, guest, 'spare'), await rig.read(two, guest)]).toEqual([undefined, 'third']);
    });

    it('makes the newest whole copy the workload, also where nobody was left to put it in its place; the older one never takes its place again', async () => {
      const guest = await created(one);
      await rig.write(one, guest, 'older');
      await copied(one, guest, two);
      await rig.write(one, guest, 'newer');
      await copied(one, guest, two);
      expect((await replicaOn(two, guest, 'spare'))?.asOfMs).toBeGreaterThan((await replicaOn(two, guest))?.asOfMs ?? Infinity);
      await two.hypervisor.define(token(two, guest), await one.hypervisor.definition(guest.uuid));
      expect(await rig.read(two, guest)).toBe('newer');
      await settle(two, guest);
      await two.hypervisor.undefine(token(two, guest), guest.uuid);
      await settle(two, guest);
      expect([await rig.read(two, guest), (await replicaOn(two, guest, 'spare'))?.asOfMs]).toEqual(['newer', null]);
    });

    it('starts the workload beside its spare, with its hardware address, there and back; what is copied into that spare next has it again', async () => {
      const guest = await created(one);
      const mac = await rig.macOf(one, guest);
      const goes = async (from: RigHost, to: RigHost, text: string): Promise<void> => {
        await rig.write(from, guest, text);
        for (let times = 0; times < 2; times += 1) {
          await copied(from, guest, to);
          await settle(to, guest);
        }
        expect((await replicaOn(to, guest, 'spare'))?.asOfMs).toEqual(expect.any(Number));
        await to.hypervisor.define(token(to, guest), await from.hypervisor.definition(guest.uuid));
        await from.hypervisor.undefine(token(from, guest), guest.uuid);
        for (let times = 0; times < 2; times += 1) {
          await to.hypervisor.start(token(to, guest), guest.uuid);
          expect(seen(await to.hypervisor.observe(guest.uuid))).toBe('running');
          await to.hypervisor.kill(token(to, guest), guest.uuid);
        }
        expect([await rig.read(to, guest), await rig.macOf(to, guest)]).toEqual([text, mac]);
        // What gave up its address is no whole copy any more.
        expect(await replicaOn(to, guest, 'spare')).toMatchObject({ asOfMs: null });
      };
      await goes(one, two, 'there');
      await goes(two, one, 'and back');
      await goes(one, two, 'there again');
    });

    it('what is prepared for the next copy is whole no more, until that has ended well; the older one is what it is started from meanwhile', async () => {
      const guest = await created(one);
      const definition = await one.hypervisor.definition(guest.uuid);
      await rig.write(one, guest, 'older');
      await copied(one, guest, two);
      await rig.write(one, guest, 'newer');
      await copied(one, guest, two);
      for (let times = 0; times < 2; times += 1) await copies(two).prepare(token(two, guest), guest.uuid, false);
      expect([(await replicaOn(two, guest))?.asOfMs, (await replicaOn(two, guest, 'spare'))?.asOfMs]).toEqual([expect.any(Number), null]);
      await settle(two, guest);
      expect(await rig.read(two, guest)).toBe('older');
      await copied(one, guest, two, false);
      await settle(two, guest);
      expect(await rig.read(two, guest)).toBe('newer');
      await two.hypervisor.define(token(two, guest), definition);
      expect(await rig.read(two, guest)).toBe('newer');
    });

    it('what its last copy was taken from counts as of that copy, once it is the replica', async () => {
      const guest = await created(one);
      await copied(one, guest, two);
      const asOfMs = (await replicaOn(two, guest))?.asOfMs ?? 0;
      await two.hypervisor.define(token(two, guest), await one.hypervisor.definition(guest.uuid));
      for (let times = 0; times < 2; times += 1) await one.hypervisor.undefine(token(one, guest), guest.uuid, asOfMs);
      expect([asOfMs > 0, (await replicaOn(one, guest))?.asOfMs]).toEqual([true, asOfMs]);
    });

    it('what has run before its last copy and not since becomes a replica; what was started after it stays a workload, with what it wrote', async () => {
      const guest = await created(one);
      await one.hypervisor.start(token(one, guest), guest.uuid);
      await one.hypervisor.kill(token(one, guest), guest.uuid);
      await copied(one, guest, two);
      const asOfMs = (await replicaOn(two, guest))?.asOfMs ?? 0;
      const definition = await one.hypervisor.definition(guest.uuid);
      await one.hypervisor.start(token(one, guest), guest.uuid);
      await rig.write(one, guest, 'since then');
      await one.hypervisor.kill(token(one, guest), guest.uuid);
      await two.hypervisor.define(token(two, guest), definition);
      for (let times = 0; times < 2; times += 1) await expect(one.hypervisor.undefine(token(one, guest), guest.uuid, asOfMs)).rejects.toMatchObject({ code: 'failed', message: expect.stringContaining('after the copy by which it was moved') as string });
      expect([seen(await one.hypervisor.observe(guest.uuid)), await replicaOn(one, guest), await rig.read(one, guest)]).toEqual(['stopped', undefined, 'since then']);
      await expect(copies(one).deleteReplica(token(one, guest), guest.uuid)).rejects.toMatchObject({ code: 'failed' });
      // The next copy is of all of it.
      await two.hypervisor.undefine(token(two, guest), guest.uuid);
      await copied(one, guest, two);
      await settle(two, guest);
      const nowMs = (await replicaOn(two, guest))?.asOfMs ?? 0;
      await two.hypervisor.define(token(two, guest), definition);
      await one.hypervisor.undefine(token(one, guest), guest.uuid, nowMs);
      expect([nowMs > asOfMs, (await replicaOn(one, guest))?.asOfMs, await rig.read(two, guest)]).toEqual([true, nowMs, 'since then']);
    });

    it('is no whole copy of what was started while it was copied, though it is stopped again at its end', async () => {
      const guest = await created(one);
      await rig.fill(one, guest);
      const asked = request(guest);
      await copies(one).startCopy(token(one, guest), asked);
      await eventually(rig, 'a copy under way', async () => ((await replicaOn(two, guest))?.asOfMs === null ? true : null));
      // A daemon may refuse a start meanwhile: then nothing is missing in the copy.
      const wasStarted = await one.hypervisor.start(token(one, guest), guest.uuid).then(() => true, () => false);
      expect((await copies(one).copyCommand(asked.id)).kind).toBe('running');
      if (wasStarted) await one.hypervisor.kill(token(one, guest), guest.uuid);
      const { exitCode, output } = await ended(one, asked.id);
      expect(exitCode === 0).toBe(!wasStarted);
      // As it starts it may remove files that were about to be read.
      if (wasStarted) expect(output).toMatch(/was started meanwhile|exit status 24/);
      expect((await replicaOn(two, guest))?.asOfMs === null).toBe(wasStarted);
      expect(seen(await one.hypervisor.observe(guest.uuid))).toBe('stopped');
      await copied(one, guest, two);
      await settle(two, guest);
      expect(await replicaOn(two, guest)).toMatchObject({ asOfMs: expect.any(Number) as number });
    });

    it('copies over what the same move has copied before, when it is told so', async () => {
      const guest = await created(one);
      await rig.write(one, guest, 'a');
      await copied(one, guest, two);
      await rig.write(one, guest, 'bc');
      await copied(one, guest, two, false);
      expect([await rig.read(two, guest), await replicaOn(two, guest, 'spare')]).toEqual(['bc', undefined]);
      await rig.write(one, guest, 'def');
      await copied(one, guest, two);
      await rig.write(one, guest, 'ghij');
      await copied(one, guest, two, false);
      expect(await rig.read(two, guest)).toBe('bc');
      await settle(two, guest);
      expect(await rig.read(two, guest)).toBe('ghij');
    });

    it('defines nothing where no replica is, nor one that was not copied to its end', async () => {
      const guest = await created(one);
      const definition = await one.hypervisor.definition(guest.uuid);
      await expect(two.hypervisor.define(token(two, guest), definition)).rejects.toMatchObject({ code: 'no-data' });
      await rig.fill(one, guest);
      const asked = request(guest);
      await copies(one).startCopy(token(one, guest), asked);
      await eventually(rig, 'a copy under way', async () => ((await replicaOn(two, guest))?.asOfMs === null ? true : null));
      await expect(two.hypervisor.define(token(two, guest), definition)).rejects.toMatchObject({ code: 'no-data' });
      for (let times = 0; times < 2; times += 1) await copies(one).abortCopy(token(one, guest), asked.id);
      expect((await ended(one, asked.id)).exitCode).not.toBe(0);
      expect((await replicaOn(two, guest))?.asOfMs ?? null).toBeNull();
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

    it('sets aside what was the workload: neither shown, nor started, nor copied over, until its owner lets it be', async () => {
      const guest = await created(one);
      await copied(one, guest, two);
      await two.hypervisor.define(token(two, guest), await one.hypervisor.definition(guest.uuid));
      await rig.write(two, guest, 'of the new home');
      for (let times = 0; times < 2; times += 1) await copies(one).setAside(token(one, guest), guest.uuid, false);
      expect([await one.hypervisor.observe(guest.uuid), await replicaOn(one, guest, 'set-aside')]).toMatchObject([null, { asOfMs: null }]);
      await expect(one.hypervisor.start(token(one, guest), guest.uuid)).rejects.toMatchObject({ code: 'not-found' });
      const refused = request(guest, one);
      await copies(one).prepare(token(one, guest), guest.uuid, true);
      await copies(two).startCopy(token(two, guest), refused);
      expect(await ended(two, refused.id)).toMatchObject({ output: expect.stringContaining('nothing is copied over it') as string });
      await copies(one).deleteReplica(token(one, guest), guest.uuid, 'set-aside');
      expect(await rig.read(one, guest)).toBeNull();
    });

    it('sets aside what may be copied over: no whole replica, until it is one of the new home', async () => {
      const guest = await created(one);
      const definition = await one.hypervisor.definition(guest.uuid);
      await rig.write(one, guest, 'of the old home');
      await copied(one, guest, two);
      await two.hypervisor.define(token(two, guest), definition);
      await rig.write(two, guest, 'of the new home');
      for (let times = 0; times < 2; times += 1) await copies(one).setAside(token(one, guest), guest.uuid, true);
      expect([await one.hypervisor.observe(guest.uuid), await replicaOn(one, guest)]).toMatchObject([null, { asOfMs: null }]);
      await expect(one.hypervisor.define(token(one, guest), definition)).rejects.toMatchObject({ code: 'no-data' });
      await copied(two, guest, one);
      await settle(one, guest);
      expect([(await replicaOn(one, guest))?.asOfMs, await rig.read(one, guest)]).toEqual([expect.any(Number), 'of the new home']);
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
      expect([await copies(one).reaches(two.name), await copies(one).reaches('nobody')]).toEqual([true, false]);
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
      const refused = [copies(one).startCopy(late, asked), copies(one).abortCopy(late, asked.id), copies(two).settle(late, guest.uuid, guest.name), copies(two).deleteReplica(late, guest.uuid), one.hypervisor.undefine(late, guest.uuid)];
      for (const each of await Promise.allSettled(refused)) expect(each).toMatchObject({ status: 'rejected', reason: { code: 'guard-refused' } });
      expect(await copies(one).copyCommand(asked.id)).toEqual({ kind: 'none' });
      expect(await replicaOn(two, guest)).toBeDefined();
    });
  });
}
