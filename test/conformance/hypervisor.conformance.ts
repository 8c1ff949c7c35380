// What every Hypervisor must do, real or simulated: run as it stands against both.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { MigrationRequest } from '../../src/hosts/hypervisor.js';
import { expectSoundFacts } from './host-facts.conformance.js';
import { admitAll, Epochs, eventually, newGuest, seen, type ConformanceRig, type Guest, type Lack, type RigHost } from './rig.js';

export function hypervisorConformance(title: string, start: () => Promise<ConformanceRig>, lacks: ReadonlySet<Lack> = new Set()): void {
  const kind = lacks.has('disks') ? 'container' : 'vm';
  describe(`Hypervisor: ${title}`, () => {
    let rig: ConformanceRig;
    let one: RigHost;
    let two: RigHost;
    const epochs = new Epochs();
    const token = (host: RigHost, guest?: Guest): ReturnType<Epochs['token']> => epochs.token(host, guest);

    beforeAll(async () => {
      rig = await start();
      [one, two] = rig.hosts;
      await admitAll(rig, epochs);
    });
    afterAll(() => rig?.close());
    afterEach(async () => {
      for (const host of rig.hosts) {
        for (const { uuid, name } of (await host.hypervisor.inventory()).workloads) {
          const guest = { uuid, name };
          await host.hypervisor.kill(token(host, guest), uuid);
          await host.hypervisor.undefine(token(host, guest), uuid);
        }
      }
    });

    async function defined(host: RigHost, more: Partial<Guest> = {}): Promise<Guest> {
      const guest = newGuest(more);
      await rig.prepare?.(host, guest);
      await host.hypervisor.define(token(host, guest), rig.definition(guest));
      return guest;
    }

    async function started(host: RigHost, more: Partial<Guest> = {}): Promise<Guest> {
      const guest = await defined(host, more);
      await host.hypervisor.start(token(host, guest), guest.uuid);
      return guest;
    }

    describe('looking', () => {
      it('reports the host: sizes, boot, pools, bridges', async () => {
        const [facts, probe] = [await one.hypervisor.facts(), await one.agent.probe(8_000)];
        expect(facts.bootId).toBe(probe.bootId);
        expectSoundFacts(facts);
        expect(facts.bridges).toContain('br0');
        expect(facts.pools.map(({ name }) => name)).toEqual(expect.arrayContaining([rig.sharedPool, rig.localPool]));
        for (const pool of facts.pools) expect(pool).toMatchObject({ path: expect.stringMatching(/^\//) as string, totalMiB: expect.any(Number) as number });
        expect(facts.machineId).not.toBe((await two.hypervisor.facts()).machineId);
      });

      it('knows nothing of what was never there', async () => {
        const { uuid } = newGuest();
        expect(await one.hypervisor.observe(uuid)).toBeNull();
        expect(await one.hypervisor.migrationProgress(uuid)).toBeNull();
        expect(await one.hypervisor.migrationCommand('never')).toEqual({ kind: 'none' });
        expect(await one.hypervisor.migrationStatistics(uuid)).toEqual({ totalMs: null, downtimeMs: null, transferredBytes: null });
        await expect(one.hypervisor.definition(uuid)).rejects.toMatchObject({ code: 'not-found' });
      });

      it('names what a definition misses on a host, and nothing when all is there', async () => {
        expect(await two.hypervisor.compatibility(rig.definition(newGuest({ bridge: 'br0' })))).toEqual([]);
        const reasons = await two.hypervisor.compatibility(rig.definition(newGuest({ bridge: 'br-none', disk: '/srv/shared/none.raw' })));
        expect(reasons.map(({ code }) => code).sort()).toEqual(lacks.has('disks') ? ['bridge-missing'] : ['bridge-missing', 'file-missing']);
        for (const { why } of reasons) expect(why).toContain(two.name);
      });
    });

    describe('life of a workload', () => {
      it('is defined, twice the same, with its sizes and without autostart', async () => {
        const guest = await defined(one, { memoryMiB: 24 });
        await one.hypervisor.define(token(one, guest), rig.definition(guest));
        const found = (await one.hypervisor.inventory()).workloads.filter(({ uuid }) => uuid === guest.uuid);
        expect(found).toEqual([await one.hypervisor.observe(guest.uuid)]);
        expect(found).toMatchObject([{ name: guest.name, kind, runState: 'stopped', vcpus: 1, memoryMiB: 24, autostart: false, persistent: true }]);
        expect(await two.hypervisor.observe(guest.uuid)).toBeNull();
      });

      it('gives back a definition that another host takes', async () => {
        const guest = await started(one);
        const definition = await one.hypervisor.definition(guest.uuid);
        await rig.prepare?.(two, guest);
        await two.hypervisor.define(token(two, guest), definition);
        expect(await two.hypervisor.observe(guest.uuid)).toMatchObject({ name: guest.name, runState: 'stopped' });
        expect(await two.hypervisor.definition(guest.uuid)).toBe(definition);
      });

      it('starts once, however often it is told to', async () => {
        const guest = await started(one);
        await one.hypervisor.start(token(one, guest), guest.uuid);
        expect(await one.hypervisor.observe(guest.uuid)).toMatchObject({ runState: 'running', reason: 'booted', persistent: true });
        if (!lacks.has('process-probe')) expect((await one.agent.probe(8_000)).runningUuids).toContain(guest.uuid);
      });

      it('is killed, twice the same, and its definition stays', async () => {
        const guest = await started(one);
        for (let times = 0; times < 2; times += 1) await one.hypervisor.kill(token(one, guest), guest.uuid);
        expect(await one.hypervisor.observe(guest.uuid)).toMatchObject({ runState: 'stopped', ...(lacks.has('stop-reasons') ? {} : { reason: 'destroyed' }) });
        expect((await one.agent.probe(8_000)).runningUuids).not.toContain(guest.uuid);
      });

      it('keeps the definition of one that runs, forgets that of one that does not, twice the same', async () => {
        const guest = await started(one);
        await expect(one.hypervisor.undefine(token(one, guest), guest.uuid)).rejects.toMatchObject({ code: 'failed' });
        expect(await one.hypervisor.observe(guest.uuid)).toMatchObject({ runState: 'running', persistent: true });
        await one.hypervisor.kill(token(one, guest), guest.uuid);
        for (let times = 0; times < 2; times += 1) await one.hypervisor.undefine(token(one, guest), guest.uuid);
        expect(await one.hypervisor.observe(guest.uuid)).toBeNull();
      });

      it('says not-found for what it does not know, where that is no success', async () => {
        const guest = newGuest();
        await expect(one.hypervisor.start(token(one, guest), guest.uuid)).rejects.toMatchObject({ code: 'not-found' });
        await expect(one.hypervisor.resume(token(one, guest), guest.uuid)).rejects.toMatchObject({ code: 'not-found' });
        await one.hypervisor.kill(token(one, guest), guest.uuid);
        await one.hypervisor.undefine(token(one, guest), guest.uuid);
        await one.hypervisor.abortMigration(token(one, guest), guest.uuid);
      });

      it('takes a shutdown or an abort of nothing as done, and resumes what runs', async () => {
        const guest = await defined(one);
        await one.hypervisor.requestShutdown(token(one, guest), guest.uuid);
        await one.hypervisor.start(token(one, guest), guest.uuid);
        await one.hypervisor.abortMigration(token(one, guest), guest.uuid);
        await one.hypervisor.resume(token(one, guest), guest.uuid);
        expect(seen(await one.hypervisor.observe(guest.uuid))).toBe('running');
      });

      it('sets and clears autostart', async () => {
        const guest = await defined(one);
        for (const autostart of [true, true, false]) {
          await one.hypervisor.setAutostart(token(one, guest), guest.uuid, autostart);
          expect(await one.hypervisor.observe(guest.uuid)).toMatchObject({ autostart });
        }
      });

      it('gives nothing back where nothing was noted, and nothing to what is not there', async () => {
        const guest = await defined(one);
        await one.hypervisor.setAutostart(token(one, guest), guest.uuid, true);
        await one.hypervisor.giveBackAutostart(token(one, guest), guest.uuid);
        expect(await one.hypervisor.observe(guest.uuid)).toMatchObject({ autostart: true });
        const none = newGuest();
        await one.hypervisor.giveBackAutostart(token(one, none), none.uuid);
      });
    });

    describe.skipIf(lacks.has('disks'))('disks', () => {
      it('makes a disk once, seen by both hosts when the pool is shared, and removes it once', async () => {
        const { name } = newGuest();
        const spec = { pool: rig.sharedPool, sizeMiB: 4, format: 'raw' as const };
        const path = await one.hypervisor.createDisk(token(one), `${name}.raw`, spec);
        expect(await one.hypervisor.createDisk(token(one), `${name}.raw`, spec)).toBe(path);
        const guest = newGuest({ disk: path });
        expect(await two.hypervisor.compatibility(rig.definition(guest))).toEqual([]);
        for (let times = 0; times < 2; times += 1) await two.hypervisor.deleteDisk(token(two), path);
        expect((await one.hypervisor.compatibility(rig.definition(guest))).map(({ code }) => code)).toEqual(['file-missing']);
      });

      it('copies an image and makes it larger', async () => {
        const { name } = newGuest();
        const from = await one.hypervisor.createDisk(token(one), `${name}-base.raw`, { pool: rig.sharedPool, sizeMiB: 4, format: 'raw' });
        const path = await one.hypervisor.createDisk(token(one), `${name}.qcow2`, { pool: rig.localPool, sizeMiB: 8, format: 'qcow2', from });
        expect(await one.hypervisor.compatibility(rig.definition(newGuest({ disk: path })))).toEqual([]);
        for (const disk of [from, path]) await one.hypervisor.deleteDisk(token(one), disk);
      });

      it('names a pool it does not have, a source that is not there, and leaves alone what is in no pool', async () => {
        const { name } = newGuest();
        await expect(one.hypervisor.createDisk(token(one), name, { pool: 'nowhere', sizeMiB: 4, format: 'raw' })).rejects.toMatchObject({ code: 'not-found' });
        await expect(one.hypervisor.createDisk(token(one), name, { pool: rig.sharedPool, sizeMiB: 4, format: 'raw', from: '/srv/shared/none.img' })).rejects.toMatchObject({ code: 'not-found' });
        for (const path of ['/etc/hostname', '/srv/shared/../../etc/hostname']) await expect(one.hypervisor.deleteDisk(token(one), path)).rejects.toMatchObject({ code: 'unsupported' });
      });

      it('refuses a second start on the same disk, and a removal of it, until the first has ended', async () => {
        const disk = await one.hypervisor.createDisk(token(one), `${newGuest().name}.raw`, { pool: rig.sharedPool, sizeMiB: 4, format: 'raw' });
        const first = await started(one, { disk });
        const second = await defined(two, { disk });
        await expect(two.hypervisor.start(token(two, second), second.uuid)).rejects.toMatchObject({ code: 'locked' });
        await expect(two.hypervisor.deleteDisk(token(two), disk)).rejects.toMatchObject({ code: 'locked' });
        expect(seen(await two.hypervisor.observe(second.uuid))).toBe('stopped');
        await one.hypervisor.kill(token(one, first), first.uuid);
        await two.hypervisor.start(token(two, second), second.uuid);
        await two.hypervisor.kill(token(two, second), second.uuid);
        await two.hypervisor.deleteDisk(token(two), disk);
      });
    });

    describe.skipIf(lacks.has('live-migration'))('live migration', () => {
      const request = (guest: Guest, more: Partial<MigrationRequest> = {}): MigrationRequest => ({
        id: `op-${guest.name}`,
        uuid: guest.uuid,
        destination: { name: two.name, sshUser: 'root', sshPort: 22, address: two.address },
        bandwidthMiBps: null,
        maxDowntimeMs: 300,
        autoConverge: false,
        copyStorage: false,
        ...more,
      });
      const ended = (id: string): Promise<{ exitCode: number; output: string }> =>
        eventually(rig, `end of ${id}`, async () => {
          const state = await one.hypervisor.migrationCommand(id);
          return state.kind === 'ended' ? { exitCode: state.exitCode, output: state.output } : null;
        });

      it('moves a running workload with its definition, and counts its downtime', async () => {
        const disk = await one.hypervisor.createDisk(token(one), `${newGuest().name}.raw`, { pool: rig.sharedPool, sizeMiB: 4, format: 'raw' });
        const guest = await started(one, { disk });
        for (let times = 0; times < 2; times += 1) await one.hypervisor.startMigration(token(one, guest), request(guest));
        expect(await ended(request(guest).id)).toEqual({ exitCode: 0, output: '' });
        expect(await one.hypervisor.observe(guest.uuid)).toBeNull();
        expect(await two.hypervisor.observe(guest.uuid)).toMatchObject({ runState: 'running', reason: 'migrated', persistent: true, autostart: false });
        const statistics = await two.hypervisor.migrationStatistics(guest.uuid);
        expect(statistics).toMatchObject({ totalMs: expect.any(Number) as number, downtimeMs: expect.any(Number) as number, transferredBytes: expect.any(Number) as number });
        expect(statistics).toEqual(await two.hypervisor.migrationStatistics(guest.uuid));
        // The same id again does nothing, though nothing runs there any more.
        await one.hypervisor.startMigration(token(one, guest), request(guest));
        expect(seen(await two.hypervisor.observe(guest.uuid))).toBe('running');
        await two.hypervisor.kill(token(two, guest), guest.uuid);
        await one.hypervisor.deleteDisk(token(one), disk);
      });

      it('shows both sides while it moves, and runs on at the source after an abort', async () => {
        const guest = await started(one, { isHeavy: true, memoryMiB: 96 });
        const { id } = request(guest);
        await one.hypervisor.startMigration(token(one, guest), request(guest, { bandwidthMiBps: 1, maxDowntimeMs: 1 }));
        await eventually(rig, 'an incoming copy', async () => (seen(await two.hypervisor.observe(guest.uuid)) === 'migrating-in' ? true : null));
        expect(seen(await one.hypervisor.observe(guest.uuid))).toBe('running');
        expect(await one.hypervisor.migrationCommand(id)).toEqual({ kind: 'running' });
        const progress = await eventually(rig, 'progress', async () => {
          const now = await one.hypervisor.migrationProgress(guest.uuid);
          return now && now.totalBytes > 0 ? now : null;
        });
        expect(progress.remainingBytes).toBeGreaterThan(0);
        expect(await two.hypervisor.migrationProgress(guest.uuid)).toBeNull();
        await expect(two.hypervisor.undefine(token(two, guest), guest.uuid)).rejects.toMatchObject({ code: 'failed' });
        for (let times = 0; times < 2; times += 1) await one.hypervisor.abortMigration(token(one, guest), guest.uuid);
        expect((await ended(id)).exitCode).not.toBe(0);
        expect(seen(await one.hypervisor.observe(guest.uuid))).toBe('running');
        await eventually(rig, 'the copy to vanish', async () => ((await two.hypervisor.observe(guest.uuid)) === null ? true : null));
        expect(await one.hypervisor.migrationProgress(guest.uuid)).toBeNull();
      });

      it('ends with words when the destination cannot be reached, and harms nothing', async () => {
        const guest = await started(one);
        const id = `${request(guest).id}-lost`;
        await one.hypervisor.startMigration(token(one, guest), { ...request(guest), id, destination: { name: 'nobody', sshUser: 'root', sshPort: 1, address: one.address.replace(/\d+$/, '250') } });
        const { exitCode, output } = await ended(id);
        expect(exitCode).not.toBe(0);
        expect(output).not.toBe('');
        expect(seen(await one.hypervisor.observe(guest.uuid))).toBe('running');
      });
    });

    describe('behind the guard', () => {
      it('does nothing for an old leader, another host epoch, or an old workload epoch; looking is free', async () => {
        const guest = await defined(one);
        const before = token(one, guest);
        epochs.raiseWorkload(guest);
        await one.hypervisor.setAutostart(token(one, guest), guest.uuid, false);
        const old = [before, { ...token(one, guest), hostEpoch: before.hostEpoch - 1 }, { ...token(one, guest), hostEpoch: before.hostEpoch + 1 }];
        for (const each of old) await expect(one.hypervisor.start(each, guest.uuid)).rejects.toMatchObject({ code: 'guard-refused' });
        epochs.leader += 1;
        const late = { ...token(one, guest), leaderEpoch: epochs.leader - 1 };
        await one.hypervisor.setAutostart(token(one, guest), guest.uuid, false);
        const refused = [
          one.hypervisor.start(late, guest.uuid), one.hypervisor.kill(late, guest.uuid), one.hypervisor.undefine(late, guest.uuid), one.hypervisor.define(late, rig.definition(guest)),
          ...(lacks.has('disks') ? [] : [one.hypervisor.createDisk(late, 'x', { pool: rig.sharedPool, sizeMiB: 4, format: 'raw' }), one.hypervisor.deleteDisk(late, '/srv/shared/x')]), one.hypervisor.setAutostart(late, guest.uuid, true), one.hypervisor.giveBackAutostart(late, guest.uuid),
          one.hypervisor.requestShutdown(late, guest.uuid), one.hypervisor.resume(late, guest.uuid), one.hypervisor.startMigration(late, request0(guest)), one.hypervisor.abortMigration(late, guest.uuid),
        ];
        for (const each of await Promise.allSettled(refused)) expect(each).toMatchObject({ status: 'rejected', reason: { code: 'guard-refused' } });
        expect(await one.hypervisor.observe(guest.uuid)).toMatchObject({ runState: 'stopped', autostart: false });
        expect(await one.hypervisor.migrationCommand(request0(guest).id)).toEqual({ kind: 'none' });
      });

      it('is overtaken by a newer placement, though nothing was changed for it', async () => {
        const guest = await defined(one);
        const before = token(one, guest);
        epochs.raiseWorkload(guest);
        await one.hypervisor.overtake(token(one, guest));
        await expect(one.hypervisor.start(before, guest.uuid)).rejects.toMatchObject({ code: 'guard-refused' });
        await expect(one.hypervisor.overtake(before)).rejects.toMatchObject({ code: 'guard-refused' });
        expect(await one.hypervisor.observe(guest.uuid)).toMatchObject({ runState: 'stopped' });
        await one.hypervisor.start(token(one, guest), guest.uuid);
        expect(seen(await one.hypervisor.observe(guest.uuid))).toBe('running');
      });

      const request0 = (guest: Guest): MigrationRequest => ({ id: `late-${guest.name}`, uuid: guest.uuid, destination: { name: two.name, sshUser: 'root', sshPort: 22, address: two.address }, bandwidthMiBps: null, maxDowntimeMs: 300, autoConverge: false, copyStorage: false });
    });
  });
}
