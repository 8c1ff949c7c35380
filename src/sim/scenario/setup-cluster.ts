// From a scenario to a cluster at time 0: the hosts as machines, the guests in them, and what the store knows of all that.
import type { Change } from '../../cluster/change.js';
import type { VoterSet } from '../../cluster/quorum-lease.js';
import { NEVER_LOST, type FenceDeviceConfig, type Host } from '../../hosts/host.js';
import { localRoom, PAGE_KIB, resourceFacts, type PageName, type SimulatedResources } from '../simulated-resources.js';
import { lunPoolOf, simulatedNeeds, storageIn } from '../simulated-needs.js';
import type { PlacementRule } from '../../scheduler/placement-rule.js';
import { resolveRule } from '../../scheduler/resolve-rules.js';
import type { DriverName } from '../../hosts/hypervisor.js';
import { hostId, workloadId } from '../../shared/ids.js';
import { NO_FAILURES, WORKLOAD_DEFAULTS, type Workload } from '../../workloads/workload.js';
import { EPOCH_MS } from '../engine/sim-process.js';
import { GuestFaults } from '../guest-faults.js';
import { SimulatedGuard } from '../simulated-guard.js';
import { SimulatedHypervisor } from '../simulated-hypervisor.js';
import type { SimulatedDomain, SimulatedHost, SimulatedWorld } from '../simulated-world.js';
import { DEFAULT_FENCING, type Scenario, type ScenarioHost, type ScenarioRule, type ScenarioWorkload } from './scenario.js';

const DEFAULT_HOST = { cpus: 32, memoryMiB: 131_072 };
const DEFAULT_WORKLOAD = { cpus: 1, memoryMiB: 1024 };
const DISK_MIB = 10_240;
/** What all hosts share; nothing in the simulator is kept on one host only. */
const POOLS = [{ name: 'shared', path: '/srv/shared', shared: true, totalMiB: 100_000_000 }];

/** Ids are names: what the simulator prints, a reader finds in the file. */
export function addMachine(world: SimulatedWorld, host: ScenarioHost, index: number): SimulatedHost {
  const { cpus, memoryMiB } = { ...DEFAULT_HOST, ...definedOnly({ cpus: host.cpus, memoryMiB: host.memoryMiB }) };
  const { hypervisors } = host;
  const added = world.addHost({ name: host.name, address: addressOf(index, 0), cpus, memoryMiB, pools: POOLS, ...resourcesOf(host), ...(hypervisors ? { hypervisors: new Set<DriverName>(hypervisors) } : {}) });
  added.watchdogDevice = (host.fencing ?? DEFAULT_FENCING).includes('watchdog');
  added.daemonCluster = host.daemonCluster ?? null;
  added.guard = new SimulatedGuard(host.name);
  added.guard.admit({ leaderEpoch: 0, hostEpoch: 1 }, added.bootId, added.bootId);
  return added;
}

function resourcesOf({ hugepages = {}, cpuFlags, localDiskMiB }: ScenarioHost): SimulatedResources {
  const pages = Object.entries(PAGE_KIB).flatMap(([name, sizeKiB]): readonly (readonly [number, number])[] => {
    const total = hugepages[name as PageName] ?? 0;
    return total > 0 ? [[sizeKiB, total]] : [];
  });
  return { hugepages: new Map(pages), cpuFlags: cpuFlags === undefined ? null : [...cpuFlags].sort(), localDiskMiB: localDiskMiB ?? null };
}

export const addressOf = (index: number, link: number): string => `10.${link}.${index >> 8}.${index & 255}`;

const DEVICES: { readonly [K in 'power' | 'watchdog' | 'none']: readonly FenceDeviceConfig[] } = {
  power: [{ kind: 'ipmi', options: {} }],
  watchdog: [{ kind: 'watchdog', options: {} }],
  none: [{ kind: 'manual', options: {} }],
};

async function hostRow(world: SimulatedWorld, host: ScenarioHost, index: number): Promise<Host> {
  const machine = world.host(host.name);
  const isOn = host.power !== 'off';
  const facts = await new SimulatedHypervisor(world, host.name).facts();
  return {
    id: hostId(host.name), name: host.name, address: addressOf(index, 0), links: [addressOf(index, 0), addressOf(index, 1)], heartbeatPort: 7481, zone: host.zone ?? null, labels: host.labels ?? {},
    ssh: { user: 'root', port: 22, identityFile: null, hostKey: 'simulated' },
    condition: isOn ? 'online' : 'offline', conditionSinceMs: EPOCH_MS, intent: 'active', cordoned: false, hostEpoch: isOn ? 1 : 2, bootId: machine.bootId, excludedEpoch: null, voterEpoch: 1,
    proof: isOn ? null : { kind: 'operator', evidence: 'it is off at the beginning of the scenario', atMs: EPOCH_MS, bootId: machine.bootId, hostEpoch: 1 },
    fenceDevices: (host.fencing ?? DEFAULT_FENCING).flatMap((kind) => DEVICES[kind]), facts, trouble: null, agentKey: '00'.repeat(32), leaving: null, flapping: NEVER_LOST, takenPools: [], why: null,
  };
}

function cpuLine(mode: Guest['cpu'], features: readonly string[]): string {
  if (mode === undefined && features.length === 0) return '';
  const required = features.map((feature) => `<feature policy='require' name='${feature}'/>`).join('');
  return mode === undefined ? `<cpu mode='custom' match='exact'><model>qemu64</model>${required}</cpu>` : `<cpu mode='${mode}'>${required}</cpu>`;
}

type Guest = Pick<ScenarioWorkload, 'name' | 'kind' | 'cpus' | 'memoryMiB' | 'storage' | 'host' | 'hugepages' | 'cpu' | 'cpuFeatures' | 'diskMiB'>;

export function guestDefinition(uuid: string, { name, kind, cpus, memoryMiB, storage, host, hugepages, cpu, cpuFeatures = [], diskMiB }: Guest, disk = diskOf(name)): string {
  return [
    `<domain type='${kind === 'container' ? 'lxc' : 'qemu'}'><name>${name}</name><uuid>${uuid}</uuid>${storage === 'local' ? storageIn('default', diskMiB) : storage === 'lun' ? storageIn(lunPoolOf(host ?? ''), diskMiB) : ''}`,
    `<memory unit='MiB'>${memoryMiB ?? DEFAULT_WORKLOAD.memoryMiB}</memory><vcpu>${cpus ?? DEFAULT_WORKLOAD.cpus}</vcpu>${hugepages ? `<memoryBacking><hugepages><page size='${PAGE_KIB[hugepages]}' unit='KiB'/></hugepages></memoryBacking>` : ''}`,
    cpuLine(cpu, cpuFeatures),
    `<os><type arch='x86_64'>hvm</type></os><devices>`,
    `<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${disk}'/><target dev='vda'/></disk>`,
    `<interface type='bridge'><source bridge='br0'/></interface></devices></domain>`,
  ].join('');
}

const diskOf = (name: string): string => `/srv/shared/${name}.qcow2`;

export const uuidOf = (index: number): string => `00000000-0000-4000-8000-${(index + 1).toString(16).padStart(12, '0')}`;

/** A LUN for each host that has something on one; every host sees it, and that host has it mounted. */
export function addLuns(world: SimulatedWorld, { workloads = [] }: Pick<Scenario, 'workloads'>): void {
  for (const { storage, host: name } of workloads) {
    if (storage !== 'lun' || name === undefined || world.luns.has(lunPoolOf(name))) continue;
    const [host, pool] = [world.host(name), lunPoolOf(name)];
    world.luns.set(pool, { pool, uuid: `fs-${pool}`, holder: name });
    host.lunPools.set(pool, `fs-${pool}`);
    world.mount(host, pool);
  }
}

/** The guest as it is in the world, whoever knows of it. */
export function addGuest(world: SimulatedWorld, one: ScenarioWorkload, uuid: string): void {
  const anyHost = [...world.hosts][0];
  if (anyHost) world.filesOf(anyHost, diskOf(one.name)).set(diskOf(one.name), DISK_MIB);
  if (one.faults) world.guestFaults.set(uuid, new GuestFaults(definedOnly(one.faults)));
  if (one.host === undefined) return;
  const host = world.host(one.host);
  const definition = guestDefinition(uuid, one);
  const domain: SimulatedDomain = { uuid, name: one.name, kind: one.kind ?? 'vm', definition, running: null, reason: 'unknown', autostart: false, statistics: null, ...(one.storage === 'lun' ? { pool: lunPoolOf(host.name) } : {}) };
  host.domains.set(uuid, domain);
  const desired = one.desired ?? 'running';
  const runs = host.powered && (desired === 'running' || desired === 'unmanaged') && one.faults?.running !== false;
  if (runs) world.startProcess(host, domain, definition, 'booted');
  else domain.reason = desired === 'running' ? 'crashed' : 'shutdown';
}

export function workloadRow(one: ScenarioWorkload, uuid: string): Workload {
  const definition = guestDefinition(uuid, one);
  const desired = one.desired ?? 'running';
  const home = one.host === undefined ? null : hostId(one.host);
  const state = desired === 'unmanaged' ? 'unmanaged' : desired !== 'running' ? 'stopped' : home === null ? 'waiting' : 'running';
  return {
    id: workloadId(one.name), uuid, name: one.name, kind: one.kind ?? 'vm', desired, isProtected: true, priority: one.priority ?? 0,
    hostId: home, workloadEpoch: 1, state, why: null,
    needs: simulatedNeeds(definition, POOLS), definition, failures: NO_FAILURES, leasedOn: null,
    ...WORKLOAD_DEFAULTS, ...definedOnly({ maxRestarts: one.maxRestarts, maxRelocations: one.maxRelocations, failback: one.failback, usage: one.usage, labels: one.labels }), ...(one.storage === 'local' || one.storage === 'lun' ? { drainPolicy: 'relocate' as const } : {}), ...definedOnly({ drainPolicy: one.drain, movesLiveByCriu: one.live }), replication: one.replicateEveryS === undefined ? null : { everyMs: one.replicateEveryS * 1000 }, startAfter: (one.startAfter ?? []).map(workloadId),
  };
}

/** With what its selectors come to at time 0. */
export function ruleRow(rule: ScenarioRule, { hosts: machines, workloads = [] }: Pick<Scenario, 'hosts' | 'workloads'>): PlacementRule {
  return resolveRule(writtenRule(rule), {
    hosts: machines.map(({ name, zone = null, labels = {} }) => ({ id: hostId(name), zone, labels })),
    workloads: workloads.map(({ name, labels = {} }) => ({ id: workloadId(name), labels })),
  });
}

function writtenRule(rule: ScenarioRule): PlacementRule {
  const named = (rule.workloads ?? []).map(workloadId);
  const head = { name: rule.name, workloads: named, hard: rule.hard ?? true, ...(rule.select ? { selector: { named, labels: rule.select } } : {}) };
  if (rule.type !== 'hosts') return { ...head, type: rule.type, ...(rule.per === 'zone' ? { per: rule.per } : {}) };
  const hosts = rule.hosts.flatMap((one) => ('host' in one ? [{ hostId: hostId(one.host), priority: one.priority ?? 0 }] : []));
  const selected = rule.hosts.flatMap((one) => ('host' in one ? [] : [{ labels: one.select, priority: one.priority ?? 0 }]));
  return { ...head, type: rule.type, hosts, ...(selected.length > 0 ? { hostSelector: { named: hosts, selected } } : {}) };
}

/** What was known of the hosts when they were enrolled: asked while all have power. */
export function hostRows(world: SimulatedWorld, { hosts }: Scenario): Promise<readonly Host[]> {
  return Promise.all(hosts.map((host, index) => hostRow(world, host, index)));
}

/** What the guests have left of what a host has. */
export function withGuests(world: SimulatedWorld, row: Host): Host {
  if (row.facts === null) return row;
  const host = world.host(row.name);
  const room = localRoom(host);
  const containerDaemons = row.facts.containerDaemons.map((daemon) => ({ ...daemon, pools: daemon.pools.map((pool) => (pool.name === 'default' ? { ...pool, ...room } : pool)) }));
  return { ...row, facts: { ...row.facts, ...resourceFacts(host), containerDaemons } };
}

/** Everything that the store is told before the first replica starts. */
export function firstChanges({ hosts, workloads = [], rules = [] }: Scenario, rows: readonly Host[], uuids: ReadonlyMap<string, string>, voters: VoterSet): readonly Change[] {
  return [
    { change: 'voters', voters: [voters] },
    ...rows.map((host): Change => ({ change: 'add-host', host })),
    ...workloads.map((one): Change => ({ change: 'add-workload', workload: workloadRow(one, uuids.get(one.name) ?? '') })),
    ...rules.map((rule): Change => ({ change: 'add-rule', rule: ruleRow(rule, { hosts, workloads }) })),
  ];
}

function definedOnly<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> };
}
