// Others are moved out of the way: by the fewest moves, for one at a time, to where nothing is wrong, and never for what they would be moved back.
import { describe, expect, it } from 'vitest';
import { aClusterVerdict, anOperation, aVerdict, aView, NOW_MS } from '../../test/fixtures/cluster.js';
import type { Host } from '../hosts/host.js';
import { roomyHost, sized } from '../scheduler/failure-room.fixture.js';
import type { Workload } from '../workloads/workload.js';
import type { ClusterView } from './cluster-view.js';
import { decide } from './decide.js';
import { operationsOf } from './decide.fixture.js';
import { DEFAULT_POLICY } from './cluster-policy.js';
import type { Decision } from './decision.js';

const proof = { kind: 'power-off' as const, evidence: 'off', atMs: 1, bootId: null, hostEpoch: 1 };
const off = roomyHost('host-0', 16_384, { condition: 'fenced', proof });
const [one, two, three] = [roomyHost('host-1', 8_192), roomyHost('host-2', 8_192), roomyHost('host-3', 8_192)] as const;

function decided(hosts: readonly Host[], workloads: readonly Workload[], set: Partial<ClusterView> = {}, nowMs = NOW_MS): Decision {
  const verdict = aClusterVerdict(hosts.map((host) => aVerdict(host, host.condition === 'online' ? {} : { hearing: 'silent', bootId: null })));
  return decide({ view: aView({ hosts, workloads, ...set }), verdict, nowMs, policy: DEFAULT_POLICY, balance: null });
}
const LOCKED: Partial<Workload> = { lock: { by: 'anna', reason: 'backup', sinceMs: 0 } };
const lost = (name: string, memoryMiB: number, set: Partial<Workload> = {}): Workload => sized(name, off, memoryMiB, { state: 'waiting', leasedOn: off.id, ...set });
const waits = (result: Decision): readonly string[] => result.holds.filter(({ code }) => code === 'making-room').map(({ about }) => about);

describe('making room', () => {
  it('takes one move where one is enough, though two that swap were found first', () => {
    const result = decided([off, one, two], [lost('a', 5_120), sized('p', one, 6_144), sized('q', two, 3_072), sized('x', two, 2_048)]);
    expect(operationsOf(result)).toEqual(['migrate x host-1']);
    expect(waits(result)).toEqual(['a']);
  });

  it('keeps the place for whom it is made: one that matters less does not get it in the same round', () => {
    const result = decided([off, one, two], [lost('a', 5_120, { priority: 9 }), lost('b', 4_096), sized('x', one, 4_096), sized('f', two, 4_096)]);
    expect(operationsOf(result)).toEqual(['migrate x host-2']);
  });

  it('nor in a later one, while the move is under way', () => {
    const moving = anOperation('migrate', { workloadId: sized('x', one, 4_096).id, hostId: one.id, targetHostId: two.id, params: { cause: 'room', room: lost('a', 1).id, roomAt: one.id } });
    const result = decided([off, one, two], [lost('a', 5_120, { priority: 9 }), lost('b', 3_072), sized('x', one, 4_096, { state: 'migrating' }), sized('f', two, 4_096)], { operations: [moving] });
    expect(operationsOf(result)).toEqual([]);
    expect(waits(result)).toContain('a');
  });

  it('begins for one at a time', () => {
    const result = decided([off, one, two, three, roomyHost('host-4', 8_192)], [lost('a', 6_144), lost('b', 6_144), sized('x', one, 4_096), sized('y', two, 4_096), sized('z', three, 3_072), sized('w', roomyHost('host-4', 8_192), 3_072)]);
    expect(operationsOf(result).filter((operation) => operation.startsWith('migrate'))).toHaveLength(1);
  });

  it('has a turn for each that waits, however many stand before it that nothing helps', () => {
    const hopeless = Array.from({ length: 12 }, (_, nth) => lost(`big-${nth}`, 8_000, { priority: 9 }));
    const workloads = [...hopeless, lost('a', 5_120), sized('x', one, 4_096), sized('f', two, 3_584, LOCKED)];
    const began = Array.from({ length: 400 }, (_, round) => operationsOf(decided([off, one, two], workloads, {}, NOW_MS + round * 250)).length);
    expect(began.some((count) => count > 0)).toBe(true);
  });

  it.each<[string, (x: Workload) => { readonly hosts?: readonly Host[]; readonly workloads?: readonly Workload[]; readonly set?: Partial<ClusterView> }]>([
    ['to a host whose guests reach nobody', () => ({ hosts: [off, one, { ...two, trouble: { deadBridges: [{ bridge: 'br0', why: 'its uplink has no carrier' }], failing: [], bridgesSinceMs: NOW_MS, failingSinceMs: null } }] })],
    ['what is preferred where it is', (x) => ({ set: { rules: [{ name: 'likes', type: 'hosts', hard: false, workloads: [x.id], hosts: [{ hostId: one.id, priority: 1 }] }] } })],
    ['what is locked', (x) => ({ workloads: [{ ...x, ...LOCKED }] })],
    ['what failed to start lately', (x) => ({ workloads: [{ ...x, failures: { restarts: 1, relocations: 0, failedHostIds: [three.id], lastAtMs: NOW_MS } }] })],
    ['one of several that stay together', (x) => ({ workloads: [x, sized('mate', one, 16)], set: { rules: [{ name: 'pair', type: 'keep-together', hard: true, workloads: [x.id, sized('mate', one, 16).id] }] } })],
  ])('does not move %s', (_what, given) => {
    const x = sized('x', one, 4_096);
    const { hosts = [off, one, two], workloads = [x], set = {} } = given(x);
    const result = decided(hosts, [lost('a', 5_120), ...workloads, sized('f', two, 3_584, LOCKED)], set);
    expect(operationsOf(result)).toEqual([]);
    expect(result.holds.some(({ about, code }) => about === 'a' && code === 'no-capacity')).toBe(true);
  });

  it('does so for the ones above, if nothing is against it', () => {
    expect(operationsOf(decided([off, one, two], [lost('a', 5_120), sized('x', one, 4_096), sized('f', two, 3_584)]))).toEqual(['migrate x host-2']);
  });
});

describe('placed together', () => {
  it('what the plan leaves out takes no place from the others', () => {
    const result = decided([off, roomyHost('host-1', 10_240)], [lost('u', 10_240), lost('a', 5_120), lost('b', 5_120)]);
    expect(operationsOf(result).toSorted()).toEqual(['recover a host-1', 'recover b host-1']);
  });
});
