// How many more fit, counted by hand where that can be done, and by its own promises on random clusters.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aFacts, aHost, aWorkload } from '../../test/fixtures/cluster.js';
import { GENERATED_POLICY } from '../../test/fixtures/generated-cluster.js';
import type { Host } from '../hosts/host.js';
import type { Workload } from '../workloads/workload.js';
import { howManyFit } from './how-many-fit.js';
import { roomLostBy } from './keeps-room.js';
import type { PlacementView } from './placement.js';
import { drawnCluster, viewOf } from './plans.fixture.js';

const sized = (memoryMiB: number, vcpus = 1): Workload => {
  const one = aWorkload('like', null);
  return { ...one, needs: { ...one.needs, memoryMiB, vcpus } };
};
const hostOf = (name: string, gib: number, set: Partial<Host> = {}): Host => aHost(name, { facts: aFacts({ memoryMiB: gib * 1_024 + GENERATED_POLICY.reservedMemoryMiB, cpus: 16 }), ...set });
const viewWith = (hosts: readonly Host[], workloads: readonly Workload[] = []): PlacementView => ({ hosts, workloads, heard: new Set(hosts.map(({ id }) => id)), leaseless: new Set(), promised: [], rules: [], policy: GENERATED_POLICY });
const three = ['a', 'b', 'c'].map((name) => hostOf(name, 8));

describe('howManyFit', () => {
  it('without a thought of losses, as many as there is memory for', () => {
    expect(howManyFit(viewWith(three), { like: sized(1_024), mode: 'off', most: 100 })).toEqual({ count: 24, places: 24, roomLost: null, noPlace: expect.stringContaining('0 MiB free') });
  });

  it('with room for the loss of any host, as many as the others hold together', () => {
    const found = howManyFit(viewWith(three), { like: sized(1_024), mode: 'n+1', most: 100 });
    expect([found.count, found.places, found.noPlace]).toEqual([16, 24, null]);
    expect([found.roomLost?.before, found.roomLost?.after.down.length]).toEqual([0, 1]);
  });

  it.each([['n+2', 8], ['zone', 8]] as const)('with room for more: %s', (mode, count) => {
    const hosts = three.map((host, index) => ({ ...host, zone: index < 2 ? 'east' : 'west' }));
    // Of two zones the small one has 8 GiB: what is on both hosts of the other must find room there.
    expect(howManyFit(viewWith(hosts), { like: sized(1_024), mode, most: 100 }).count).toBe(count);
  });

  it('vCPUs run out as memory does', () => {
    expect(howManyFit(viewWith(three), { like: sized(64, 32), mode: 'off', most: 100 })).toMatchObject({ count: 6, noPlace: expect.stringContaining('CPU') });
  });

  it('what is there counts, and hosts that take nothing are left out', () => {
    const [first, second] = three;
    const hosts = [...three.slice(0, 2), hostOf('c', 8, { cordoned: true })];
    const there = [aWorkload('x', first ?? null), aWorkload('y', second ?? null)].map((one) => ({ ...one, needs: { ...one.needs, memoryMiB: 4_096 } }));
    expect(howManyFit(viewWith(hosts, there), { like: sized(1_024), mode: 'off', most: 100 }).count).toBe(8);
    expect(howManyFit(viewWith(hosts, there), { like: sized(1_024), mode: 'n+1', most: 100 }).count).toBe(0);
  });

  it('it is enough to know that so many fit', () => {
    expect(howManyFit(viewWith(three), { like: sized(1_024), mode: 'n+1', most: 5 })).toEqual({ count: 5, places: 5, roomLost: null, noPlace: null });
  });

  it('random clusters: those counted leave nothing more down after any loss; one more does, or has no place; another host never makes fewer places', () => {
    fc.assert(fc.property(drawnCluster.map(viewOf), fc.integer({ min: 1, max: 4 }), (view, size) => {
      const like = sized(size * 512);
      const found = howManyFit(view, { like, mode: 'n+1', most: 50 });
      expect(found.count).toBeLessThanOrEqual(found.places);
      expect(found.roomLost === null).toBe(found.count === found.places);
      if (found.count === found.places) expect(found.noPlace === null).toBe(found.places === 50);
      const more = viewWith([...view.hosts, hostOf('more', 4)], view.workloads);
      expect(howManyFit({ ...more, rules: view.rules, policy: view.policy }, { like, mode: 'off', most: 50 }).places).toBeGreaterThanOrEqual(found.places);
    }), { numRuns: 60 });
  });

  it('a cluster without room for failure takes what makes no loss worse', () => {
    const [first] = three;
    const there = aWorkload('large', first ?? null);
    const view = viewWith([...three.slice(0, 1), hostOf('b', 2), hostOf('c', 2)], [{ ...there, needs: { ...there.needs, memoryMiB: 7_000 } }]);
    const { count } = howManyFit(view, { like: sized(1_024), mode: 'n+1', most: 100 });
    expect(count).toBeGreaterThan(0);
    expect(roomLostBy(view, view, 'n+1')).toBeNull();
  });
});
