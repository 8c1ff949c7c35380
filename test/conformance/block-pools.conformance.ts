// What every host must do whose pools lie on block storage that others see: one changes its host, and is never mounted on two.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesystemOf, nextUuid, whyNotTaken } from '../../src/hosts/shared-filesystem.js';
import type { BlockPools, PoolRequest } from '../../src/hosts/hypervisor.js';
import { admit, admitAll, Epochs, newGuest, seen, type ConformanceRig, type Guest, type RigHost } from './rig.js';

export interface PoolsRig extends ConformanceRig {
  /** Whose pool it is. */
  readonly driver: PoolRequest['driver'];
  /** On the first host, on a device that both see. */
  readonly pool: string;
  /** A stopped workload in that pool on the first host, with this text on its disk, synced. */
  createInPool(guest: Guest, text: string): Promise<void>;
  read(host: RigHost, guest: Guest): Promise<string | null>;
  /** What keeps the host's daemon from taking up that workload; all removed, it can. At least: another workload of its name, in another pool. */
  hindrances(host: RigHost, guest: Guest): readonly Hindrance[];
  powerOff(host: RigHost): Promise<void>;
  powerOn(host: RigHost): Promise<void>;
}

export interface Hindrance {
  put(): Promise<unknown>;
  readonly why: string;
  remove(): Promise<unknown>;
}

export function blockPoolsConformance(title: string, start: () => Promise<PoolsRig>): void {
  // One story: each part begins where the one before ended.
  describe(`BlockPools: ${title}`, () => {
    let rig: PoolsRig;
    let one: RigHost;
    let two: RigHost;
    let request: PoolRequest;
    const epochs = new Epochs();
    const guest = newGuest();
    const pools = (host: RigHost): BlockPools => {
      if (!host.hypervisor.pools) throw new Error(`${host.name} has no pools`);
      return host.hypervisor.pools;
    };
    const LATER_MS = 60_000;

    beforeAll(async () => {
      rig = await start();
      [one, two] = rig.hosts;
      await admitAll(rig, epochs);
      await rig.createInPool(guest, 'written');
    });
    afterAll(() => rig?.close());

    it('both hosts tell of the same device, and one of them of the pool on it', async () => {
      const name = { driver: rig.driver, pool: rig.pool };
      const [facts, others] = [await one.hypervisor.facts(), await two.hypervisor.facts()];
      const filesystem = filesystemOf(facts, name);
      if (!filesystem) throw new Error(`${one.name} shows no pool on a device: ${JSON.stringify(facts.containerDaemons)}`);
      expect([filesystemOf(others, name), whyNotTaken(others, name, filesystem)]).toEqual([null, null]);
      expect(whyNotTaken(others, name, { ...filesystem, sizeBytes: 1 })).toMatch(/does not see the device/);
      request = { ...name, uuid: filesystem.uuid, newUuid: nextUuid(filesystem.uuid), sizeBytes: filesystem.sizeBytes, generation: filesystem.generation };
      expect(await pools(one).look(request)).toEqual({ name: 'old', isMounted: true, source: request.uuid });
      expect(await pools(two).look(request)).toEqual({ name: 'old', isMounted: false, source: null });
    });

    it('nothing is taken up under its old name, nor claimed where it is mounted, or too late, or by an old command', async () => {
      await expect(pools(two).adopt(epochs.token(two), request)).rejects.toMatchObject({ code: 'failed' });
      await expect(pools(one).claim(epochs.token(one), request, Date.now() + LATER_MS)).rejects.toThrow(/mounted/);
      await expect(pools(two).claim(epochs.token(two), request, -1)).rejects.toThrow(/too late/);
      await expect(pools(two).claim({ ...epochs.token(two), leaderEpoch: 0 }, request, Date.now() + LATER_MS)).rejects.toMatchObject({ code: 'guard-refused' });
      await expect(pools(two).claim(epochs.token(two), { ...request, uuid: '00000000-0000-4000-8000-000000000000', newUuid: '00000000-0000-4000-8000-000000000001' }, Date.now() + LATER_MS)).rejects.toMatchObject({ code: 'not-found' });
      expect(await pools(one).forget(epochs.token(one), request, false)).toBe('kept');
      expect(seen(await one.hypervisor.observe(guest.uuid))).toBe('stopped');
      expect(await pools(two).look(request)).toMatchObject({ name: 'old', isMounted: false });
    });

    it('when its host has no power it is claimed, once and again, and taken up, with all that lies in it', async () => {
      await rig.powerOff(one);
      // Found before anything is changed, for the new name can't be taken back.
      for (const { put, why, remove } of rig.hindrances(two, guest)) {
        await put();
        await expect(pools(two).claim(epochs.token(two), request, Date.now() + LATER_MS)).rejects.toThrow(why);
        expect(await pools(two).look(request)).toEqual({ name: 'old', isMounted: false, source: null });
        await remove();
      }
      for (let times = 0; times < 2; times += 1) await pools(two).claim(epochs.token(two), request, Date.now() + LATER_MS);
      expect(await pools(two).look(request)).toEqual({ name: 'new', isMounted: false, source: null });
      for (let times = 0; times < 2; times += 1) expect(await pools(two).adopt(epochs.token(two), request)).toEqual([]);
      expect(await pools(two).look(request)).toEqual({ name: 'new', isMounted: true, source: request.newUuid });
      // After all of it: nothing to be done.
      await pools(two).claim(epochs.token(two), request, Date.now() + LATER_MS);
      expect(await two.hypervisor.observe(guest.uuid)).toMatchObject({ runState: 'stopped', name: guest.name });
      expect(await rig.read(two, guest)).toBe('written');
      await two.hypervisor.start(epochs.token(two, guest), guest.uuid);
      expect(seen(await two.hypervisor.observe(guest.uuid))).toBe('running');
    });

    it('its old host is back: it does not have it, starts nothing of it, and forgets it, once and again', async () => {
      await rig.powerOn(one);
      expect((await pools(one).look(request)).isMounted).toBe(false);
      await expect(pools(one).forget(epochs.token(one), request, true)).rejects.toMatchObject({ code: 'guard-refused' });
      await admit(one, epochs);
      for (const isTaken of [false, true]) expect(await pools(one).forget(epochs.token(one), request, isTaken)).toBe('lost');
      expect(await one.hypervisor.observe(guest.uuid)).toBeNull();
      expect(await pools(one).look(request)).toEqual({ name: 'new', isMounted: false, source: null });
      expect([seen(await two.hypervisor.observe(guest.uuid)), await rig.read(two, guest)]).toEqual(['running', 'written']);
    });

    it('its new host has it after a boot of its own', async () => {
      await rig.powerOff(two);
      await rig.powerOn(two);
      await admit(two, epochs);
      expect(await pools(two).look(request)).toEqual({ name: 'new', isMounted: true, source: request.newUuid });
      expect(await rig.read(two, guest)).toBe('written');
    });
  });
}
