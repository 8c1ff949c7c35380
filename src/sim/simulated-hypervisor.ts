// The Hypervisor port over the simulated world: the same answers and refusals as libvirt's, without a machine.
import { OperationalError } from '../shared/errors.js';
import { identityOf } from '../hosts/drivers/libvirt/domain-needs.js';
import type { HostFacts } from '../hosts/host-facts.js';
import { HYPERVISOR_NAMES, type BlockPools, type CommandToken, type DiskSpec, type DriverName, type Hypervisor, type InstanceCopies, type InventoryLook, type MemberMoves, type MigrationCommandState, type MigrationProgress, type MigrationRequest, type MigrationStatistics, type ObservedWorkload } from '../hosts/hypervisor.js';
import { simulatedNeeds as needsOf } from './simulated-needs.js';
import { simulatedCopies, swapSpare, type CopiesParts } from './simulated-copies.js';
import { simulatedMembers } from './simulated-members.js';
import { simulatedPools } from './simulated-pools.js';
import { lackedFeatures, localRoom, resourceFacts } from './simulated-resources.js';
import type { SimulatedDomain, SimulatedHost, SimulatedMigration, SimulatedWorld } from './simulated-world.js';

const LOOK_MS = 8_000;
const DO_MS = 40_000;
/** As the guard waits for an agent that is about to arm its watchdog. */
const LEASE_WAIT_MS = 3_000;
const LEASE_LOOK_MS = 50;
const MIB = 1024 * 1024;
const LUN_BYTES = 1024 * MIB;
/** Copying memory, where no limit was asked for. */
const DEFAULT_MIBPS = 100;
/** Connecting, preparing the destination, handing over. */
const MIGRATION_OVERHEAD_MS = 500;

export class SimulatedHypervisor implements Hypervisor {
  readonly copies: InstanceCopies;
  readonly pools: BlockPools;
  readonly members: MemberMoves;
  readonly #world: SimulatedWorld;
  readonly #host: string;
  readonly #from: string | null;

  /** `from`: who asks, as the network knows it. */
  constructor(world: SimulatedWorld, hostName: string, from: string | null = null) {
    this.#world = world;
    this.#host = hostName;
    this.#from = from;
    const parts: CopiesParts = {
      world, host: hostName,
      look: (method, act) => this.#look(method, (host) => (answers(host, 'lxd'), act(host))),
      change: (token, method, act) => this.#do(token, method, (host) => (answers(host, 'lxd'), act(host))),
    };
    this.copies = simulatedCopies(parts);
    this.pools = simulatedPools(parts);
    this.members = simulatedMembers(parts);
  }

  facts(): Promise<HostFacts> {
    return this.#look('facts', (host) => this.#factsOf(host));
  }

  inventory(): Promise<InventoryLook> {
    return this.#look('inventory', (host) => {
      this.#world.onLook(host, null);
      if (host.mute.size === host.hypervisors.size) answers(host, 'libvirt');
      const shown = [...host.domains.values()].filter(isShown).map((one) => onMember(host, observed(one)));
      return { workloads: shown.filter(({ driver }) => !host.mute.has(driver)), mute: [...host.mute].sort().map((driver) => ({ driver, why: NO_ANSWER })) };
    });
  }

  observe(uuid: string): Promise<ObservedWorkload | null> {
    return this.#look('observe', (host) => {
      this.#world.onLook(host, uuid);
      const domain = host.domains.get(uuid);
      this.#answersFor(host, uuid);
      return domain && isShown(domain) ? onMember(host, observed(domain)) : null;
    });
  }

  definition(uuid: string): Promise<string> {
    return this.#look('definition', (host) => {
      const domain = existing(host, uuid);
      return domain.definition ?? domain.running?.definition ?? '';
    });
  }

  migrationProgress(uuid: string): Promise<MigrationProgress | null> {
    return this.#look('migrationProgress', (host) => {
      const migration = activeMigration(host, uuid);
      return migration ? this.#progressOf(migration) : null;
    });
  }

  migrationCommand(id: string): Promise<MigrationCommandState> {
    return this.#look('migrationCommand', (host) => {
      const migration = host.migrations.get(id);
      if (!migration) return { kind: 'none' };
      return migration.ended ? { kind: 'ended', ...migration.ended } : { kind: 'running' };
    });
  }

  migrationStatistics(uuid: string): Promise<MigrationStatistics> {
    return this.#look('migrationStatistics', (host) => host.domains.get(uuid)?.statistics ?? { totalMs: null, downtimeMs: null, transferredBytes: null });
  }

  compatibility(definition: string): Promise<readonly { readonly code: string; readonly why: string; readonly remedy: string | null }[]> {
    return this.#look('compatibility', (host) => {
      const needs = needsOf(definition, host.pools);
      const bridges = needs.bridges.filter((bridge) => !host.bridges.includes(bridge));
      const files = needs.disks.filter(({ path }) => !this.#world.filesOf(host, path).has(path));
      return [
        ...(needs.accelerator === 'kvm' ? [{ code: 'kvm-missing', why: `${host.name} cannot use KVM`, remedy: null }] : []),
        ...lackedFeatures(host, needs).map((feature) => ({ code: 'cpu-incompatible', why: `the CPU of ${host.name} lacks ${feature}`, remedy: 'give the VM a CPU model that all hosts can run' })),
        ...bridges.map((bridge) => ({ code: 'bridge-missing', why: `${host.name} has no bridge ${bridge}`, remedy: `ip link add ${bridge} type bridge` })),
        ...files.map(({ path }) => ({ code: 'file-missing', why: `${host.name} does not see ${path}`, remedy: 'put it into a shared pool' })),
      ];
    });
  }

  define(token: CommandToken, definition: string): Promise<void> {
    return this.#do(token, 'define', (host) => {
      const { uuid, name } = identityOf(definition);
      runs(host, needsOf(definition, []).driver);
      const other = [...host.domains.values()].find((domain) => domain.name === name && domain.uuid !== uuid);
      if (other) throw new OperationalError('already', `define on ${host.name}: operation failed: domain '${name}' already exists with uuid ${other.uuid}`);
      const domain = host.domains.get(uuid);
      if (isCopied(definition)) return promote(host, domain);
      if (domain) Object.assign(domain, { name, definition });
      else host.domains.set(uuid, { uuid, name, kind: kindOf(definition), definition, running: null, reason: 'unknown', autostart: false, statistics: null });
    });
  }

  undefine(token: CommandToken, uuid: string, asOfMs?: number | undefined): Promise<void> {
    return this.#do(token, 'undefine', (host) => {
      const domain = host.domains.get(uuid);
      if (domain?.running) throw new OperationalError('failed', `${uuid} is not stopped on ${host.name}: its definition stays`);
      if (asOfMs !== undefined && domain && !domain.replica && (domain.lastStart?.atMs ?? 0) > asOfMs) throw new OperationalError('failed', `${domain.name} on ${host.name} was started after the copy by which it was moved: what was written since is here alone`);
      if (domain && isCopied(domain.definition ?? '')) Object.assign(domain, { replica: domain.replica ?? { asOfMs: asOfMs ?? this.#world.clock.nowMs() }, autostart: false, autostartWas: domain.autostartWas ?? domain.autostart });
      else host.domains.delete(uuid);
    });
  }

  start(token: CommandToken, uuid: string): Promise<void> {
    return this.#doUnderLease(token, 'start', (host) => {
      const domain = existing(host, uuid);
      if (domain.running) return;
      const definition = domain.definition ?? '';
      const needs = needsOf(definition, host.pools);
      for (const { path, readonly } of needs.disks) {
        if (!this.#world.filesOf(host, path).has(path)) throw new OperationalError('failed', `start ${uuid} on ${host.name}: cannot access storage file '${path}'`);
        const holder = readonly ? null : this.#world.lockHolder(host, path, writableDisks, uuid);
        if (holder) throw new OperationalError('locked', `start ${uuid} on ${host.name}: Failed to get "write" lock: ${path} is in use on ${holder.name}`, 'find who has the disk open; never force it');
      }
      const fault = this.#world.guestFaults.get(uuid)?.strikesStart(host.name) ?? (host.storageLost ? 'cannot access the shared storage' : null) ?? cpuFault(host, definition);
      if (fault !== null) {
        this.#world.observer?.startFailed(host, domain.name, fault);
        throw new OperationalError('failed', `start ${domain.name} on ${host.name}: ${fault}`);
      }
      if (domain.pool !== undefined && !host.mounts.has(domain.pool)) throw new OperationalError('failed', `start ${domain.name} on ${host.name}: Storage pool is unavailable on this server`);
      this.#world.startProcess(host, domain, definition, 'booted');
    });
  }

  overtake(token: CommandToken): Promise<void> {
    return this.#do(token, 'overtake', () => undefined);
  }

  announce(token: CommandToken): Promise<void> {
    if (token.lease) {
      return this.#doUnderLease(token, 'announce', (host) => {
        const domain = token.workload && host.domains.get(token.workload.uuid);
        // As LXD's driver does; libvirt's leaves that to who protects it.
        if (domain?.kind === 'container' && !domain.replica && domain.autostart) Object.assign(domain, { autostart: false, autostartWas: domain.autostartWas ?? true });
      });
    }
    return this.#do(token, 'announce', (host) => {
      if (token.workload) host.leaseMarks.delete(token.workload.uuid);
    });
  }

  requestShutdown(token: CommandToken, uuid: string): Promise<void> {
    return this.#do(token, 'requestShutdown', (host) => {
      const domain = existing(host, uuid);
      if (domain.running && !this.#world.guestFaults.get(uuid)?.ignoresShutdown(host.name)) this.#world.endProcess(host, domain, 'shutdown', 'stopped');
    });
  }

  kill(token: CommandToken, uuid: string): Promise<void> {
    return this.#do(token, 'kill', (host) => {
      const domain = host.domains.get(uuid);
      if (domain?.running) this.#world.endProcess(host, domain, 'destroyed', 'stopped');
    });
  }

  resume(token: CommandToken, uuid: string): Promise<void> {
    return this.#doUnderLease(token, 'resume', (host) => {
      const domain = existing(host, uuid);
      if (!domain.running) throw new OperationalError('failed', `resume ${uuid} on ${host.name}: Requested operation is not valid: domain is not running`);
      if (host.storageLost) throw new OperationalError('failed', `resume ${uuid} on ${host.name}: the shared storage is out of reach`);
      if (domain.running.state === 'paused') Object.assign(domain, { running: { ...domain.running, state: 'running' }, reason: 'unpaused' });
    });
  }

  setAutostart(token: CommandToken, uuid: string, on: boolean): Promise<void> {
    return this.#do(token, 'setAutostart', (host) => {
      const domain = existing(host, uuid);
      if (isCopied(domain.definition ?? '')) domain.autostartWas = on ? undefined : (domain.autostartWas ?? domain.autostart);
      domain.autostart = on;
    });
  }

  giveBackAutostart(token: CommandToken, uuid: string): Promise<void> {
    return this.#do(token, 'giveBackAutostart', (host) => {
      const domain = host.domains.get(uuid);
      if (domain && isShown(domain) && domain.autostartWas !== undefined) Object.assign(domain, { autostart: domain.autostartWas, autostartWas: undefined });
    });
  }

  createDisk(token: CommandToken, name: string, disk: DiskSpec): Promise<string> {
    return this.#do(token, 'createDisk', (host) => {
      const pool = host.pools.find((one) => one.name === disk.pool);
      if (!pool) throw new OperationalError('not-found', `${host.name} has no active pool ${disk.pool}`);
      const path = `${pool.path}/${name}`;
      const files = this.#world.filesOf(host, path);
      if (disk.from !== undefined && !this.#world.filesOf(host, disk.from).has(disk.from)) throw new OperationalError('not-found', `create disk ${name} on ${host.name}: ${disk.from}: No such file or directory`);
      if (!files.has(path)) files.set(path, disk.sizeMiB);
      return path;
    });
  }

  deleteDisk(token: CommandToken, path: string): Promise<void> {
    return this.#do(token, 'deleteDisk', (host) => {
      const files = this.#world.filesOf(host, path);
      if (path.includes('/../') || !host.pools.some((pool) => path.startsWith(`${pool.path}/`))) throw new OperationalError('unsupported', `${path} is no file in an active pool of ${host.name}: left alone`);
      if (!files.has(path)) return;
      if (this.#world.lockHolder(host, path, writableDisks, '')) throw new OperationalError('locked', `${path} is open in a process, here or on another host: left alone`);
      files.delete(path);
    });
  }

  startMigration(token: CommandToken, request: MigrationRequest): Promise<void> {
    return this.#do(token, 'startMigration', (host) => {
      if (!host.migrations.has(request.id)) host.migrations.set(request.id, this.#begin(host, request));
    });
  }

  abortMigration(token: CommandToken, uuid: string): Promise<void> {
    return this.#do(token, 'abortMigration', (host) => {
      const migration = activeMigration(host, uuid);
      if (migration) migration.abortRequested = true;
      this.#world.settle();
    });
  }

  /** The command itself always starts; why it cannot go on is in its output, as with virsh. */
  #begin(host: SimulatedHost, request: MigrationRequest): SimulatedMigration {
    const nowMs = this.#world.clock.monotonicMs();
    const domain = host.domains.get(request.uuid);
    const destination = this.#world.hostAt(request.destination.address);
    const memoryMiB = domain?.running ? needsOf(domain.running.definition, []).memoryMiB : 0;
    const migration: SimulatedMigration = {
      id: request.id, uuid: request.uuid, source: host.name, destination: destination?.name ?? host.name,
      sourceBootId: host.bootId, destinationBootId: destination?.bootId ?? '', totalBytes: memoryMiB * MIB, startedAtMs: nowMs,
      endsAtMs: nowMs + MIGRATION_OVERHEAD_MS + (memoryMiB * 1000) / (request.bandwidthMiBps ?? DEFAULT_MIBPS),
      brokenAtMs: null, ended: null, abortRequested: false,
    };
    const refusal = whyNot(this.#world, { source: host, domain, destination }, request);
    if (refusal !== null || !domain?.running || !destination) return { ...migration, ended: { exitCode: 1, output: `error: ${refusal ?? 'failed'}` } };
    const there = destination.domains.get(request.uuid);
    const incoming = { definition: domain.running.definition, state: 'migrating-in' as const };
    if (there) Object.assign(there, { running: incoming, reason: 'migrating' });
    else destination.domains.set(request.uuid, { uuid: request.uuid, name: domain.name, kind: domain.kind, definition: null, running: incoming, reason: 'migrating', autostart: false, statistics: null });
    this.#world.observer?.migrationBegan(migration.endsAtMs);
    return migration;
  }

  #progressOf(migration: SimulatedMigration): MigrationProgress {
    const elapsedMs = this.#world.clock.monotonicMs() - migration.startedAtMs;
    const share = Math.min(1, elapsedMs / (migration.endsAtMs - migration.startedAtMs));
    const processedBytes = Math.floor(migration.totalBytes * share);
    return { elapsedMs, totalBytes: migration.totalBytes, processedBytes, remainingBytes: migration.totalBytes - processedBytes, iteration: 1, dirtyRatePagesPerSecond: 0 };
  }

  #factsOf(host: SimulatedHost): HostFacts {
    const usedMiB = [...host.domains.values()].reduce((sum, domain) => sum + (domain.running ? needsOf(domain.running.definition, []).memoryMiB : 0), 0);
    return {
      cpus: host.cpus, memoryMiB: host.memoryMiB, freeMemoryMiB: Math.max(0, host.memoryMiB - usedMiB), ...resourceFacts(host), cpuModel: 'simulated', usableCpuModels: ['qemu64'],
      architecture: 'x86_64', accelerator: 'tcg', ...(host.hypervisors.has('libvirt') ? { libvirtVersion: 'simulated', qemuVersion: 'simulated' } : { libvirtVersion: null, qemuVersion: null }), kernelVersion: 'simulated',
      bootId: host.bootId, machineId: host.machineId, hostname: host.name, bridges: host.bridges,
      pools: host.pools.map((pool) => ({ name: pool.name, path: pool.path, markerId: pool.shared ? `pool-${pool.name}` : `pool-${pool.name}-${host.name}`, freeMiB: pool.totalMiB, totalMiB: pool.totalMiB })),
      containerDaemons: this.#daemonsOf(host), watchdogDevice: host.watchdogDevice, refreshedAtMs: this.#world.clock.nowMs(),
    };
  }

  #daemonsOf(host: SimulatedHost): HostFacts['containerDaemons'] {
    if (!host.hypervisors.has('lxd')) return [];
    const lxd = { ...LXD, pools: LXD.pools.map((pool) => ({ ...pool, ...localRoom(host) })) };
    if (host.daemonCluster !== null) return [{ ...lxd, isClustered: true, cluster: { id: host.daemonCluster, member: host.name } }];
    if (this.#world.luns.size === 0) return [lxd];
    const filesystems = [...this.#world.luns.values()].map(({ uuid }) => ({ uuid, sizeBytes: LUN_BYTES, serial: null, generation: 1 }));
    return [{ ...lxd, pools: [...lxd.pools, ...[...host.lunPools].map(([name, source]) => ({ name, driver: 'btrfs', source }))], filesystems }];
  }

  #look<Answer>(method: string, act: (host: SimulatedHost) => Answer): Promise<Answer> {
    return this.#world.command({ host: this.#host, from: this.#from, method, timeoutMs: LOOK_MS }, act);
  }

  /** As the guard does it: a lease first, then the note, then a watchdog behind it; the command in the same breath as the last check. */
  async #doUnderLease(token: CommandToken, method: string, act: (host: SimulatedHost) => void): Promise<void> {
    if (!token.lease || !token.workload) return this.#do(token, method, act);
    const { uuid } = token.workload;
    const { clock } = this.#world;
    await this.#untilSo(token, `${method}-note`, (host) => {
      if (!this.#world.holdsLease(host)) return false;
      host.leaseMarks.set(uuid, clock.monotonicMs());
      host.leaseMarksChanges += 1;
      return true;
    });
    await this.#untilSo(token, method, (host) => {
      if (!this.#world.holdsLease(host) || !this.#world.isArmed(host)) return false;
      act(host);
      return true;
    });
  }

  async #untilSo(token: CommandToken, method: string, attempt: (host: SimulatedHost) => boolean): Promise<void> {
    const { clock } = this.#world;
    const endsAtMs = clock.monotonicMs() + LEASE_WAIT_MS;
    while (!(await this.#do(token, method, attempt))) {
      if (clock.monotonicMs() > endsAtMs) throw new OperationalError('guard-refused', `${this.#host} refused: this host holds no lease`);
      await clock.sleep(LEASE_LOOK_MS);
    }
  }

  /** Whose it is was seen before, here or on another host; one that nobody has seen may be any of theirs. */
  #answersFor(host: SimulatedHost, uuid: string): void {
    const seen = host.domains.get(uuid) ?? [...this.#world.hosts].map((other) => other.domains.get(uuid)).find((domain) => domain !== undefined);
    for (const driver of seen ? [observed(seen).driver] : host.mute) answers(host, driver);
  }

  #do<Answer>(token: CommandToken, method: string, act: (host: SimulatedHost) => Answer): Promise<Answer> {
    return this.#world.command({ host: this.#host, from: this.#from, method, timeoutMs: DO_MS, changes: true }, (host) => {
      if (!host.guard) throw new OperationalError('guard-refused', `${host.name} has no guard: its agent is not installed`);
      host.guard.check(token, host.bootId);
      this.#world.observer?.accepted(host, token);
      if (token.workload && NEEDS_ITS_DAEMON.has(method)) this.#answersFor(host, token.workload.uuid);
      return act(host);
    });
  }
}

const NO_ANSWER = 'simulated: no answer';
/** The guard alone does the others; defining says itself whose it is. */
const NEEDS_ITS_DAEMON: ReadonlySet<string> = new Set(['undefine', 'start', 'requestShutdown', 'kill', 'resume', 'setAutostart', 'startMigration', 'abortMigration']);

/** Who was asked to take a workload. */
function runs(host: SimulatedHost, driver: DriverName): void {
  if (!host.hypervisors.has(driver)) throw new OperationalError('unsupported', `nothing on ${host.name} takes such a definition: it has no ${HYPERVISOR_NAMES[driver]}`);
  answers(host, driver);
}

function answers(host: SimulatedHost, driver: DriverName): void {
  if (host.mute.has(driver)) throw new OperationalError('timeout', `${HYPERVISOR_NAMES[driver]} on ${host.name} does not answer`);
}

function existing(host: SimulatedHost, uuid: string): SimulatedDomain {
  const domain = host.domains.get(uuid);
  if (domain) answers(host, observed(domain).driver);
  if (!domain || !isShown(domain)) throw new OperationalError('not-found', `${host.name}: failed to get domain '${uuid}'`);
  return domain;
}

/** The definition alone starts nothing: its data must be there. */
function promote(host: SimulatedHost, domain: SimulatedDomain | undefined): void {
  if (domain) swapSpare(domain);
  if (domain?.replica && domain.replica.asOfMs !== null) Object.assign(domain, { replica: null, autostart: false, madeOfMs: domain.replica.asOfMs, spare: domain.spare ? { ...domain.spare, asOfMs: null } : null });
  else if (!domain || domain.replica) throw new OperationalError('no-data', `${host.name} has no complete copy of it`);
}

/** As libvirt says it. */
function cpuFault(host: SimulatedHost, definition: string): string | null {
  const missing = lackedFeatures(host, needsOf(definition, []));
  return missing.length === 0 ? null : `the CPU is incompatible with host CPU: Host CPU does not provide required features: ${missing.join(', ')}`;
}

const isShown = ({ replica, running }: SimulatedDomain): boolean => !replica || running !== null;
const isCopied = (definition: string): boolean => needsOf(definition, []).instance !== null;

const onMember = ({ daemonCluster }: SimulatedHost, seen: ObservedWorkload): ObservedWorkload => (daemonCluster === null || seen.driver === 'libvirt' ? seen : { ...seen, isOnlyOne: true });

function observed(domain: SimulatedDomain): ObservedWorkload {
  const definition = domain.running?.definition ?? domain.definition ?? '';
  const { vcpus, memoryMiB, driver } = needsOf(definition, []);
  return {
    uuid: domain.uuid, name: domain.name, kind: domain.kind, driver, runState: domain.running?.state ?? 'stopped', reason: domain.reason,
    vcpus, memoryMiB, autostart: domain.autostart, persistent: domain.definition !== null,
  };
}

function activeMigration(host: SimulatedHost, uuid: string): SimulatedMigration | undefined {
  return [...host.migrations.values()].find((migration) => migration.uuid === uuid && !migration.ended);
}

function writableDisks(definition: string): readonly string[] {
  return needsOf(definition, []).disks.filter(({ readonly }) => !readonly).map(({ path }) => path);
}

function whyNot(world: SimulatedWorld, { source, domain, destination }: { readonly source: SimulatedHost; readonly domain: SimulatedDomain | undefined; readonly destination: SimulatedHost | null }, request: MigrationRequest): string | null {
  if (!domain) return `failed to get domain '${request.uuid}'`;
  if (!domain.running) return 'Requested operation is not valid: domain is not running';
  if (!destination?.powered || !world.reaches(source.name, destination) || destination.hung) return `unable to connect to server at '${request.destination.address}:${request.destination.sshPort}'`;
  if (destination.domains.get(request.uuid)?.running) return `operation failed: domain '${domain.name}' is already active`;
  return null;
}

/** Every simulated host has one. */
const LXD: HostFacts['containerDaemons'][number] = { driver: 'lxd', version: 'simulated', address: 'simulated', isClustered: false, criu: true, pools: [{ name: 'default', driver: 'dir', source: null }], filesystems: [], networks: [], profiles: ['default'] };

/** A guest that is no VM says so in its definition. */
const kindOf = (definition: string): 'vm' | 'container' => (definition.includes("<domain type='lxc'") ? 'container' : 'vm');
