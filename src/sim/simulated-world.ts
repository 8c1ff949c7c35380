// An in-memory world of hosts: power, network, processes, disks with locks, and faults on request. Time passes by a Clock only.
import type { Clock } from '../shared/clock.js';
import { OperationalError } from '../shared/errors.js';
import type { AgentConfig } from '../hosts/host-agent.js';
import type { DriverName } from '../hosts/hypervisor.js';
import type { GuestFaults } from './guest-faults.js';
import type { SimulatedCopy } from './simulated-copies.js';
import type { SimulatedMemberMove } from './simulated-members.js';
import { NO_RESOURCES, type SimulatedResources } from './simulated-resources.js';
import type { SimulatedGuard } from './simulated-guard.js';
import type { WorldObserver } from './world-observer.js';

export interface SimulatedPool {
  readonly name: string;
  readonly path: string;
  readonly shared: boolean;
  readonly totalMiB: number;
}

export interface SimulatedDomain {
  readonly uuid: string;
  name: string;
  readonly kind: 'vm' | 'container';
  /** Null: transient. */
  definition: string | null;
  /** What the process was started with; null: no process. */
  running: { definition: string; state: 'running' | 'paused' | 'migrating-in' | 'migrating-out' } | null;
  reason: string;
  autostart: boolean;
  /** What its autostart was before Reeve switched it off; only where that is noted. */
  autostartWas?: boolean | undefined;
  statistics: { totalMs: number; downtimeMs: number; transferredBytes: number } | null;
  /** It is a copy, not the workload. */
  replica?: { readonly asOfMs: number | null; readonly isSetAside?: boolean; /** The next copy over it compares by content. */ readonly isPrepared?: boolean; /** The spare alone is there. */ readonly isGone?: boolean } | null;
  /** As of when the copy was of which it was made the workload, by the wall clock. */
  madeOfMs?: number | null;
  /** Beside the replica: what the next copy is written into. */
  spare?: SimulatedSpare | null;
  /** Of one whose data lie at its host: what was written until then is there; while it runs, until now. */
  dataAtMs?: number;
  /** By both clocks; absent: it never was. */
  lastStart?: { readonly atMs: number; readonly monotonicMs: number } | undefined;
  /** What somebody has written on its disk, and whether that is so much that a copy takes long. */
  data?: string | undefined;
  isLarge?: boolean | undefined;
  /** The pool on a LUN that its data lie in. */
  pool?: string;
}

/** A block device that every host sees, with the file system of one pool on it. */
export interface SimulatedLun {
  readonly pool: string;
  /** Of its file system; changes with the host that it belongs to. */
  uuid: string;
  /** Whose daemon had it last: what lies in it is as that host left it. */
  holder: string;
}

export interface SimulatedSpare {
  readonly asOfMs: number | null;
  readonly isPrepared?: boolean;
  readonly definition?: string | null;
  readonly dataAtMs?: number;
  readonly data?: string | undefined;
  readonly isLarge?: boolean | undefined;
}

export interface SimulatedHost extends SimulatedResources {
  readonly name: string;
  readonly address: string;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly bridges: readonly string[];
  readonly pools: readonly SimulatedPool[];
  readonly machineId: string;
  /** Its daemon for containers is in this cluster of its own kind; null: it stands alone. */
  daemonCluster: string | null;
  /** Nothing else runs on it. */
  readonly hypervisors: ReadonlySet<DriverName>;
  /** Survive a power cycle. */
  readonly domains: Map<string, SimulatedDomain>;
  readonly files: Map<string, number>;
  guard: SimulatedGuard | null;
  agentConfig: AgentConfig | null;
  /** Do not survive it. */
  bootId: string;
  powered: boolean;
  /** SSH reaches it. */
  reachable: boolean;
  /** Answers nothing, though connections open; its guests stand still with it. */
  hung: boolean;
  /** Has power, and nothing runs there yet. */
  booting: boolean;
  agentRunning: boolean;
  /** The guard's notes of what was started under the lease, by uuid, with their time. */
  readonly leaseMarks: Map<string, number>;
  leaseMarksChanges: number;
  /** What the agent told the guard of its lease, on true time; gone with the boot. */
  publishedVoters: { readonly clusterId: string; readonly epoch: number } | null;
  publishedLease: { readonly untilMs: number; readonly isArmed: boolean; readonly isReleased?: boolean } | null;
  watchdogDevice: boolean;
  /** The shared storage is out of its reach: nothing starts there, what runs stands still on its first write. */
  storageLost: boolean;
  /** Hypervisors whose daemon hangs: what they run goes on, and nobody learns of it. */
  readonly mute: Set<DriverName>;
  /** What the host itself can see to be wrong with it. */
  uplinkLost: boolean;
  degraded: boolean;
  readonly migrations: Map<string, SimulatedMigration>;
  readonly copies: Map<string, SimulatedCopy>;
  readonly memberMoves: Map<string, SimulatedMemberMove>;
  /** Its daemon's pools on LUNs, by name: the file system that it looks for at boot. */
  readonly lunPools: Map<string, string>;
  /** Of those, what is mounted. */
  mounts: Set<string>;
}

export interface SimulatedMigration {
  readonly id: string;
  readonly uuid: string;
  readonly source: string;
  readonly destination: string;
  readonly sourceBootId: string;
  readonly destinationBootId: string;
  readonly totalBytes: number;
  readonly startedAtMs: number;
  readonly endsAtMs: number;
  /** When a side first saw the other one gone. */
  brokenAtMs: number | null;
  ended: { readonly exitCode: number; readonly output: string } | null;
  abortRequested: boolean;
}

export interface Fault {
  readonly host: string;
  /** Name of the port's method; absent: any. */
  readonly method?: string;
  readonly error: OperationalError;
  /** `after`: the effect took place, the answer was lost. */
  readonly when: 'before' | 'after';
  /** How often it strikes. */
  times: number;
}

export interface HostCommand {
  readonly host: string;
  /** Who asks, as the network knows it; null: nobody in particular. */
  readonly from: string | null;
  readonly method: string;
  readonly timeoutMs: number;
  /** It changes something there: only such commands come late. */
  readonly changes?: boolean;
}

export interface NewSimulatedHost extends Partial<SimulatedResources> {
  readonly name: string;
  readonly address: string;
  readonly cpus?: number;
  readonly memoryMiB?: number;
  readonly bridges?: readonly string[];
  readonly pools?: readonly SimulatedPool[];
  /** Default: libvirt and LXD. */
  readonly hypervisors?: ReadonlySet<DriverName>;
}

/** As libvirt's keepalive (5 s × 3) was measured: a side gives up so long after the other vanished. */
export const PEER_LOST_MS = 16_000;
/** A guest stands still so long while its last pages are handed over. */
const DOWNTIME_MS = 30;

const DEFAULT_POOLS: readonly SimulatedPool[] = [
  { name: 'shared', path: '/srv/shared', shared: true, totalMiB: 100_000 },
  { name: 'local', path: '/srv/local', shared: false, totalMiB: 100_000 },
];

export interface WorldOptions {
  /** The boot id of a host's nth boot. */
  readonly newBootId: (host: string, boots: number) => string;
}

const READABLE_BOOT_IDS: WorldOptions = { newBootId: (host, boots) => `boot-${host}-${boots}` };

export class SimulatedWorld {
  readonly clock: Clock;
  /** Each command takes so long. */
  latencyMs: number | (() => number) = 0;
  /** A command may be held up on its way for so much longer; who asked gives up meanwhile, and it arrives all the same. */
  lateMs: () => number = () => 0;
  observer: WorldObserver | null = null;
  /** May `from` (a replica or a host; null: nobody in particular) reach this host? */
  reaches: (from: string | null, host: SimulatedHost) => boolean = (_from, host) => host.reachable;
  /** What a fence device does to a host's power. */
  cutPower: (name: string) => void = (name) => this.powerOff(name);
  givePower: (name: string) => void = (name) => this.powerOn(name);
  /** A host's agent was given another configuration. */
  onAgentConfig: (host: SimulatedHost) => void = () => undefined;
  /** Somebody was shown what runs on a host: all of it (null), or one guest. */
  onLook: (host: SimulatedHost, uuid: string | null) => void = () => undefined;
  /** Guests that misbehave, by uuid. */
  readonly guestFaults = new Map<string, GuestFaults>();
  /** By the name of the pool. */
  readonly luns = new Map<string, SimulatedLun>();
  readonly #hosts = new Map<string, SimulatedHost>();
  readonly #faults: Fault[] = [];
  readonly #sharedFiles = new Map<string, number>();
  #boots = 0;

  constructor(
    clock: Clock,
    private readonly options: WorldOptions = READABLE_BOOT_IDS,
  ) {
    this.clock = clock;
  }

  get hosts(): IterableIterator<SimulatedHost> {
    return this.#hosts.values();
  }

  addHost(host: NewSimulatedHost): SimulatedHost {
    const added: SimulatedHost = {
      cpus: 8, memoryMiB: 16_384, bridges: ['br0'], pools: DEFAULT_POOLS, hypervisors: new Set<DriverName>(['libvirt', 'lxd']), ...NO_RESOURCES, ...host,
      machineId: `machine-${host.name}`, domains: new Map(), files: new Map(), guard: null, agentConfig: null,
      bootId: this.#nextBootId(host.name), powered: true, reachable: true, hung: false, booting: false, agentRunning: false, leaseMarks: new Map(), leaseMarksChanges: 0, publishedVoters: null, publishedLease: null, watchdogDevice: false, storageLost: false, mute: new Set(), uplinkLost: false, degraded: false, migrations: new Map(), copies: new Map(), memberMoves: new Map(), daemonCluster: null, lunPools: new Map(), mounts: new Set(),
    };
    this.#hosts.set(host.name, added);
    return added;
  }

  host(name: string): SimulatedHost {
    const host = this.#hosts.get(name);
    if (!host) throw new OperationalError('not-found', `no simulated host ${name}`);
    return host;
  }

  hostAt(address: string): SimulatedHost | null {
    return [...this.#hosts.values()].find((host) => host.address === address) ?? null;
  }

  // --- faults ---

  powerOff(name: string): void {
    this.settle();
    const host = this.host(name);
    Object.assign(host, { powered: false, hung: false, booting: false, agentRunning: false });
    host.migrations.clear();
    host.copies.clear();
    host.memberMoves.clear();
    host.mounts.clear();
    host.publishedVoters = null;
    host.publishedLease = null;
    for (const domain of [...host.domains.values()]) this.endProcess(host, domain, 'unknown', 'died');
  }

  powerOn(name: string): void {
    const host = this.host(name);
    if (host.powered) return;
    host.powered = true;
    this.boot(name);
  }

  /** The operating system comes up: a new boot id, and what starts by itself. */
  boot(name: string): void {
    const host = this.host(name);
    Object.assign(host, { bootId: this.#nextBootId(name), agentRunning: host.agentConfig !== null });
    // As LXD does it: whatever has become of them meanwhile.
    for (const [pool, uuid] of host.lunPools) if (this.luns.get(pool)?.uuid === uuid) this.mount(host, pool);
    for (const domain of host.domains.values()) {
      if (domain.autostart && domain.definition !== null) this.startProcess(host, domain, domain.definition, 'booted');
    }
  }

  mount(host: SimulatedHost, pool: string): void {
    host.mounts.add(pool);
    this.observer?.mounted(host, pool);
  }

  startProcess(host: SimulatedHost, domain: SimulatedDomain, definition: string, reason: string): void {
    domain.running = { definition, state: 'running' };
    domain.lastStart = { atMs: this.clock.nowMs(), monotonicMs: this.clock.monotonicMs() };
    domain.reason = reason;
    this.observer?.started(host, domain);
  }

  /** Ends its process, if there is one, and what only that kept there. */
  endProcess(host: SimulatedHost, domain: SimulatedDomain, reason: string, how: 'stopped' | 'died'): void {
    const state = domain.running?.state;
    if (domain.running) domain.dataAtMs = this.clock.monotonicMs();
    domain.running = null;
    domain.reason = reason;
    if (domain.definition === null) host.domains.delete(domain.uuid);
    if (state !== undefined && state !== 'migrating-in') this.observer?.ended(host, domain, how);
  }

  cut(name: string): void {
    this.host(name).reachable = false;
  }

  heal(name: string): void {
    this.host(name).reachable = true;
  }

  hang(name: string, hung = true): void {
    this.host(name).hung = hung;
  }

  /** Guests on a host without its storage stand still on their next write; when it is back they wait for somebody to resume them. */
  loseStorage(name: string, lost: boolean): void {
    const host = this.host(name);
    host.storageLost = lost;
    if (!lost) return;
    for (const domain of host.domains.values()) {
      if (domain.running?.state === 'running') Object.assign(domain, { running: { ...domain.running, state: 'paused' }, reason: 'ioerror' });
    }
  }

  inject(fault: Fault): void {
    this.#faults.push(fault);
  }

  /** Hosts on which a copy executes now: more than one is the disaster all this exists to prevent. */
  executingOn(uuid: string): readonly string[] {
    this.settle();
    const hosts = [...this.#hosts.values()].filter((host) => host.powered && !host.hung && host.domains.get(uuid)?.running?.state === 'running');
    return hosts.map(({ name }) => name).sort();
  }

  // --- what the adapters share ---

  /** One command to a host: latency, reachability and injected faults around it. */
  async command<Answer>({ host: hostName, from, method, timeoutMs, changes = false }: HostCommand, act: (host: SimulatedHost) => Answer): Promise<Answer> {
    const host = this.host(hostName);
    const latencyMs = (typeof this.latencyMs === 'number' ? this.latencyMs : this.latencyMs()) + (changes ? this.lateMs() : 0);
    if (latencyMs > timeoutMs) return this.#commandComesLate({ host: hostName, from, method, timeoutMs }, latencyMs, act);
    if (latencyMs > 0) await this.clock.sleep(latencyMs);
    const reached = (): boolean => host.powered && !host.booting && this.reaches(from, host);
    if (reached() && host.hung) {
      await this.clock.sleep(timeoutMs);
      throw new OperationalError('timeout', `${method} on ${hostName}: no answer within ${timeoutMs} ms; its effect is unknown`);
    }
    if (!reached()) throw new OperationalError('unreachable', `${hostName} (${host.address}) does not answer`);
    const fault = this.#strike(hostName, method);
    if (fault?.when === 'before') throw fault.error;
    this.settle();
    const answer = act(host);
    if (fault?.when === 'after') throw fault.error;
    return answer;
  }

  /** The caller hears nothing in time; what it asked for happens when the command gets there, if the host takes it then. */
  async #commandComesLate({ host: hostName, from, method, timeoutMs }: HostCommand, latencyMs: number, act: (host: SimulatedHost) => unknown): Promise<never> {
    const host = this.host(hostName);
    void this.clock.sleep(latencyMs).then(() => {
      if (!host.powered || host.booting || host.hung || !this.reaches(from, host)) return;
      this.settle();
      try {
        act(host);
      } catch (error) {
        // Refused, and nobody is there to hear it.
        if (!(error instanceof OperationalError)) throw error;
      }
    });
    await this.clock.sleep(timeoutMs);
    throw new OperationalError('timeout', `${method} on ${hostName}: no answer within ${timeoutMs} ms; its effect is unknown`);
  }

  /** Where the size of a file is kept: with the host, or with the pool that all hosts share. */
  filesOf(host: SimulatedHost, path: string): Map<string, number> {
    return host.pools.find((pool) => path.startsWith(`${pool.path}/`))?.shared ? this.#sharedFiles : host.files;
  }

  /** The host where a process has this disk open for writing. */
  lockHolder(host: SimulatedHost, path: string, disksOf: (definition: string) => readonly string[], except: string): SimulatedHost | null {
    const files = this.filesOf(host, path);
    for (const other of this.#hosts.values()) {
      if (!other.powered || this.filesOf(other, path) !== files) continue;
      for (const domain of other.domains.values()) {
        if (!domain.running || domain.running.state === 'migrating-in') continue;
        if (other === host && domain.uuid === except) continue;
        if (disksOf(domain.running.definition).includes(path)) return other;
      }
    }
    return null;
  }

  /** As the guard asks for it: what the agent wrote down. */
  holdsLease({ publishedLease }: SimulatedHost): boolean {
    return publishedLease !== null && publishedLease.untilMs > this.clock.monotonicMs();
  }

  /** And a watchdog stands behind it. */
  isArmed({ publishedLease }: SimulatedHost): boolean {
    return publishedLease?.isArmed === true;
  }

  /** Brings migrations up to the present moment. */
  settle(): void {
    const nowMs = this.clock.monotonicMs();
    for (const host of this.#hosts.values()) {
      for (const migration of host.migrations.values()) if (!migration.ended) this.#settleMigration(migration, nowMs);
      if (host.powered) this.#dropOrphans(host, nowMs);
    }
  }

  #settleMigration(migration: SimulatedMigration, nowMs: number): void {
    const source = this.host(migration.source);
    const destination = this.host(migration.destination);
    const there = destination.bootId === migration.destinationBootId ? destination.domains.get(migration.uuid) : undefined;
    const here = source.domains.get(migration.uuid);
    if (migration.abortRequested || !here?.running) {
      if (there?.running?.state === 'migrating-in') this.endProcess(destination, there, 'destroyed', 'died');
      migration.ended = { exitCode: 1, output: migration.abortRequested ? 'error: operation aborted: migration out job: canceled by client' : 'error: the domain stopped' };
      return;
    }
    const connected = destination.powered && this.reaches(source.name, destination) && this.reaches(destination.name, source) && there?.running !== null && there !== undefined && !source.hung && !destination.hung;
    if (!connected) {
      migration.brokenAtMs ??= nowMs;
      if (nowMs - migration.brokenAtMs < PEER_LOST_MS) return;
      this.#failMigration(migration, 'internal error: client socket is closed');
      return;
    }
    migration.brokenAtMs = null;
    if (nowMs < migration.endsAtMs) return;
    const fault = this.guestFaults.get(migration.uuid)?.strikesMigration(destination.name) ?? (source.storageLost || destination.storageLost ? 'the shared storage is out of reach' : null);
    if (fault !== null) {
      this.endProcess(destination, there, 'destroyed', 'died');
      this.#failMigration(migration, fault);
      return;
    }
    const { definition, state } = here.running;
    Object.assign(there, {
      definition, running: { definition, state: state === 'paused' ? 'paused' : 'running' }, reason: 'migrated',
      statistics: { totalMs: migration.endsAtMs - migration.startedAtMs, downtimeMs: DOWNTIME_MS, transferredBytes: migration.totalBytes },
    });
    source.domains.delete(migration.uuid);
    migration.ended = { exitCode: 0, output: '' };
    this.observer?.arrived(destination, there, source, DOWNTIME_MS);
  }

  #failMigration(migration: SimulatedMigration, why: string): void {
    migration.ended = { exitCode: 1, output: `error: ${why}` };
    const source = this.host(migration.source);
    this.observer?.migrateFailed(source, source.domains.get(migration.uuid)?.name ?? migration.uuid, why);
  }

  /** A destination whose source is gone ends its half of the copy after a while. */
  #dropOrphans(host: SimulatedHost, nowMs: number): void {
    for (const domain of [...host.domains.values()]) {
      if (domain.running?.state !== 'migrating-in') continue;
      const active = [...this.#hosts.values()].some((other) => [...other.migrations.values()].some((migration) => !migration.ended && migration.uuid === domain.uuid && migration.destination === host.name && migration.brokenAtMs === null));
      const since = this.#orphanSince.get(domain);
      if (active) this.#orphanSince.delete(domain);
      else if (since === undefined) this.#orphanSince.set(domain, nowMs);
      else if (nowMs - since >= PEER_LOST_MS) this.endProcess(host, domain, 'destroyed', 'died');
    }
  }

  readonly #orphanSince = new WeakMap<SimulatedDomain, number>();

  #strike(host: string, method: string): Fault | undefined {
    const fault = this.#faults.find((one) => one.times > 0 && one.host === host && (one.method === undefined || one.method === method));
    if (fault) fault.times -= 1;
    return fault;
  }

  #nextBootId(name: string): string {
    this.#boots += 1;
    return this.options.newBootId(name, this.#boots);
  }
}
