// Random clusters for properties of plans, and a judge that replays a plan by the rules of one placement, without the rows that plans are made of.
import fc from 'fast-check';
import { aFacts, aHost, aWorkload } from '../../test/fixtures/cluster.js';
import type { Workload } from '../workloads/workload.js';
import { brokenBy } from './broken-by.js';
import { GENERATED_POLICY } from '../../test/fixtures/generated-cluster.js';
import type { PlacementView } from './placement.js';
import { ruleIndex, type PlacementRule } from './placement-rule.js';
import type { Plan, PlannedMove } from './plan.js';
import { usageAt } from './usage.js';

const policy = { ...GENERATED_POLICY, cpuOvercommit: 2 };

interface Drawn {
  readonly hosts: readonly { readonly memoryMiB: number; readonly cpus: number; readonly cordoned: boolean; readonly zone: string | null }[];
  readonly workloads: readonly { readonly memoryMiB: number; readonly vcpus: number; readonly host: number; readonly priority: number; readonly locked: boolean }[];
  readonly rules: readonly { readonly type: 'keep-apart' | 'keep-together' | 'hosts'; readonly hard: boolean; readonly per: 'host' | 'zone'; readonly members: readonly number[]; readonly hosts: readonly number[] }[];
}

/** Small and tight: a workload takes a good part of a host. */
export const drawnCluster: fc.Arbitrary<Drawn> = fc.record({
  hosts: fc.array(fc.record({ memoryMiB: fc.integer({ min: 2, max: 12 }).map((size) => 512 + size * 512), cpus: fc.integer({ min: 1, max: 6 }), cordoned: fc.integer({ min: 0, max: 9 }).map((one) => one === 0), zone: fc.constantFrom(null, 'a', 'b') }), { minLength: 2, maxLength: 6 }),
  workloads: fc.array(fc.record({ memoryMiB: fc.integer({ min: 1, max: 5 }).map((size) => size * 512), vcpus: fc.integer({ min: 1, max: 3 }), host: fc.nat(5), priority: fc.integer({ min: 0, max: 2 }), locked: fc.integer({ min: 0, max: 12 }).map((one) => one === 0) }), { maxLength: 14 }),
  rules: fc.array(fc.record({ type: fc.constantFrom('keep-apart' as const, 'keep-apart' as const, 'keep-together' as const, 'hosts' as const), hard: fc.boolean(), per: fc.constantFrom('host' as const, 'host' as const, 'zone' as const), members: fc.array(fc.nat(13), { minLength: 2, maxLength: 3 }), hosts: fc.array(fc.nat(5), { minLength: 1, maxLength: 3 }) }), { maxLength: 3 }),
});

/** Workloads that do not fit where they were drawn are left out: no host is over its limit at first. */
export function viewOf({ hosts: drawnHosts, workloads: drawnWorkloads, rules: drawnRules }: Drawn): PlacementView {
  const hosts = drawnHosts.map(({ memoryMiB, cpus, cordoned, zone }, nth) => aHost(`h${nth}`, { cordoned, zone, facts: aFacts({ memoryMiB, cpus }) }));
  const workloads: Workload[] = [];
  for (const [nth, { host, priority, locked, ...sizes }] of drawnWorkloads.entries()) {
    const home = hosts[host % hosts.length] ?? null;
    const plain = aWorkload(`w${nth}`, home, { priority, lock: locked ? { by: 'backup', reason: 'a snapshot', sinceMs: 0 } : null });
    const workload = { ...plain, needs: { ...plain.needs, ...sizes } };
    if (withinLimits({ hosts, workloads: [...workloads, workload], policy, promised: [] })) workloads.push(workload);
  }
  const rules = drawnRules.flatMap(({ type, hard, per, members, hosts: named }, nth): readonly PlacementRule[] => {
    const ids = [...new Set(members.flatMap((member) => workloads[member]?.id ?? []))];
    if (ids.length < (type === 'hosts' ? 1 : 2)) return [];
    const head = { name: `r${nth}`, workloads: ids, hard };
    return [type === 'hosts' ? { ...head, type, hosts: [...new Set(named.map((one) => hosts[one % hosts.length]?.id))].flatMap((hostId) => (hostId === undefined ? [] : [{ hostId, priority: 1 }])) } : { ...head, type, per }];
  });
  return { hosts, workloads, heard: new Set(hosts.map(({ id }) => id)), leaseless: new Set<never>(), promised: [], rules, policy };
}

function withinLimits(view: Pick<PlacementView, 'hosts' | 'workloads' | 'policy' | 'promised'>): boolean {
  return view.hosts.every(({ id, facts }) => {
    const { memoryMiB, vcpus } = usageAt(view, id);
    return facts !== null && memoryMiB <= facts.memoryMiB - view.policy.reservedMemoryMiB && vcpus <= facts.cpus * view.policy.cpuOvercommit;
  });
}

/** What is wrong with a plan, move by move; empty: nothing. */
export function faultsOf(view: PlacementView, plan: Plan, movesPerHost: number): readonly string[] {
  const faults: string[] = [];
  let now = view;
  for (let round = 1; round <= plan.rounds; round += 1) {
    const moves = plan.moves.filter((one) => one.round === round && one.fromId !== null);
    if (moves.length === 0) faults.push(`round ${round} is empty`);
    faults.push(...wrongStart(now, moves), ...overRun(now, moves), ...crowded(now, moves, movesPerHost));
    now = { ...now, workloads: now.workloads.map((one) => ({ ...one, hostId: moves.find(({ workloadId }) => workloadId === one.id)?.toId ?? one.hostId })) };
    // What must stay in one zone leaves it one after the other.
    const isLast = round === plan.rounds;
    faults.push(...newlyBroken(view, now, isLast).map((rule) => `round ${round} breaks ${rule}`));
  }
  return faults;
}

const wrongStart = ({ workloads, hosts }: PlacementView, moves: readonly PlannedMove[]): readonly string[] => moves.flatMap(({ workload, workloadId, fromId, toId }) => {
  const one = workloads.find(({ id }) => id === workloadId);
  const target = hosts.find(({ id }) => id === toId);
  return [...(one?.hostId === fromId ? [] : [`${workload} is not where it is moved from`]), ...(one?.lock ? [`${workload} is locked`] : []), ...(target?.cordoned ? [`${workload} goes to a cordoned host`] : [])];
});

/** While they move they count at both ends. */
function overRun(view: PlacementView, moves: readonly PlannedMove[]): readonly string[] {
  const promised = moves.map(({ workloadId, toId }) => ({ workloadId, hostId: toId }));
  return withinLimits({ ...view, promised }) ? [] : [`round ${moves[0]?.round ?? 0} is over a host's limits`];
}

function crowded({ hosts, rules }: PlacementView, moves: readonly PlannedMove[], movesPerHost: number): readonly string[] {
  // A group goes as one.
  const firsts = moves.filter(({ workloadId, fromId }) => !moves.some((other) => other.workloadId < workloadId && other.fromId === fromId && ruleIndex(rules).group(workloadId).includes(other.workloadId)));
  return hosts.filter(({ id }) => firsts.filter(({ fromId, toId }) => fromId === id || toId === id).length > movesPerHost).map(({ name }) => `${name} has more than ${movesPerHost} moves at once`);
}

function newlyBroken(before: PlacementView, now: PlacementView, isLast: boolean): readonly string[] {
  return now.rules.filter((rule) => rule.hard && (isLast || rule.type !== 'keep-together' || rule.per !== 'zone') && brokenBy(before, rule) === null && brokenBy(now, rule) !== null).map(({ name }) => name);
}

/** Rules come by name. */
export const turned = (view: PlacementView): PlacementView => ({ ...view, hosts: view.hosts.toReversed(), workloads: view.workloads.toReversed() });
