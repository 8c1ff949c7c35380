// A simulation: one scenario's cluster, wired from the simulated parts, run through its timeline in virtual time.
import type { AlertPorts } from '../cluster/control/alert-delivery.js';
import type { AlertTarget } from '../cluster/notifier.js';
import { leaveWithinMs, type ClusterPolicy } from '../cluster/cluster-policy.js';
import { deriveTiming, DEFAULT_TIMING_SETTINGS, type Timing } from '../cluster/timing.js';
import type { Hold } from '../cluster/decision.js';
import { shownState } from '../cluster/shown-state.js';
import type { ClusterVerdict } from '../cluster/verdict.js';
import type { VoterSet } from '../cluster/quorum-lease.js';
import { hostMember, Witness } from '../agent/witness.js';
import type { FenceDevice } from '../fencing/fence-device.js';
import type { AgentConfig, AgentMember } from '../hosts/host-agent.js';
import { enforcesLease, type Host } from '../hosts/host.js';
import { DEFAULT_MIGRATION_POLICY } from '../migration/migration-policy.js';
import { Defect, OperationalError } from '../shared/errors.js';
import type { Log } from '../shared/log.js';
import { seededRng, type Rng } from '../shared/rng.js';
import type { Workload } from '../workloads/workload.js';
import { EPOCH_MS, type ProcessClocks, type SimProcess } from './engine/sim-process.js';
import { VirtualTime } from './engine/virtual-time.js';
import { far, type Distance } from './far-port.js';
import { Faults } from './faults.js';
import { InvariantChecker } from './invariants/invariant-checker.js';
import { Machine } from './machine.js';
import { MemoryAlertCursors } from './memory-alert-cursors.js';
import { MemoryClusterStore } from './memory-cluster-store.js';
import { Narrator } from './narrator.js';
import { CONTROL_PLANE, SimNetwork, type Position } from './network.js';
import { policyOf } from './scenario/policy-of.js';
import { DEFAULT_FENCING, type Scenario } from './scenario/scenario.js';
import { addLuns, addGuest, addMachine, addressOf, firstChanges, hostRows, uuidOf, withGuests } from './scenario/setup-cluster.js';
import { Disk, SimulatedAgent } from './simulated-agent.js';
import { SimulatedLeave } from './simulated-leave.js';
import { SimulatedFenceDevice } from './simulated-fence-device.js';
import { SimulatedNotifier } from './simulated-notifier.js';
import { SimulatedQueue } from './simulated-queue.js';
import { SimulatedReplica } from './simulated-replica.js';
import { Switchboard } from './simulated-transport.js';
import { SimulatedWorld } from './simulated-world.js';
import { WorldWatch } from './world-watch.js';

const CLUSTER = 'simulated';
/** What a person did is not automation's doing, so long. */
const BY_HAND_MS = 120_000;

/** What crystals differ by, either way, where the file does not say. */
const CRYSTAL_DRIFT = 50e-6;

/** A connection that comes about late, a host that is busy: then a command takes effect up to so much later, where the file does not say. */
const LATE_COMMAND_MS = 25_000;

export interface SimulationOptions {
  readonly seed: number;
  readonly log?: (line: string) => void;
  /** The run ends before its time once everything is as wanted after the last entry: for runs that only look for violations. */
  readonly endsEarly?: boolean;
}

export class Simulation {
  readonly time = new VirtualTime();
  readonly timing: Timing;
  readonly policy: ClusterPolicy;
  readonly network: SimNetwork;
  readonly world: SimulatedWorld;
  readonly store: MemoryClusterStore;
  readonly queue: SimulatedQueue;
  readonly faults: Faults;
  readonly narrator: Narrator;
  readonly checker: InvariantChecker;
  readonly machines = new Map<string, Machine>();
  readonly agents = new Map<string, SimulatedAgent>();
  readonly replicas: SimulatedReplica[] = [];
  /** What people were told. */
  readonly people = new SimulatedNotifier();
  readonly uuids = new Map<string, string>();
  readonly #devices = new Map<string, SimulatedFenceDevice>();
  readonly #board: Switchboard;
  readonly #handled = new Map<string, number>();
  readonly #cursors: MemoryAlertCursors;
  readonly #configs = new Map<string, { readonly from: readonly unknown[]; readonly config: AgentConfig }>();
  readonly #log: (line: string) => void;
  #storeVersion = -1;
  readonly #conditions = new Map<string, Host['condition']>();

  constructor(
    readonly scenario: Scenario,
    private readonly options: SimulationOptions,
  ) {
    const timing = deriveTiming(DEFAULT_TIMING_SETTINGS);
    if (!timing.ok) throw new Defect('the default timing is refused');
    this.timing = timing.value;
    this.#log = options.log ?? (() => undefined);
    this.policy = policyOf(scenario.policy);
    const trueClock = { nowMs: () => Math.floor(EPOCH_MS + this.time.nowMs), monotonicMs: () => this.time.nowMs, sleep: (ms: number) => new Promise<void>((resolve) => void this.time.after(ms, resolve)) };
    this.network = new SimNetwork(this.time, this.rng('network'));
    this.network.weather = { jitterMs: scenario.weather?.jitterMs ?? 0, duplicates: scenario.weather?.duplicates ?? 0 };
    this.#board = new Switchboard(this.network);
    this.world = new SimulatedWorld(trueClock, { newBootId: (_host, boots) => `${boots.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000` });
    this.store = new MemoryClusterStore(trueClock);
    this.#cursors = new MemoryAlertCursors(this.store);
    this.queue = new SimulatedQueue(this.time, this.rng('queue').next);
    this.queue.faults = { twice: scenario.weather?.doubleJobs ?? 0, lateMs: scenario.weather?.lateJobsMs ?? 0 };
    this.faults = new Faults(this.time, scenario.hosts.length + this.#replicaPositions().length);
    this.narrator = new Narrator({ time: this.time, store: this.store, leaderVerdict: () => this.leaderVerdict(), deviceOf: (host) => this.#deviceNames(host) });
    this.checker = new InvariantChecker({
      time: this.time, world: this.world, store: this.store, placement: this.policy.placement, maxSilentShare: this.policy.maxSilentShare, graceMs: this.timing.startupGraceMs,
      byHand: (workload) => this.time.nowMs - (this.#handled.get(workload) ?? -Infinity) < BY_HAND_MS,
      isDisturbed: (host) => this.faults.isDisturbed(host), isStopping: (host) => this.machines.get(host)?.isStopping === true,
    });
  }

  /** A stream of chance for each purpose: more of one does not change another. */
  rng(purpose: string): Rng {
    let hash = this.options.seed >>> 0;
    for (const letter of purpose) hash = (Math.imul(hash, 31) + letter.charCodeAt(0)) >>> 0;
    return seededRng(hash);
  }

  /** Time 0: everything is where the file says, and known to everybody. */
  async setUp(): Promise<void> {
    const { hosts, workloads = [] } = this.scenario;
    this.#wireWorld();
    hosts.forEach((host, index) => addMachine(this.world, host, index));
    addLuns(this.world, this.scenario);
    const rows = await hostRows(this.world, this.scenario);
    const isOff = (name: string): boolean => hosts.find((host) => host.name === name)?.power === 'off';
    for (const { name } of hosts) if (isOff(name)) Object.assign(this.world.host(name), { powered: false, mounts: new Set() });
    workloads.forEach((one, index) => this.addGuest(one, index));
    const voters: VoterSet = { epoch: 1, ids: [...hosts.map((host) => host.name), ...this.#replicaPositions().map((_, index) => `witness:replica-${index + 1}`)].sort() };
    const committed = await this.store.commit(firstChanges(this.scenario, rows.map((row) => withGuests(this.world, row)), this.uuids, voters), { viewVersion: null, leaderEpoch: 0 });
    if (!committed.ok) throw new Defect(`the scenario can't be set up: ${committed.error.why}`);
    this.#makeReplicas(voters);
    for (const { name, network } of hosts) {
      this.#makeMachine(name);
      if (network === 'down') this.network.isolate(name, true);
      if (isOff(name) || network === 'down') this.faults.begin(name, 'not there at time 0');
    }
    this.#configureAgents(voters);
    // Only now: before time passes nothing may take any.
    const ssh = this.rng('ssh');
    this.world.latencyMs = () => 4 + 20 * ssh.next();
    const { lateCommands = 0, lateCommandMs = LATE_COMMAND_MS } = this.scenario.weather ?? {};
    if (lateCommands > 0) this.world.lateMs = () => (ssh.next() < lateCommands ? lateCommandMs * ssh.next() : 0);
    for (const machine of this.machines.values()) if (machine.isUp) machine.startServices();
    for (const replica of this.replicas) if (replica.position === CONTROL_PLANE) replica.start();
  }

  addGuest(one: NonNullable<Scenario['workloads']>[number], index = this.uuids.size): void {
    const uuid = this.uuids.get(one.name) ?? uuidOf(index);
    this.uuids.set(one.name, uuid);
    addGuest(this.world, one, uuid);
  }

  /** Lets time pass. Every step is followed by a look at what it did. */
  runUntil(seconds: number): Promise<void> {
    return this.time.runUntil(seconds * 1000, () => this.#afterStep());
  }

  leader(): SimulatedReplica | null {
    const { holder } = this.store.peek().leader;
    return this.replicas.find((one) => one.name === holder && one.isAlive) ?? null;
  }

  leaderVerdict(): ClusterVerdict | null {
    return this.leader()?.replica?.verdict() ?? null;
  }

  /** What a clock on the wall shows. */
  get wallMs(): number {
    return Math.floor(EPOCH_MS + this.time.nowMs);
  }

  setFenceFault(host: string, fault: SimulatedFenceDevice['fault']): void {
    this.#fenceDevicesOf(host);
    const device = this.#devices.get(host);
    if (device) device.fault = fault;
  }

  /** What the leader does not do now, with its reasons. */
  holds(): readonly Hold[] {
    return this.leader()?.replica?.controller.holds ?? [];
  }

  /** As people are shown it. */
  shownState(workload: Workload): string {
    return shownState(this.store.peek(), workload, this.wallMs);
  }

  /** A person (the scenario) has a hand in this guest now. */
  touchedByHand(workload: string): void {
    this.#handled.set(workload, this.time.nowMs);
  }

  #afterStep(): void {
    this.narrator.look();
    const { version, hosts } = this.store.peek();
    if (version === this.#storeVersion) return;
    this.#storeVersion = version;
    this.checker.follow(this.wallMs);
    const before = new Map(this.#conditions);
    for (const host of hosts.values()) {
      this.#conditions.set(host.id, host.condition);
      if (host.condition === 'fencing' && before.get(host.id) !== 'fencing') this.#fenceBegan(host, before);
    }
  }

  #fenceBegan(host: Host, before: ReadonlyMap<string, Host['condition']>): void {
    const fence = this.store.peekOperations().findLast((one) => one.kind === 'fence' && one.hostId === host.id);
    if (fence?.requestedBy.startsWith('rule:')) this.checker.fenceBegan(host, { verdict: this.leaderVerdict(), listenedMs: this.time.nowMs - (this.leader()?.startedAtMs ?? -Infinity), before });
  }

  #wireWorld(): void {
    const { world } = this;
    world.reaches = (from, host) => from === null || this.network.connects(from, host.name);
    world.observer = new WorldWatch({ time: this.time, world, narrator: this.narrator, checker: this.checker });
    this.store.onCommit = (by, leads) => this.checker.committed(by, leads);
    world.onLook = (host, uuid) => this.checker.looked(host.name, uuid);
    world.onAgentConfig = (host) => this.agents.get(host.name)?.followConfig();
    world.cutPower = (name) => this.machines.get(name)?.reset('power');
    world.givePower = (name) => this.machines.get(name)?.switchOn();
  }

  #replicaPositions(): readonly Position[] {
    const { hosts, controllers } = this.scenario;
    const onHosts = hosts.filter((host) => host.runsController === true).map((host) => host.name);
    return [...onHosts, ...Array.from({ length: controllers ?? (onHosts.length > 0 ? 0 : 3) }, () => CONTROL_PLANE)];
  }

  #makeMachine(name: string): void {
    const machine = new Machine(this.world.host(name), this.world, this.time, {
      off: (host) => this.narrator.tell('host.off', { host }),
      booted: (host) => this.narrator.tell('host.booted', { host }),
      reset: (host, by) => {
        this.narrator.tell('host.reset', { host, by });
        this.checker.reset(host, by);
        this.faults.begin(host, 'reset');
        this.faults.end(host, 'reset');
      },
    });
    const parts = { time: this.time, world: this.world, board: this.#board, clocks: this.#clocks(name), log: (host: string, line: string) => this.#say(`agent of ${host}`, line) };
    const agent = new SimulatedAgent(machine, parts);
    const leave = new SimulatedLeave(machine, agent, parts);
    machine.beforeShutdown = () => leave.run();
    machine.services.push(agent, leave, ...this.replicas.filter((one) => one.position === name));
    this.machines.set(name, machine);
    this.agents.set(name, agent);
  }

  #makeReplicas(voters: VoterSet): void {
    const positions = this.#replicaPositions();
    const members = positions.map((_, index): AgentMember => ({
      id: `witness:replica-${index + 1}`, name: `replica-${index + 1}`, role: 'witness', keyHex: '00'.repeat(32), links: [0, 1].map((link) => ({ address: addressOf(60_000 + index, link), port: 7481 })),
    }));
    members.forEach((member, index) => this.replicas.push(this.#makeReplica(member, index, positions[index] ?? CONTROL_PLANE, { members, voters })));
  }

  #makeReplica(witness: AgentMember, index: number, position: Position, { members, voters }: { readonly members: readonly AgentMember[]; readonly voters: VoterSet }): SimulatedReplica {
    const database = this.rng(`database ${index}`);
    const isReached = (): boolean => position === CONTROL_PLANE || this.network.connects(position, CONTROL_PLANE);
    const reach = (rng: Rng): Distance => ({ roundTripMs: () => 0.4 + rng.next(), isReached, rng, time: this.time });
    const store = far(this.store, reach(database), new Set(['onChange', 'peek']));
    const telling = reach(this.rng(`alerts ${index}`));
    const disk = new Disk();
    const replica: SimulatedReplica = new SimulatedReplica(witness.name, index + 1, position, witness, {
      time: this.time, store, queue: this.queue, clocks: this.#clocks(witness.name), listWitnesses: () => members, alerts: this.#alerts(telling), log: this.#logOf(witness.name),
      policies: { cluster: this.policy, migration: DEFAULT_MIGRATION_POLICY },
      hosts: { world: this.world, fenceDevicesOf: (host) => this.#fenceDevicesOf(host), agentConfigOf: (host, others) => this.#agentConfig(host, others, { witnesses: members, voters: replica.replica?.members.voters ?? voters }) },
      openEar: (process) => this.#openEar(process, { witness, position, disk }),
    });
    return replica;
  }

  /** Everything goes to one list of people, who are always there. */
  #alerts(distance: Distance): AlertPorts {
    const target: AlertTarget = { target: 'people', least: 'warning', types: null, notifier: this.people };
    return { targets: [target], cursors: far(this.#cursors, distance, new Set()), store: far(this.store, distance, new Set()), source: { clusterId: CLUSTER, cluster: CLUSTER }, maxAgeMs: 24 * 3_600_000 };
  }

  #openEar(process: SimProcess, { witness, position, disk }: { readonly witness: AgentMember; readonly position: Position; readonly disk: Disk }): Witness {
    const bootId = `b0071000-0000-4000-8000-${String(this.replicas.length).padStart(12, '0')}`;
    const options = { clusterId: CLUSTER, id: witness.id, keyHex: witness.keyHex, bootId, startStamp: disk.nextStartStamp(EPOCH_MS + this.time.nowMs), listen: witness.links, timing: this.timing };
    return new Witness(options, { clock: process.clock, timers: process.clock, openTransport: this.#board.opener(process, position), promises: disk, log: (line) => this.#say(witness.name, line) });
  }

  #configureAgents(voters: VoterSet): void {
    const rows = [...this.store.peek().hosts.values()];
    for (const host of rows) this.world.host(host.name).agentConfig = this.#agentConfig(host, rows, { witnesses: this.replicas.map((one) => one.witness), voters });
  }

  /** As the control plane writes it for a real agent. It is asked for at every round: the same from the same. */
  #agentConfig(host: Host, members: readonly Host[], { witnesses, voters }: { readonly witnesses: readonly AgentMember[]; readonly voters: VoterSet | null }): AgentConfig {
    const from = [host, voters, ...members, ...witnesses];
    const known = this.#configs.get(host.id);
    if (known?.from.length === from.length && known.from.every((one, index) => one === from[index])) return known.config;
    const config = this.#newAgentConfig(host, members, { witnesses, voters });
    this.#configs.set(host.id, { from, config });
    return config;
  }

  #newAgentConfig(host: Host, members: readonly Host[], { witnesses, voters }: { readonly witnesses: readonly AgentMember[]; readonly voters: VoterSet | null }): AgentConfig {
    const { heartbeatMs, silentMs, watchdogMs } = this.timing;
    const asMember = (one: Host): AgentMember => {
      const { isVoter: _isVoter, ...member } = hostMember(one);
      return member;
    };
    return {
      clusterId: CLUSTER, hostId: host.id, name: host.name, keyHex: host.agentKey, heartbeatMs, silentMs, watchdogMs, enforcesLease: enforcesLease(host), leaveWithinMs: leaveWithinMs(this.policy), voters,
      listen: host.links.map((address) => ({ address, port: host.heartbeatPort })), members: [...members.map(asMember), ...witnesses],
    };
  }

  #fenceDevicesOf(host: string): readonly FenceDevice[] {
    const kinds = this.scenario.hosts.find((one) => one.name === host)?.fencing ?? DEFAULT_FENCING;
    return kinds.map((kind) => {
      if (kind !== 'power') return passive(kind === 'watchdog' ? 'lease and watchdog' : 'a person');
      const device = this.#devices.get(host) ?? new SimulatedFenceDevice(this.world, host);
      this.#devices.set(host, device);
      return device;
    });
  }

  #deviceNames(host: string): string {
    return (this.scenario.hosts.find((one) => one.name === host)?.fencing ?? DEFAULT_FENCING).join(', ');
  }

  /** NTP keeps wall clocks together, not exactly; crystals differ. */
  #clocks(name: string): ProcessClocks {
    const rng = this.rng(`clock of ${name}`);
    return { wallOffsetMs: Math.round(100 * (rng.next() - 0.5)), drift: 2 * (this.scenario.weather?.clockDrift ?? CRYSTAL_DRIFT) * (rng.next() - 0.5) };
  }

  #logOf(name: string): Log {
    const line = (level: string) => (data: unknown, text?: string) => this.#say(`${name} ${level}`, text ?? String(data));
    return { debug: line('debug'), info: line('info'), warn: line('warn') };
  }

  #say(who: string, line: string): void {
    this.#log(`${(this.time.nowMs / 1000).toFixed(3)} ${who}: ${line}`);
  }
}

/** A device that is never told anything. */
function passive(describe: string): FenceDevice {
  const refuse = (): Promise<never> => Promise.reject(new OperationalError('unsupported', `${describe} is not told off`));
  return { describe, automatic: false, off: refuse, on: refuse, status: refuse };
}
