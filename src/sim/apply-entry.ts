// What each entry of a timeline does: to the machines, the network, the guests and the services, or as a request of the operator.
import type { Machine } from './machine.js';
import { CONTROL_PLANE } from './network.js';
import { Operator } from './operator.js';
import { HOST_CPUS, type Do, type Entry, type TimelineEntry } from './scenario/scenario.js';
import { guestDefinition } from './scenario/setup-cluster.js';
import type { WorkloadNeeds } from '../workloads/workload.js';
import type { SimulatedReplica } from './simulated-replica.js';
import { PAGE_KIB, type PageName } from './simulated-resources.js';
import type { Simulation } from './simulation.js';
import type { SimulatedDomain, SimulatedHost } from './simulated-world.js';

type Apply = { readonly [D in Do]: (simulation: Simulation, entry: Entry<D>) => void };

export function applyEntry(simulation: Simulation, entry: TimelineEntry): void {
  const { at: _at, ...fields } = entry;
  simulation.narrator.tell('command', fields);
  (APPLY[entry.do] as (simulation: Simulation, entry: TimelineEntry) => void)(simulation, entry);
}

const machineOf = (simulation: Simulation, name: string): Machine => {
  const machine = simulation.machines.get(name);
  if (!machine) throw new Error(`no machine ${name}`);
  return machine;
};

const replicaOf = (simulation: Simulation, number: number): SimulatedReplica => {
  const replica = simulation.replicas[number - 1];
  if (!replica) throw new Error(`no replica ${number}`);
  return replica;
};

/** Where the guest's process or definition is; the process counts first. */
function guestOf(simulation: Simulation, name: string): { readonly host: SimulatedHost; readonly domain: SimulatedDomain } | null {
  const uuid = simulation.uuids.get(name) ?? '';
  const sights = [...simulation.world.hosts].flatMap((host) => {
    const domain = host.domains.get(uuid) ?? [...host.domains.values()].find((one) => one.name === name);
    return domain ? [{ host, domain }] : [];
  });
  return sights.find(({ domain }) => domain.running !== null && domain.running.state !== 'migrating-in') ?? sights[0] ?? null;
}

const operate = (simulation: Simulation): Operator => new Operator(simulation);
/** Answers and refusals come by the narrator. */
const begin = (work: Promise<unknown>): void => void work;

/** What a host can see to be wrong with itself. */
function trouble({ faults, world }: Simulation, host: string, what: 'uplinkLost' | 'degraded', isThere: boolean): void {
  if (isThere) faults.begin(host, what);
  else faults.end(host, what);
  world.host(host)[what] = isThere;
}

const onHost = (simulation: Simulation, entry: Extract<TimelineEntry, { host: string }>): void => begin(operate(simulation).onHost(entry));

const APPLY: Apply = {
  'host.power-on': (simulation, { host }) => {
    simulation.network.isolate(host, false);
    machineOf(simulation, host).switchOn();
    simulation.faults.end(host, 'off', 'isolated', 'not there at time 0');
  },
  'host.power-cut': (simulation, { host }) => {
    simulation.faults.begin(host, 'off');
    machineOf(simulation, host).cut();
  },
  'host.isolate': (simulation, { host }) => {
    simulation.faults.begin(host, 'isolated');
    simulation.network.isolate(host, true);
  },
  'host.reconnect': (simulation, { host }) => {
    simulation.faults.end(host, 'isolated', 'not there at time 0');
    simulation.network.isolate(host, false);
  },
  'host.link-down': (simulation, { host, link }) => {
    simulation.faults.begin(host, `link ${link}`);
    simulation.network.link(host, link, false);
  },
  'host.link-up': (simulation, { host, link }) => {
    simulation.faults.end(host, `link ${link}`);
    simulation.network.link(host, link, true);
  },
  'host.cut-from': (simulation, { host, peers }) => {
    for (const peer of peers) {
      simulation.faults.begin(host, `cut from ${peer}`);
      simulation.faults.begin(peer, `cut from ${host}`);
      simulation.network.cut(host, peer === 'control-plane' ? CONTROL_PLANE : peer, true);
    }
  },
  'host.heal-from': (simulation, { host, peers }) => {
    for (const peer of peers) {
      simulation.faults.end(host, `cut from ${peer}`);
      simulation.faults.end(peer, `cut from ${host}`);
      simulation.network.cut(host, peer === 'control-plane' ? CONTROL_PLANE : peer, false);
    }
  },
  'host.deaf': (simulation, { host }) => {
    simulation.faults.begin(host, 'deaf');
    simulation.network.deafen(host, true);
  },
  'host.hearing': (simulation, { host }) => {
    simulation.faults.end(host, 'deaf');
    simulation.network.deafen(host, false);
  },
  'host.lossy': (simulation, { host, loss }) => {
    if (loss > 0) simulation.faults.begin(host, 'lossy');
    else simulation.faults.end(host, 'lossy');
    simulation.network.lose(host, loss);
  },
  'host.slow': (simulation, { host, delayMs }) => {
    if (delayMs > 0) simulation.faults.begin(host, 'slow');
    else simulation.faults.end(host, 'slow');
    simulation.network.slow(host, delayMs);
  },
  'host.shutdown': (simulation, { host }) => {
    simulation.faults.begin(host, 'off');
    begin(machineOf(simulation, host).shutDown('shutdown'));
  },
  'host.reboot': (simulation, { host }) => {
    simulation.faults.begin(host, 'reboot');
    simulation.faults.end(host, 'reboot');
    begin(machineOf(simulation, host).shutDown('reboot'));
  },
  'host.hang': (simulation, { host, seconds }) => {
    simulation.faults.begin(host, 'hung');
    simulation.time.after(seconds * 1000, () => simulation.faults.end(host, 'hung'));
    machineOf(simulation, host).hang(seconds * 1000);
  },
  'host.daemon-hangs': (simulation, { host, driver, seconds }) => {
    const [{ mute }, fault] = [simulation.world.host(host), `${driver} hangs`];
    simulation.faults.begin(host, fault);
    mute.add(driver);
    simulation.time.after(seconds * 1000, () => {
      mute.delete(driver);
      simulation.faults.end(host, fault);
    });
  },
  'host.storage-lost': (simulation, { host }) => {
    simulation.faults.begin(host, 'storage');
    simulation.world.loseStorage(host, true);
  },
  'host.storage-back': (simulation, { host }) => {
    simulation.faults.end(host, 'storage');
    simulation.world.loseStorage(host, false);
  },
  'host.uplink-lost': (simulation, { host }) => trouble(simulation, host, 'uplinkLost', true),
  'host.uplink-back': (simulation, { host }) => trouble(simulation, host, 'uplinkLost', false),
  'host.degrade': (simulation, { host }) => trouble(simulation, host, 'degraded', true),
  'host.recover-health': (simulation, { host }) => trouble(simulation, host, 'degraded', false),
  'host.fence-breaks': (simulation, { host, device = 'power', how = 'hangs' }) => {
    simulation.faults.begin(`fence of ${host}`, device === 'watchdog' ? 'watchdog dead' : 'broken');
    if (device === 'watchdog') machineOf(simulation, host).isWatchdogDead = true;
    else simulation.setFenceFault(host, how);
  },
  'host.fence-repaired': (simulation, { host, device = 'power' }) => {
    simulation.faults.end(`fence of ${host}`, ...(device === 'watchdog' ? ['watchdog dead'] : ['broken', 'lying']));
    if (device === 'watchdog') machineOf(simulation, host).isWatchdogDead = false;
    else simulation.setFenceFault(host, 'none');
  },
  'host.fence-lies': (simulation, { host }) => {
    simulation.faults.begin(`fence of ${host}`, 'lying');
    simulation.setFenceFault(host, 'lies');
  },
  'host.drain': onHost,
  'host.undrain': onHost,
  'host.return': (simulation, entry) => begin(operate(simulation).beginPlan(entry, { kind: 'return', hosts: [entry.host] })),
  'cluster.balance': (simulation, entry) => begin(operate(simulation).beginPlan(entry, { kind: 'balance', hosts: [] })),
  'host.cordon': onHost,
  'host.uncordon': onHost,
  'host.fence': (simulation, entry) => {
    simulation.faults.begin(entry.host, 'fence asked for');
    simulation.faults.end(entry.host, 'fence asked for');
    onHost(simulation, entry);
  },
  'host.confirm-off': onHost,
  'agent.crash': (simulation, { host }) => {
    simulation.faults.begin(host, 'agent');
    simulation.agents.get(host)?.crash();
  },
  'agent.start': (simulation, { host }) => {
    simulation.faults.end(host, 'agent');
    simulation.agents.get(host)?.start();
  },
  'agent.restart': (simulation, { host }) => {
    simulation.faults.begin(host, 'agent');
    begin(restartAgent(simulation, host));
  },
  'controller.crash': (simulation, { replica }) => {
    simulation.faults.begin(`replica-${replica}`, 'crashed');
    replicaOf(simulation, replica).crash();
  },
  'controller.start': (simulation, { replica }) => {
    simulation.faults.end(`replica-${replica}`, 'crashed');
    const one = replicaOf(simulation, replica);
    if (one.position === CONTROL_PLANE || machineOf(simulation, one.position).isUp) one.start();
  },
  'controller.pause': (simulation, { replica, seconds }) => {
    simulation.faults.begin(`replica-${replica}`, 'paused');
    simulation.time.after(seconds * 1000, () => simulation.faults.end(`replica-${replica}`, 'paused'));
    replicaOf(simulation, replica).process?.pause(seconds * 1000);
  },
  'database.down': (simulation) => {
    simulation.faults.begin('database', 'down');
    simulation.store.setAway(true);
  },
  'database.up': (simulation) => {
    simulation.faults.end('database', 'down');
    simulation.store.setAway(false);
  },
  'queue.down': (simulation) => {
    simulation.faults.begin('queue', 'down');
    simulation.queue.setAway(true);
  },
  'queue.up': (simulation) => {
    simulation.faults.end('queue', 'down');
    simulation.queue.setAway(false);
  },
  'queue.flush': (simulation) => simulation.queue.flush(),
  'cluster.disarm': (simulation, entry) => begin(operate(simulation).disarm(entry)),
  'cluster.arm': (simulation, entry) => begin(operate(simulation).disarm(entry)),
  'workload.set-desired': (simulation, entry) => begin(operate(simulation).setDesired(entry)),
  'workload.migrate': (simulation, entry) => begin(operate(simulation).migrate(entry)),
  'workload.stop': (simulation, entry) => begin(operate(simulation).stop(entry)),
  'workload.crash': (simulation, { workload }) => {
    const sight = guestOf(simulation, workload);
    if (sight?.domain.running) simulation.world.endProcess(sight.host, sight.domain, 'crashed', 'died');
  },
  'workload.stopped-by-hand': (simulation, { workload }) => {
    const sight = guestOf(simulation, workload);
    simulation.touchedByHand(workload);
    // In the words of libvirt, and of LXD whose events are heard.
    if (sight?.domain.running) simulation.world.endProcess(sight.host, sight.domain, sight.domain.kind === 'container' ? 'stopped' : 'destroyed', 'stopped');
  },
  'workload.pause-io': (simulation, { workload }) => {
    const domain = guestOf(simulation, workload)?.domain;
    if (domain?.running?.state === 'running') Object.assign(domain, { running: { ...domain.running, state: 'paused' }, reason: 'ioerror' });
  },
  'workload.manage': (simulation, entry) => begin(operate(simulation).manage(entry)),
  'workload.recover-from-replica': (simulation, entry) => begin(operate(simulation).recoverFromReplica(entry)),
  'workload.unmanage': (simulation, entry) => begin(operate(simulation).unmanage(entry)),
  'workload.lock': (simulation, entry) => begin(operate(simulation).lock(entry)),
  'workload.unlock': (simulation, entry) => begin(operate(simulation).lock(entry)),
  'workload.moved-by-hand': (simulation, { workload, to }) => movedByHand(simulation, workload, to),
  'workload.resize': (simulation, { workload, cpus, memoryMiB }) => resize(simulation, workload, { cpus, memoryMiB }),
  'workload.set-usage': (simulation, entry) => begin(operate(simulation).setUsage(entry)),
  'workload.create': (simulation, entry) => {
    simulation.addGuest({ ...entry.workload, ...(entry.workload.desired === 'running' || entry.workload.desired === undefined ? { host: undefined } : {}) });
    begin(operate(simulation).create(entry, simulation.uuids.get(entry.workload.name) ?? ''));
  },
  'workload.delete': (simulation, entry) => begin(operate(simulation).delete(entry)),
  'host.label': (simulation, entry) => begin(operate(simulation).labelHost(entry)),
  'workload.label': (simulation, entry) => begin(operate(simulation).labelWorkload(entry)),
  'rule.add': (simulation, entry) => begin(operate(simulation).addRule(entry)),
  'rule.remove': (simulation, entry) => begin(operate(simulation).removeRule(entry)),
};

async function restartAgent(simulation: Simulation, host: string): Promise<void> {
  const agent = simulation.agents.get(host);
  await agent?.stop();
  agent?.start();
  simulation.faults.end(host, 'agent');
}

function movedByHand(simulation: Simulation, workload: string, to: string): void {
  const sight = guestOf(simulation, workload);
  const target = simulation.world.host(to);
  simulation.touchedByHand(workload);
  if (!sight || sight.host === target || !target.powered) return;
  sight.host.domains.delete(sight.domain.uuid);
  target.domains.set(sight.domain.uuid, sight.domain);
  sight.domain.reason = 'migrated';
  if (sight.domain.running) simulation.world.observer?.arrived(target, sight.domain, sight.host, 30);
}

const PAGE_NAMES = Object.keys(PAGE_KIB) as readonly PageName[];

function pageOf(hugepages: WorkloadNeeds['hugepages']): { readonly hugepages?: PageName } {
  const name = PAGE_NAMES.find((one) => PAGE_KIB[one] === hugepages?.[0]?.sizeKiB);
  return name === undefined ? {} : { hugepages: name };
}

function resize(simulation: Simulation, workload: string, size: { readonly cpus: number | undefined; readonly memoryMiB: number | undefined }): void {
  const domain = guestOf(simulation, workload)?.domain;
  const row = simulation.store.peek().workloads.get(workload);
  if (!domain) return;
  const definition = guestDefinition(domain.uuid, { name: domain.name, kind: domain.kind, cpus: size.cpus ?? row?.needs.vcpus, memoryMiB: size.memoryMiB ?? row?.needs.memoryMiB, ...pageOf(row?.needs.hugepages), cpu: HOST_CPUS.find((one) => one === row?.needs.cpuModel), cpuFeatures: [...(row?.needs.cpuFeatures ?? [])] });
  if (domain.definition !== null) domain.definition = definition;
  if (domain.running) domain.running = { ...domain.running, definition };
}
