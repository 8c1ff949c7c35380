// What a scenario file says of a cluster, as placement looks at it: for plans that need no server. Built as the simulator sets up its time 0.
import { placementViewOf } from '../../cluster/placement-ledger.js';
import type { ClusterView } from '../../cluster/cluster-view.js';
import type { ClusterVerdict, HostVerdict } from '../../cluster/verdict.js';
import type { Host } from '../../hosts/host.js';
import type { PlacementView } from '../../scheduler/placement.js';
import type { Workload } from '../../workloads/workload.js';
import { EPOCH_MS } from '../engine/sim-process.js';
import { SimulatedWorld } from '../simulated-world.js';
import { policyOf } from './policy-of.js';
import type { Scenario, TimelineEntry } from './scenario.js';
import { addLuns, addMachine, hostRows, ruleRow, uuidOf, workloadRow } from './setup-cluster.js';

const STANDING_CLOCK = { nowMs: () => EPOCH_MS, monotonicMs: () => 0, sleep: () => Promise.resolve() };

export async function placementOf(scenario: Scenario): Promise<PlacementView> {
  const { hosts, workloads = [], rules = [] } = scenario;
  const world = new SimulatedWorld(STANDING_CLOCK, { newBootId: (_host, boots) => `boot-${boots}` });
  hosts.forEach((host, index) => addMachine(world, host, index));
  addLuns(world, scenario);
  // What an export says by entries at its time 0 stands: what people have set before.
  const standing = (scenario.timeline ?? []).filter(({ at }) => at === 0);
  const isOut = (name: string): boolean => hosts.some((host) => host.name === name && host.power !== 'off' && host.network === 'down');
  const rows = (await hostRows(world, scenario)).map((row) => asSet(isOut(row.name) ? { ...row, condition: 'silent' } : row, standing));
  const view: ClusterView = {
    version: 1, leaderEpoch: 1, hosts: rows, workloads: workloads.map((one, index) => asFound(workloadRow(one, uuidOf(index)), one, standing)),
    operations: [], recentOperations: [], inventories: [], rules: rules.map((rule) => ruleRow(rule, scenario)), disarm: null, voters: [],
  };
  const unheard = new Set(hosts.filter(({ power, network }) => power === 'off' || network === 'down').map(({ name }) => name));
  return placementViewOf({ view, verdict: verdictOn(rows, unheard), policy: policyOf(scenario.policy) });
}

function asSet(row: Host, standing: readonly TimelineEntry[]): Host {
  const told = (what: TimelineEntry['do']): boolean => standing.some((entry) => entry.do === what && 'host' in entry && entry.host === row.name);
  if (told('host.drain')) return { ...row, intent: 'maintenance', cordoned: true };
  return told('host.cordon') ? { ...row, cordoned: true } : row;
}

function asFound(found: Workload, { faults, ...one }: NonNullable<Scenario['workloads']>[number], standing: readonly TimelineEntry[]): Workload {
  // Nobody protects it, so the simulator leaves it alone; it is moved all the same.
  const isRun = one.protected === false && found.desired === 'unmanaged' && found.hostId !== null;
  const row: Workload = { ...found, isProtected: one.protected !== false, ...(isRun ? { desired: 'running', state: 'running' } : {}) };
  const isLocked = standing.some((entry) => entry.do === 'workload.lock' && entry.workload === row.name);
  return { ...row, ...(row.state === 'running' && faults?.running === false ? { state: 'waiting' as const } : {}), ...(isLocked ? { lock: { by: 'the file', reason: 'workload.lock at 0', sinceMs: EPOCH_MS } } : {}) };
}

function verdictOn(rows: readonly Host[], unheard: ReadonlySet<string>): ClusterVerdict {
  const hosts = rows.map((row): HostVerdict => {
    const hearing = unheard.has(row.name) ? 'silent' : 'heard';
    return { hostId: row.id, hearing, sinceMs: EPOCH_MS, heardAgainMs: null, bootId: row.bootId, evidence: 'by the file', silentVotes: 0, voters: 0, probe: null, leaving: false, leavingPurpose: null, goingDown: null, runningUuids: null, lease: null, load: null };
  });
  return { hosts, quorum: true, quorumEvidence: 'by the file', trusted: true, ownStall: false, trustEvidence: 'by the file', witnesses: [] };
}
