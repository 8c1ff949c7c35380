// Plans: every step fits and keeps the hard rules, nothing is left that could go, and the order of the input does not matter.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aFacts, aHost, aWorkload } from '../../test/fixtures/cluster.js';
import { deviation } from './cluster-figures.js';
import { GENERATED_POLICY, generatedCluster } from '../../test/fixtures/generated-cluster.js';
import { clusterModel } from './packing/cluster-model.js';
import { loseHosts } from './packing/lose-hosts.js';
import { Packing } from './packing/packing.js';
import { placeBatch } from './packing/place-batch.js';
import { placeWorkload } from './place-workload.js';
import { DEFAULT_BALANCE, planBalance } from './plan-balance.js';
import { planDrain } from './plan-drain.js';
import { planReturn } from './plan-return.js';
import { drawnCluster, faultsOf, turned, viewOf } from './plans.fixture.js';
import { ruleIndex } from './placement-rule.js';

const OPTIONS = { movesPerHost: 2 };
const RUNS = { numRuns: 150 };

describe('rows', () => {
  it('say of each workload and host what one placement says', () => {
    fc.assert(fc.property(drawnCluster.map(viewOf), (view) => {
      const model = clusterModel(view);
      const packing = new Packing(model);
      for (const workload of view.workloads.filter(({ id }) => ruleIndex(view.rules).zoneGroup(id).length === 1)) {
        const placed = placeWorkload(view, { workload, exclude: [] });
        const accepted = (placed.ok ? placed.value.ranking : []).map(({ host }) => host);
        const unit = model.unitRow.get(workload.id) ?? -1;
        const home = packing.take(unit);
        expect([workload.name, model.hosts.filter((_host, row) => packing.fits(unit, row)).map(({ name }) => name)]).toEqual([workload.name, accepted.toSorted()]);
        packing.put(unit, home);
      }
    }), RUNS);
  });
});

describe('a drain of hosts', () => {
  it('has only steps that fit and keep the rules, and leaves on the hosts what it names', () => {
    fc.assert(fc.property(drawnCluster.map(viewOf), fc.integer({ min: 1, max: 2 }), (view, count) => {
      const drained = view.hosts.slice(0, count);
      const plan = planDrain(view, drained.map(({ id }) => id), OPTIONS);
      expect(faultsOf(view, plan, OPTIONS.movesPerHost)).toEqual([]);
      const where = new Map(view.workloads.map(({ name, hostId }) => [name, hostId]));
      for (const { workload, toId } of plan.moves) where.set(workload, toId);
      const left = [...where].filter(([, hostId]) => drained.some(({ id }) => id === hostId)).map(([name]) => name).toSorted();
      expect(left).toEqual(plan.unplaced.flatMap(({ workload }) => workload.split(', ')).toSorted());
      for (const { why } of plan.unplaced) expect(why).not.toBe('');
      expect(plan.groups.flat().toSorted()).toEqual(drained.map(({ name }) => name).toSorted());
      expect(planDrain(turned(view), drained.map(({ id }) => id), OPTIONS)).toEqual(plan);
    }), RUNS);
  });

  it('makes room by moving others where nothing else helps, and says so', () => {
    const [one, two, three] = [2_048, 2_048, 1_024].map((memoryMiB, nth) => aHost(`h${nth}`, { facts: aFacts({ memoryMiB: 512 + memoryMiB }) }));
    const sized = (name: string, host: typeof one, memoryMiB: number): ReturnType<typeof aWorkload> => {
      const workload = aWorkload(name, host ?? null);
      return { ...workload, needs: { ...workload.needs, memoryMiB } };
    };
    const hosts = [one, two, three].flatMap((host) => host ?? []);
    const view = { hosts, workloads: [sized('big', one, 2_048), sized('small', two, 1_024)], heard: new Set(hosts.map(({ id }) => id)), leaseless: new Set<never>(), promised: [], rules: [], policy: GENERATED_POLICY };
    const plan = planDrain(view, [hosts[0]!.id], OPTIONS);
    expect(plan.moves.map(({ workload, to, round, why }) => [workload, to, round, why])).toEqual([['small', 'h2', 1, 'makes room for what leaves h0'], ['big', 'h1', 2, 'h0 is drained']]);
    expect(plan.unplaced).toEqual([]);
  });

  it('goes home again afterwards, as one plan', () => {
    fc.assert(fc.property(drawnCluster.map(viewOf), (view) => {
      const [drained] = view.hosts;
      const plan = planDrain(view, drained ? [drained.id] : [], OPTIONS);
      const there = { ...view, workloads: view.workloads.map((one) => ({ ...one, hostId: plan.moves.findLast(({ workloadId }) => workloadId === one.id)?.toId ?? one.hostId })) };
      const wanted = [...new Set(plan.moves.filter(({ fromId }) => fromId === drained?.id).map(({ workloadId }) => workloadId))].map((workloadId) => ({ workloadId, hostId: drained!.id }));
      const back = planReturn(there, wanted, OPTIONS);
      expect(faultsOf(there, back, OPTIONS.movesPerHost)).toEqual([]);
      // Nothing came to the host meanwhile: but for a cordon, or rules that it broke before, all of it fits.
      if (!drained?.cordoned && view.rules.length === 0) expect(back.unplaced).toEqual([]);
      for (const { why } of back.unplaced) expect(why).not.toBe('');
    }), RUNS);
  });
});

describe('balance', () => {
  it('has only steps that fit and keep the rules, and never makes it less even', () => {
    fc.assert(fc.property(drawnCluster.map(viewOf), (view) => {
      const plan = planBalance(view, { ...DEFAULT_BALANCE, minGain: 0.001 });
      expect(faultsOf(view, plan, OPTIONS.movesPerHost)).toEqual([]);
      expect(plan.after.imbalance).toBeLessThanOrEqual(plan.before.imbalance);
      expect(plan.moves.length > 0).toBe(plan.after.imbalance < plan.before.imbalance);
      expect(planBalance(turned(view), { ...DEFAULT_BALANCE, minGain: 0.001 })).toEqual(plan);
    }), RUNS);
  });

  it('leaves alone what has a soft rule about who stands beside it', () => {
    const hosts = [aHost('h0'), aHost('h1')];
    const workloads = [aWorkload('db-1', hosts[0]!), aWorkload('x', hosts[0]!), aWorkload('y', hosts[0]!), aWorkload('db-2', hosts[1]!)];
    const view = { hosts, workloads, heard: new Set(hosts.map(({ id }) => id)), leaseless: new Set<never>(), promised: [], rules: [{ name: 'dbs', type: 'keep-apart' as const, hard: false, workloads: [workloads[0]!.id, workloads[3]!.id] }], policy: GENERATED_POLICY };
    expect(planBalance(view).moves.map(({ workload }) => workload)).toEqual(['x']);
  });

  it('exchanges two where no single move makes it more even', () => {
    const hosts = [aHost('h0'), aHost('h1')];
    const workloads = [5, 5, 3, 3].map((size, nth) => {
      const one = aWorkload(`w${nth}`, hosts[nth < 2 ? 0 : 1]!);
      return { ...one, needs: { ...one.needs, memoryMiB: size * 1_024 } };
    });
    const view = { hosts, workloads, heard: new Set(hosts.map(({ id }) => id)), leaseless: new Set<never>(), promised: [], rules: [], policy: GENERATED_POLICY };
    const { moves, after } = planBalance(view);
    expect(moves.map(({ memoryMiB, from, to }) => [memoryMiB, from, to])).toEqual([[5_120, 'h0', 'h1'], [3_072, 'h1', 'h0']]);
    expect(after.imbalance).toBe(0);
  });

  it('leaves no single move undone that gains enough', () => {
    const view = generatedCluster({ hosts: 12, workloads: 120, fill: 0.6 });
    const plan = planBalance(view);
    const where = new Map(plan.moves.map(({ workloadId, toId }) => [workloadId, toId]));
    const after = view.workloads.map((one) => ({ ...one, hostId: where.get(one.id) ?? one.hostId }));
    const scoreOf = (workloads: typeof after): number => {
      const share = (need: (one: (typeof after)[number]) => number, limit: number): number => deviation(view.hosts.map(({ id }) => workloads.filter(({ hostId }) => hostId === id).reduce((sum, one) => sum + need(one), 0) / limit));
      return share(({ needs }) => needs.memoryMiB, 262_144) + share(({ needs }) => needs.vcpus, 256);
    };
    const now = scoreOf(after);
    expect(Math.abs(now - plan.after.imbalance)).toBeLessThan(0.0001);
    expect(plan.after.imbalance).toBeLessThan(plan.before.imbalance / 2);
    const room = (id: string): number => 262_144 - after.filter(({ hostId }) => hostId === id).reduce((sum, one) => sum + one.needs.memoryMiB, 0);
    for (const one of after) {
      for (const { id } of view.hosts) {
        if (id === one.hostId || room(id) < one.needs.memoryMiB) continue;
        expect(now - scoreOf(after.map((other) => (other === one ? { ...other, hostId: id } : other)))).toBeLessThan(DEFAULT_BALANCE.minGain / view.hosts.length);
      }
    }
  });
});

describe('many at once', () => {
  it('leaves one without a place only where no two moves of others would make it one', () => {
    fc.assert(fc.property(drawnCluster.map(viewOf), (view) => {
      const model = clusterModel(view);
      // A group that is split is brought together first, by a rule of its own; of those of one zone only their own hosts are looked at.
      fc.pre(model.units.every(({ siblings, zoneSiblings }) => siblings.length + zoneSiblings.length === 0));
      const packing = new Packing(model);
      const lost = [...(packing.standing[0] ?? [])];
      for (const unit of lost) packing.take(unit);
      packing.closed[0] = 1;
      const { unplaced } = placeBatch(packing, { units: lost, movable: () => true });
      for (const unit of unplaced) expect(reachable(packing, unit, 2)).toBe(false);
    }), { numRuns: 60 });
  });

  it('strands no more with one host more', () => {
    fc.assert(fc.property(drawnCluster.map(viewOf), (view) => {
      const added = { ...view, hosts: [...view.hosts, aHost('h9', { facts: aFacts({ memoryMiB: 512 + 2_048, cpus: 4 }) })], heard: new Set([...view.heard, aHost('h9').id]) };
      const down = (one: typeof view): number => loseHosts(new Packing(clusterModel(one)), [0]).down.length;
      expect(down(added)).toBeLessThanOrEqual(down(view));
    }), RUNS);
  });

  it('leaves what matters less', () => {
    const hosts = [aHost('h0'), aHost('h1', { facts: aFacts({ memoryMiB: 512 + 3_072 }) })];
    const workloads = [0, 1, 2, 3, 4].map((priority) => aWorkload(`w${priority}`, hosts[0]!, { priority }));
    const model = clusterModel({ hosts, workloads, heard: new Set(hosts.map(({ id }) => id)), leaseless: new Set<never>(), promised: [], rules: [], policy: GENERATED_POLICY });
    const { lost, down } = loseHosts(new Packing(model), [0]);
    expect(lost).toHaveLength(5);
    expect(down.map((unit) => model.units[unit]?.workloads[0].name)).toEqual(['w1', 'w0']);
  });

  it('is tried without a trace', () => {
    fc.assert(fc.property(drawnCluster.map(viewOf), (view) => {
      const packing = new Packing(clusterModel(view));
      const [at, free] = [[...packing.at], [...packing.free]];
      for (const row of view.hosts.keys()) loseHosts(packing, [row]);
      expect([[...packing.at], [...packing.free]]).toEqual([at, free]);
    }), RUNS);
  });
});

/** By brute force: some sequence of so many moves, each to where it fits, gives the unit a place. */
function reachable(packing: Packing, unit: number, moves: number): boolean {
  const rows = [...packing.model.hosts.keys()];
  if (rows.some((row) => packing.fits(unit, row))) return true;
  if (moves === 0) return false;
  for (const other of packing.at.keys()) {
    const from = packing.at[other] ?? -1;
    if (other === unit || from === -1) continue;
    for (const to of rows) {
      if (to === from || !packing.fits(other, to)) continue;
      packing.take(other);
      packing.put(other, to);
      const found = reachable(packing, unit, moves - 1);
      packing.take(other);
      packing.put(other, from);
      if (found) return true;
    }
  }
  return false;
}
