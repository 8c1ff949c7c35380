// Room for failure: what would stay down after each loss, why, and what would mend it.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aFacts } from '../../test/fixtures/cluster.js';
import { seededRng } from '../shared/rng.js';
import type { Host } from '../hosts/host.js';
import { explainDown, viewAfter } from './explain-down.js';
import { roomyHost, sized, smallCluster, viewOf } from './failure-room.fixture.js';
import { failureRoom, wanting, type LossOutcome } from './failure-room.js';
import { HOSTS_IN_PAIRS, lossesToTry, ROOM_MODES, type RoomMode } from './losses-to-try.js';
import { lossTrial } from './loss-trial.js';
import { placeWorkload } from './place-workload.js';
import type { PlacementView } from './placement.js';

const [one, two, three] = [roomyHost('host-1', 8_192), roomyHost('host-2', 8_192), roomyHost('host-3', 8_192)];
const seeds = fc.integer({ min: 0, max: 100_000 });
const modes = fc.constantFrom(...ROOM_MODES);
const down = (view: PlacementView, mode: RoomMode): readonly string[] => failureRoom(view, mode).outcomes.map(({ hosts, down: some }) => `${hosts.join('+')}: ${some.map(({ workload }) => workload).join(' ')}`);

describe('room for the loss of one host', () => {
  it('says what stays down, why, what would mend it, and how full the cluster is', () => {
    const view = viewOf([one, two], [sized('vm-1', one, 6_144), sized('vm-2', two, 4_096), sized('vm-3', two, 2_048)]);
    const room = failureRoom(view, 'n+1');
    expect(room).toMatchObject({ isOk: false, memoryMiB: { used: 12_288, limit: 16_384 }, vcpus: { used: 3, limit: 64 } });
    expect(room.outcomes).toMatchObject([
      { hosts: ['host-1'], placed: 0, down: [{ workload: 'vm-1', why: 'host-2: needs 6,144 MiB, 2,048 MiB free of 8,192 MiB', isBound: false }], mend: '4,096 MiB more free memory on host-2' },
      { hosts: ['host-2'], placed: 1, down: [{ workload: 'vm-2', why: expect.stringContaining('needs 4,096 MiB') }], mend: '4,096 MiB more free memory on host-1' },
    ]);
    expect(failureRoom(viewOf([one, two, three], view.workloads), 'n+1')).toMatchObject({ isOk: true, tightest: { down: [], freeMemoryMiB: 16_384 - 12_288 } });
  });

  it('leaves the lower priority down', () => {
    const view = viewOf([one, two], [sized('vm-1', one, 4_096), sized('vm-2', one, 4_096, { priority: 5 }), sized('vm-3', two, 4_096)]);
    expect(down(view, 'n+1')).toEqual(['host-1: vm-1', 'host-2: vm-3']);
  });

  it('does not count what is off, being decided about, unprotected or in error', () => {
    const proof = { kind: 'power-off', evidence: 'off', atMs: 1, bootId: null, hostEpoch: 1 } as const;
    const [off, silent] = [roomyHost('host-3', 8_192, { condition: 'fenced', proof }), roomyHost('host-4', 8_192, { condition: 'silent' })];
    const workloads = [sized('vm-1', off, 8_192), sized('vm-2', silent, 8_192), sized('vm-3', one, 8_192, { isProtected: false }), sized('vm-4', two, 8_192, { state: 'error' })];
    const room = failureRoom(viewOf([one, two, off, silent], workloads), 'n+1');
    expect(room).toMatchObject({ isOk: true, undecided: ['host-4'], outcomes: [{ hosts: ['host-1'], unprotected: 1, placed: 0 }, { hosts: ['host-2'], unprotected: 0, placed: 0 }] });
  });

  it('puts nothing on hosts that are cordoned or in maintenance, and loses them all the same', () => {
    const [cordoned, maintained] = [roomyHost('host-2', 8_192, { cordoned: true }), roomyHost('host-3', 8_192, { intent: 'maintenance' })];
    const room = failureRoom(viewOf([one, cordoned, maintained], [sized('vm-1', one, 1_024), sized('vm-2', cordoned, 1_024)]), 'n+1');
    expect(room.outcomes.map(({ down: some }) => some.map(({ why }) => why))).toEqual([['host-2: host-2 is cordoned; host-3: host-3 is in maintenance'], [], []]);
    expect(room.outcomes[0]?.mend).toBe('what stands in the way of vm-1: host-2: host-2 is cordoned; host-3: host-3 is in maintenance');
  });

  it('names the rule that stands in the way', () => {
    const apart = { name: 'web', type: 'keep-apart', hard: true, workloads: [sized('vm-1', one, 1).id, sized('vm-2', two, 1).id] } as const;
    const room = failureRoom(viewOf([one, two], [sized('vm-1', one, 1_024), sized('vm-2', two, 1_024)], [apart]), 'n+1');
    expect(room.outcomes[0]).toMatchObject({ mend: 'what stands in the way of vm-1: host-2: rule web keeps it apart from vm-2, which is on host-2' });
    expect(room.isOk).toBe(false);
  });

  it('counts a move under way where it ends, and hosts that are not heard for a moment as there', () => {
    const view = viewOf([one, two], [sized('vm-1', one, 8_192), sized('vm-2', two, 1_024)]);
    const moving = { ...viewOf([one, two, three], view.workloads), promised: [{ workloadId: view.workloads[0]?.id ?? '', hostId: three.id }], heard: new Set<never>() };
    expect(failureRoom(moving, 'n+1')).toMatchObject({ isOk: true, outcomes: [{ hosts: ['host-1'], placed: 0 }, { placed: 1 }, { hosts: ['host-3'], placed: 1 }] });
  });
});

describe('what is bound to its host', () => {
  it('is shown, and is no question of room', () => {
    const pinned = sized('vm-1', one, 1_024);
    const room = failureRoom(viewOf([one, two], [{ ...pinned, needs: { ...pinned.needs, pinnedBy: ['a device'] } }]), 'n+1');
    expect(room).toMatchObject({ isOk: true, outcomes: [{ down: [{ workload: 'vm-1', isBound: true, why: 'host-2: it is tied to its host by a device' }] }, { down: [] }] });
  });

  it('is a container without a replica; one with a replica needs room there', () => {
    const daemon = { driver: 'lxd', version: '5', driverVersions: '', address: 'https://h', pools: [{ name: 'default', driver: 'zfs', freeMiB: 1, totalMiB: 2, isUnavailable: false }], profiles: ['default'], networks: [], cluster: null } as never;
    const hosts = [one, two, three].map((host) => ({ ...host, facts: aFacts({ ...host.facts, containerDaemons: [daemon] }) }));
    const plain = sized('c-1', one, 1_024);
    const container = { ...plain, kind: 'container', needs: { ...plain.needs, disks: [], driver: 'lxd', instance: { pool: 'default', profiles: ['default'], networks: [] }, accelerator: 'none' } } as const;
    expect(failureRoom(viewOf(hosts, [container]), 'n+1')).toMatchObject({ isOk: true, outcomes: [{ down: [{ isBound: true, why: expect.stringContaining('no replica is kept') }] }, {}, {}] });
    const replica = { hostId: two.id, asOfMs: 1, triedAtMs: 1, why: null, isToldLate: false };
    expect(failureRoom(viewOf(hosts, [{ ...container, replica }]), 'n+1').outcomes[0]).toMatchObject({ placed: 1, down: [] });
    const filled = failureRoom(viewOf(hosts, [{ ...container, replica }, sized('vm-1', hosts[1] ?? null, 8_192, { isProtected: false })]), 'n+1');
    expect(filled).toMatchObject({ isOk: false, outcomes: [{ down: [{ isBound: false }], mend: '1,024 MiB more free memory on host-2' }, {}, {}] });
  });

  it('is nothing where there is no other host', () => {
    expect(failureRoom(viewOf([one], [sized('vm-1', one, 1_024)]), 'n+1')).toMatchObject({ isOk: false, outcomes: [{ down: [{ why: 'no other host is in service', isBound: false }] }] });
  });
});

describe('room for more than one', () => {
  it('tries every pair', () => {
    const four = roomyHost('host-4', 8_192);
    const view = viewOf([one, two, three, four], [one, two, three, four].map((host, nth) => sized(`vm-${nth + 1}`, host, 4_096)));
    expect(failureRoom(view, 'n+2').isOk).toBe(true);
    expect(down(viewOf([one, two, three], view.workloads.slice(0, 3)), 'n+2')).toEqual(['host-1+host-2: vm-2', 'host-1+host-3: vm-3', 'host-2+host-3: vm-3']);
    expect(failureRoom(viewOf([one], []), 'n+2').outcomes.map(({ hosts }) => hosts)).toEqual([['host-1']]);
  });

  it('tries pairs of the fullest where there are many hosts, and says how many it left out', () => {
    const many = Array.from({ length: HOSTS_IN_PAIRS + 2 }, (_, nth) => roomyHost(`host-${100 + nth}`, 8_192));
    const view = viewOf(many, many.slice(2).map((host, nth) => sized(`vm-${nth}`, host, 1_024)));
    const { losses, leftOut } = lossesToTry(view, 'n+2');
    expect([losses.length, leftOut]).toEqual([(HOSTS_IN_PAIRS * (HOSTS_IN_PAIRS - 1)) / 2, 2]);
    expect(losses.some(({ hosts }) => hosts.some(({ name }) => name === 'host-100'))).toBe(false);
  });

  it('loses a zone as a whole, and a host without one alone', () => {
    const inZone = (host: Host, zone: string | null): Host => ({ ...host, zone });
    const hosts = [inZone(one, 'east'), inZone(two, 'east'), inZone(three, null)];
    const room = failureRoom(viewOf(hosts, [sized('vm-1', one, 6_144), sized('vm-2', two, 6_144)]), 'zone');
    expect(room.outcomes).toMatchObject([{ hosts: ['host-1', 'host-2'], zone: 'east', down: [{ workload: 'vm-2' }], placed: 1 }, { hosts: ['host-3'], zone: null, down: [] }]);
  });
});

const shuffled = <T>(items: readonly T[], seed: number): readonly T[] => {
  const rng = seededRng(seed);
  return items.map((item) => ({ item, at: rng.next() })).sort((a, b) => a.at - b.at).map(({ item }) => item);
};

describe('laws', () => {
  it('what is said to stay down has no place once the rest is placed, and what would mend it does', () => {
    let stranded = 0;
    fc.assert(fc.property(seeds, modes, (seed, mode) => {
      const { packing, view, lose, isBound } = lossTrial(smallCluster(seed));
      for (const loss of lossesToTry(view, mode).losses) {
        lose(loss, (found) => {
          const lost = new Set(loss.hosts.map(({ id }) => id));
          const after = viewAfter({ packing, view, lost });
          const before = JSON.stringify([[...packing.free], [...packing.at]]);
          const said = found.down.length === 0 ? null : explainDown({ packing, view, lost, down: found.down, isBound });
          expect(JSON.stringify([[...packing.free], [...packing.at]])).toBe(before);
          for (const { workloadId } of said?.down ?? []) {
            stranded += 1;
            const workload = after.workloads.find(({ id }) => id === workloadId);
            expect(workload && placeWorkload(after, { workload, exclude: [] }).ok).toBe(false);
          }
          if (found.down.length === 1) expectMended(after, said);
        });
      }
    }), { numRuns: 300 });
    expect(stranded).toBeGreaterThan(100);
  });

  it('the order of hosts, workloads and rules does not matter', () => {
    fc.assert(fc.property(seeds, modes, (seed, mode) => {
      const view = smallCluster(seed);
      const other = { ...view, hosts: shuffled(view.hosts, seed), workloads: shuffled(view.workloads, seed + 1), rules: shuffled(view.rules, seed + 2) };
      expect(failureRoom(other, mode)).toEqual(failureRoom(view, mode));
    }), { numRuns: 200 });
  });

  it('another host strands nothing more', () => {
    fc.assert(fc.property(seeds, modes, (seed, mode) => {
      const view = smallCluster(seed);
      const added = roomyHost('host-9', 4_096);
      const wider = failureRoom({ ...view, hosts: [...view.hosts, added], heard: new Set([...view.heard, added.id]) }, mode);
      const key = ({ hosts, zone }: LossOutcome): string => `${hosts.join()} ${zone ?? ''}`;
      const after = new Map(wider.outcomes.map((outcome) => [key(outcome), wanting(outcome).length]));
      for (const outcome of failureRoom(view, mode).outcomes) expect(after.get(key(outcome)) ?? 0).toBeLessThanOrEqual(outcome.down.length);
    }), { numRuns: 300 });
  });
});

/** The host that is named gets so much more. */
function expectMended(after: PlacementView, said: ReturnType<typeof explainDown> | null): void {
  const named = /^([\d,]+) MiB more free memory on (\S+)$/.exec(said?.mend ?? '');
  if (!named) return;
  const extra = Number(named[1]?.replaceAll(',', ''));
  const hosts = after.hosts.map((host) => (host.name === named[2] && host.facts ? { ...host, facts: { ...host.facts, memoryMiB: host.facts.memoryMiB + extra } } : host));
  const workload = after.workloads.find(({ id }) => id === said?.down[0]?.workloadId);
  expect(workload && placeWorkload({ ...after, hosts }, { workload, exclude: [] }).ok).toBe(true);
}
