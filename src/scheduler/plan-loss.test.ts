// Who starts where when hosts are lost, in what order, and who stays down.
import { describe, expect, it } from 'vitest';
import { aFacts, aHost, aWorkload } from '../../test/fixtures/cluster.js';
import type { Host } from '../hosts/host.js';
import type { Workload } from '../workloads/workload.js';
import { generatedCluster } from '../../test/fixtures/generated-cluster.js';
import { hardRuleAgainst } from './hard-rules.js';
import type { PlacementView } from './placement.js';
import type { PlacementRule } from './placement-rule.js';
import { planLoss } from './plan-loss.js';

const POLICY = { strategy: 'balanced' as const, memoryOvercommit: 1, cpuOvercommit: 4, reservedMemoryMiB: 0 };
const sized = (name: string, host: Host, memoryMiB: number, set: Partial<Workload> = {}): Workload => {
  const one = aWorkload(name, host, set);
  return { ...one, needs: { ...one.needs, memoryMiB } };
};
const host = (name: string, memoryMiB: number): Host => aHost(name, { facts: aFacts({ memoryMiB }) });
function view(hosts: readonly Host[], workloads: readonly Workload[], rules: readonly PlacementRule[] = []): PlacementView {
  return { hosts, workloads, heard: new Set(hosts.map(({ id }) => id)), leaseless: new Set<never>(), promised: [], rules, policy: POLICY };
}
const told = ({ moves }: ReturnType<typeof planLoss>): readonly string[] => moves.map(({ workload, from, to, round }) => `${workload} ${from ?? '-'}>${to} ${round}`);

describe('planLoss', () => {
  const [h1, h2, h3] = [host('h1', 8_000), host('h2', 8_000), host('h3', 8_000)] as const;

  it('starts what is protected elsewhere, what matters most first; names what stays down', () => {
    const workloads = [
      sized('low', h1, 6_000), sized('high', h1, 6_000, { priority: 9 }), sized('mid', h1, 6_000, { priority: 5 }), sized('own', h1, 100, { isProtected: false }),
      sized('off', h1, 100, { desired: 'stopped', state: 'stopped' }), sized('bad', h1, 100, { state: 'error' }), sized('there', h2, 100),
    ];
    const plan = planLoss(view([h1, h2, h3], workloads), [h1.id]);
    expect(told(plan)).toEqual(['high h1>h3 1', 'mid h1>h2 1']);
    expect(plan.moves.map(({ how }) => how)).toEqual(['start', 'start']);
    expect(plan.unplaced.map(({ workload }) => workload).sort()).toEqual(['bad', 'low', 'own']);
    expect(plan.unplaced.find(({ workload }) => workload === 'low')?.why).toMatch(/h2: needs 6,000 MiB, 1,900 MiB free/);
    expect(plan.before.hosts.map(({ host: name, workloads: count }) => `${name} ${count}`)).toEqual(['h1 5', 'h2 1', 'h3 0']);
    expect(plan.after.hosts.map(({ host: name, memoryMiB }) => `${name} ${memoryMiB}`)).toEqual(['h1 0', 'h2 6100', 'h3 6000']);
  });

  it('counts several hosts lost at once', () => {
    const plan = planLoss(view([h1, h2, h3], [sized('a', h1, 5_000), sized('b', h2, 5_000, { priority: 1 })]), [h1.id, h2.id]);
    expect(told(plan)).toEqual(['b h2>h3 1']);
    expect(plan.unplaced.map(({ workload }) => workload)).toEqual(['a']);
  });

  it('tries together what finds no place one after the other: those placed before go elsewhere for it', () => {
    // One by one, the two smaller ones spread over both hosts, and the pair of large rests is gone.
    const [s1, s2] = [host('s1', 6_000), host('s2', 6_000)] as const;
    const workloads = [sized('first', h1, 2_000, { priority: 2 }), sized('second', h1, 2_000, { priority: 2 }), sized('large', h1, 6_000)];
    const plan = planLoss(view([h1, s1, s2], workloads), [h1.id]);
    expect(plan.unplaced).toEqual([]);
    expect(new Set(plan.moves.filter(({ workload }) => workload !== 'large').map(({ to }) => to)).size).toBe(1);
    expect(plan.after.fullest).toBe(1);
  });

  it('lets those follow that wait for one which has found its place in the end', () => {
    const [s1, s2] = [host('s1', 6_100), host('s2', 6_000)] as const;
    const large = sized('large', h1, 6_000);
    const web = { ...sized('web', h1, 100), startAfter: [large.id] };
    const plan = planLoss(view([h1, s1, s2], [sized('first', h1, 2_000, { priority: 2 }), sized('second', h1, 2_000, { priority: 2 }), large, web]), [h1.id]);
    expect(plan.unplaced).toEqual([]);
    expect(plan.moves.find(({ workload }) => workload === 'web')?.round).toBeGreaterThan(plan.moves.find(({ workload }) => workload === 'large')?.round ?? 9);
  });

  it('waits for what comes first, and for room to start: each wave is a round', () => {
    const many = Array.from({ length: 5 }, (_, nth) => sized(`vm-${nth}`, h1, 10));
    const after = { ...sized('web', h1, 10), startAfter: [many[4]?.id ?? ('' as never)] };
    const plan = planLoss(view([h1, h2], [...many, after]), [h1.id], { startsPerHost: 2 });
    expect(told(plan)).toEqual(['vm-0 h1>h2 1', 'vm-1 h1>h2 1', 'vm-2 h1>h2 2', 'vm-3 h1>h2 2', 'vm-4 h1>h2 3', 'web h1>h2 4']);
    expect([plan.rounds, plan.estimatedS]).toEqual([4, 40]);
    const first = sized('first', h1, 99_999);
    const stuck = planLoss(view([h1, h2], [first, { ...after, startAfter: [first.id] }]), [h1.id]);
    expect(stuck.unplaced.map(({ workload, why }) => `${workload}: ${why}`)[1]).toBe('web: it starts after first, which stays down');
  });

  it('keeps groups together and hard rules, and never fills a host above its limit', () => {
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      const cluster = generatedCluster({ hosts: 8, workloads: 80, fill: 0.8, rules: true, seed });
      const group = cluster.workloads.filter(({ hostId }) => hostId === cluster.hosts[0]?.id).slice(0, 2);
      const given = { ...cluster, rules: [...cluster.rules, { name: 'pair', type: 'keep-together' as const, hard: true, workloads: group.map(({ id }) => id) }] };
      const plan = planLoss(given, [cluster.hosts[0]?.id ?? ('' as never)]);
      const at = new Map(plan.moves.map(({ workloadId, toId }) => [workloadId, toId]));
      expect(at.get(group[0]?.id ?? ('' as never))).toBe(at.get(group[1]?.id ?? ('' as never)));
      expect(plan.moves.length + plan.unplaced.length).toBe(cluster.workloads.filter(({ hostId }) => hostId === cluster.hosts[0]?.id).length);
      for (const { memoryMiB, ofMemoryMiB, vcpus, ofVcpus } of plan.after.hosts) expect(memoryMiB <= ofMemoryMiB && vcpus <= ofVcpus).toBe(true);
      const after = { ...given, hosts: given.hosts.slice(1), workloads: given.workloads.filter(({ id, hostId }) => at.has(id) || hostId !== cluster.hosts[0]?.id).map((one) => ({ ...one, hostId: at.get(one.id) ?? one.hostId })) };
      for (const one of after.workloads.filter(({ id }) => at.has(id))) {
        const home = after.hosts.find(({ id }) => id === one.hostId);
        expect(home && hardRuleAgainst(after, one, home)).toBeNull();
      }
      expect(planLoss(given, [cluster.hosts[0]?.id ?? ('' as never)])).toEqual(plan);
    }
  });
});
