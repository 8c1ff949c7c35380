// What every AlertCursors must do: how far each target was told, written by the leader only.
import { beforeEach, describe, expect, it } from 'vitest';
import { failed, newCursor, succeeded, type AlertCursors } from '../../src/cluster/alert-cursor.js';
import { event } from '../../src/cluster/cluster-event.js';
import type { ClusterStore } from '../../src/cluster/cluster-store.js';
import { LEASE_MS } from './store-leadership.conformance.js';

export interface AlertCursorsRig {
  readonly cursors: AlertCursors;
  /** The store beside it, empty. */
  readonly store: ClusterStore;
}

const AT_MS = 1_700_000_000_123;

export function alertCursorsConformance(name: string, start: () => Promise<AlertCursorsRig>): void {
  describe(`AlertCursors: ${name}`, () => {
    let rig: AlertCursorsRig;
    let epoch = 0;
    beforeEach(async () => {
      rig = await start();
      epoch = (await rig.store.acquireLease('leader', LEASE_MS)).epoch;
    });
    const save = (cursor: Parameters<AlertCursors['save']>[0], leaderEpoch = epoch): Promise<boolean> => rig.cursors.save(cursor, { leaderEpoch, events: [] });
    const told = async (): Promise<readonly string[]> => (await rig.store.events(null, 10)).map((one) => one.type);

    it('knows no target at first', async () => {
      expect(await rig.cursors.list()).toEqual([]);
    });

    it('keeps what was saved, by name', async () => {
      const failing = { ...failed(newCursor('b', 3), 'down \0 "', AT_MS).cursor, skipped: { count: 2, firstSeq: 1, lastSeq: 3 } };
      expect([await save(failing), await save(newCursor('a', 7))]).toEqual([true, true]);
      expect(await rig.cursors.list()).toMatchObject([{ target: 'a', seq: 7, failure: null, testedAtMs: null }, { target: 'b', seq: 3, failure: { attempts: 1, nextAtMs: AT_MS + 1_000 }, skipped: { count: 2 } }]);
      await save(succeeded(failing, 4, AT_MS + 5).cursor);
      expect((await rig.cursors.list())[1]).toMatchObject({ target: 'b', seq: 4, failure: null, lastSuccessAtMs: AT_MS + 5 });
    });

    it('goes never back', async () => {
      await save(newCursor('a', 7));
      expect(await save(newCursor('a', 6))).toBe(false);
      expect(await save(newCursor('a', 7))).toBe(true);
      expect((await rig.cursors.list())[0]?.seq).toBe(7);
    });

    it('is written by the leader only', async () => {
      await save(newCursor('a', 7));
      expect(await save(newCursor('a', 8), epoch - 1)).toBe(false);
      await rig.store.releaseLease('leader');
      const next = await rig.store.acquireLease('other', LEASE_MS);
      expect([await save(newCursor('a', 8)), await save(newCursor('b', 8)), await save(newCursor('a', 9), next.epoch)]).toEqual([false, false, true]);
      expect(await rig.cursors.list()).toMatchObject([{ target: 'a', seq: 9 }]);
    });

    it('takes events with it, all or none, and says that there are some', async () => {
      let changes = 0;
      rig.store.onChange(() => void (changes += 1));
      expect(await rig.cursors.save(newCursor('a', 7), { leaderEpoch: epoch, events: [event('x', 'one'), event('y', 'two')] })).toBe(true);
      expect(await rig.cursors.save(newCursor('a', 8), { leaderEpoch: epoch + 1, events: [event('z', 'three')] })).toBe(false);
      expect(await rig.cursors.save(newCursor('a', 6), { leaderEpoch: epoch, events: [event('z', 'three')] })).toBe(false);
      expect(await told()).toEqual(['x', 'y']);
      for (let tries = 0; tries < 200 && changes === 0; tries += 1) await new Promise((done) => setTimeout(done, 10));
      expect(changes).toBeGreaterThan(0);
    });

    it('remembers a test beside what the leader writes, of a target that it knows', async () => {
      await rig.cursors.tested('a', AT_MS);
      expect(await rig.cursors.list()).toEqual([]);
      await save(newCursor('a', 7));
      await rig.cursors.tested('a', AT_MS);
      await save(newCursor('a', 8));
      expect(await rig.cursors.list()).toMatchObject([{ target: 'a', seq: 8, testedAtMs: AT_MS }]);
    });
  });
}
