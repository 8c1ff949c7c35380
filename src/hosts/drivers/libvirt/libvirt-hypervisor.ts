// The Hypervisor port over SSH and virsh: looking is free, doing goes through the guard.
import type { Clock } from '../../../shared/clock.js';
import { OperationalError } from '../../../shared/errors.js';
import type { HostFacts } from '../../host-facts.js';
import type { CommandToken, DiskSpec, Hypervisor, InventoryLook, MigrationCommandState, MigrationProgress, MigrationRequest, MigrationStatistics, ObservedWorkload } from '../../hypervisor.js';
import { GUARD_WAIT_S } from '../ssh/guard-script.js';
import { guarded, type GuardOptions } from '../ssh/guarded.js';
import { quoteAll } from '../ssh/shell-quote.js';
import type { RunResult, SshConnection } from '../ssh/ssh-connection.js';
import { compatibilityScript, parseCompatibility, type Incompatibility } from './compatibility.js';
import { checkDiskName, createDiskScript, deleteDiskScript, IN_USE, NO_POOL, NO_SOURCE, NOT_A_DIRECTORY_POOL, OUTSIDE_POOLS } from './disk-scripts.js';
import { FACTS_SCRIPT, parseFacts } from './facts.js';
import { INVENTORY_SCRIPT, mayBeMigrating, parseInventory, withMigrationSide } from './inventory.js';
import { migrationSideOf, progressOf, statisticsOf } from './job.js';
import { libvirtFailure, UNKNOWN_DOMAIN } from './libvirt-failure.js';
import { migrationCommandScript, parseMigrationCommand, startMigrationScript } from './migration-script.js';
import { readDefinition } from './read-definition.js';

export interface LibvirtHypervisorOptions {
  readonly ssh: SshConnection;
  readonly clock: Pick<Clock, 'nowMs'>;
}

/** Looking: a healthy host answers in 100 ms. A hung libvirtd must not hold up a round for long. */
const LOOK_MS = 8_000;
/** Facts make a dozen virsh calls, and the first one after a boot lets libvirtd examine its emulators. */
const FACTS_MS = 25_000;
/** Doing: above the guard's own wait and libvirt's 30 s for a domain's job lock. */
const DO_MS = GUARD_WAIT_S * 1000 + 35_000;
/** Copying an image of some ten GiB over a slow disk. */
const DISK_MS = 30 * 60_000;

const ENVIRONMENT = 'export LC_ALL=C LIBVIRT_DEFAULT_URI=qemu:///system';
/** Exit code of our own undefine script: the workload is not stopped. */
const NOT_STOPPED = 95;

export class LibvirtHypervisor implements Hypervisor {
  readonly pools = null;
  readonly members = null;
  readonly copies = null;
  readonly #ssh: SshConnection;
  readonly #clock: Pick<Clock, 'nowMs'>;

  constructor({ ssh, clock }: LibvirtHypervisorOptions) {
    this.#ssh = ssh;
    this.#clock = clock;
  }

  // --- looking ---

  async facts(): Promise<HostFacts> {
    const { stdout } = await this.#lookOk(FACTS_SCRIPT, 'facts', FACTS_MS);
    return parseFacts(stdout, this.#clock.nowMs());
  }

  async inventory(): Promise<InventoryLook> {
    const { stdout } = await this.#lookOk(INVENTORY_SCRIPT, 'inventory');
    return { workloads: await Promise.all(parseInventory(stdout).map((workload) => this.#withMigrationSide(workload))), mute: [] };
  }

  async observe(uuid: string): Promise<ObservedWorkload | null> {
    const { stdout } = await this.#lookOk(INVENTORY_SCRIPT, `look at ${uuid}`);
    const found = parseInventory(stdout).find((workload) => workload.uuid === uuid);
    return found ? this.#withMigrationSide(found) : null;
  }

  async definition(uuid: string): Promise<string> {
    const what = `definition of ${uuid}`;
    const { stdout } = await this.#lookOk(virsh('dumpxml', '--inactive', '--migratable', '--security-info', uuid), what);
    return readDefinition(stdout, what);
  }

  async migrationProgress(uuid: string): Promise<MigrationProgress | null> {
    const answer = await this.#look(virsh('domjobinfo', '--rawstats', uuid), `progress of ${uuid}`);
    return progressOf(answer);
  }

  async migrationCommand(id: string): Promise<MigrationCommandState> {
    const { stdout } = await this.#lookOk(migrationCommandScript(id), `migration command ${id}`);
    return parseMigrationCommand(stdout);
  }

  async migrationStatistics(uuid: string): Promise<MigrationStatistics> {
    return statisticsOf(await this.#look(virsh('domjobinfo', '--completed', '--keep-completed', '--rawstats', uuid), `statistics of ${uuid}`));
  }

  async compatibility(definition: string): Promise<readonly Incompatibility[]> {
    const { stdout } = await this.#lookOk(withInputFile(compatibilityScript(definition)), 'compatibility', FACTS_MS, definition);
    if (!stdout.includes('end\n')) throw new OperationalError('failed', `${this.#name}: the check of compatibility ended before its end`);
    return parseCompatibility(stdout, this.#name);
  }

  // --- doing ---

  async define(token: CommandToken, definition: string): Promise<void> {
    await this.#doOk(token, withInputFile('virsh -q define "$input"'), 'define', { input: definition });
  }

  async undefine(token: CommandToken, uuid: string): Promise<void> {
    const result = await this.#do(token, undefineScript(uuid), `undefine ${uuid}`);
    if (result.code === NOT_STOPPED) throw new OperationalError('failed', `${uuid} is not stopped on ${this.#name}: its definition stays`, `virsh domstate ${uuid} (on ${this.#name})`);
    this.#accept(result, `undefine ${uuid}`, [UNKNOWN_DOMAIN]);
  }

  async start(token: CommandToken, uuid: string): Promise<void> {
    this.#accept(await this.#do(token, virsh('start', uuid), `start ${uuid}`, underLease(token)), `start ${uuid}`, [ALREADY_RUNNING]);
  }

  async overtake(token: CommandToken): Promise<void> {
    await this.#doOk(token, 'true', 'note of the newer placement');
  }

  async announce(token: CommandToken): Promise<void> {
    await this.#doOk(token, 'true', 'note of the lease', { lease: token.lease ? 'hold' : 'drop' });
  }

  async requestShutdown(token: CommandToken, uuid: string): Promise<void> {
    const what = `shut down ${uuid}`;
    this.#accept(await this.#do(token, virsh('shutdown', uuid), what), what, [NOT_RUNNING]);
  }

  async kill(token: CommandToken, uuid: string): Promise<void> {
    const what = `kill ${uuid}`;
    this.#accept(await this.#do(token, virsh('destroy', uuid), what), what, [NOT_RUNNING, UNKNOWN_DOMAIN]);
  }

  async resume(token: CommandToken, uuid: string): Promise<void> {
    this.#accept(await this.#do(token, virsh('resume', uuid), `resume ${uuid}`, underLease(token)), `resume ${uuid}`, [ALREADY_RUNNING]);
  }

  /** libvirt has no place for such a note but the definition itself, which is its owner's. */
  giveBackAutostart = async (token: CommandToken): Promise<void> => this.overtake(token);

  async setAutostart(token: CommandToken, uuid: string, on: boolean): Promise<void> {
    await this.#doOk(token, virsh('autostart', ...(on ? [] : ['--disable']), uuid), `autostart of ${uuid}`);
  }

  async createDisk(token: CommandToken, name: string, disk: DiskSpec): Promise<string> {
    checkDiskName(name);
    const what = `create disk ${name}`;
    const result = await this.#do(token, createDiskScript(name, disk), what, { timeoutMs: DISK_MS, release: true });
    if (result.code === NO_POOL) throw new OperationalError('not-found', `${this.#name} has no active pool ${disk.pool}`, `on ${this.#name}: virsh pool-start ${disk.pool}`);
    if (result.code === NO_SOURCE) throw new OperationalError('not-found', `${this.#name} has no image ${disk.from ?? ''} to copy`);
    if (result.code === NOT_A_DIRECTORY_POOL) throw new OperationalError('unsupported', `pool ${disk.pool} on ${this.#name} is no directory: disks are made in pools of type dir, fs or netfs`);
    this.#accept(result, what);
    return result.stdout.trim();
  }

  async deleteDisk(token: CommandToken, path: string): Promise<void> {
    const what = `delete disk ${path}`;
    const result = await this.#do(token, deleteDiskScript(path), what);
    if (result.code === OUTSIDE_POOLS) throw new OperationalError('unsupported', `${path} is no file in an active pool of ${this.#name}: left alone`);
    if (result.code === IN_USE) throw new OperationalError('locked', `${path} is open in a process, here or on another host: left alone`);
    this.#accept(result, what);
  }

  async startMigration(token: CommandToken, request: MigrationRequest): Promise<void> {
    await this.#doOk(token, startMigrationScript(request), `migration of ${request.uuid}`);
  }

  async abortMigration(token: CommandToken, uuid: string): Promise<void> {
    const what = `end of the migration of ${uuid}`;
    this.#accept(await this.#do(token, virsh('domjobabort', uuid), what), what, [/no job is active/i, NOT_RUNNING, UNKNOWN_DOMAIN]);
  }

  // --- how ---

  get #name(): string {
    return this.#ssh.settings.name;
  }

  async #withMigrationSide(workload: ObservedWorkload): Promise<ObservedWorkload> {
    if (!mayBeMigrating(workload)) return workload;
    return withMigrationSide(workload, migrationSideOf(await this.#look(virsh('domjobinfo', '--rawstats', workload.uuid), `job of ${workload.uuid}`)));
  }

  /** Ends on the host too, soon after we stopped waiting: looks at a hung libvirtd must not pile up there. */
  #look(script: string, what: string, timeoutMs: number = LOOK_MS, input?: string): Promise<RunResult> {
    const limitS = Math.ceil(timeoutMs / 1000) + 1;
    const command = ['timeout', '-k', '2', String(limitS), '/bin/sh', '-c', `${ENVIRONMENT}\n${script}`];
    return this.#ssh.run(command, { timeoutMs, okCodes: 'any', what, ...(input === undefined ? {} : { input }) });
  }

  async #lookOk(script: string, what: string, timeoutMs?: number, input?: string): Promise<RunResult> {
    const result = await this.#look(script, what, timeoutMs, input);
    this.#accept(result, what);
    return result;
  }

  #do(token: CommandToken, script: string, what: string, options: GuardOptions & { readonly timeoutMs?: number; readonly input?: string } = {}): Promise<RunResult> {
    const { timeoutMs = DO_MS, input, ...guard } = options;
    const command = guarded(token, ['/bin/sh', '-c', `${ENVIRONMENT}\n${script}`], guard);
    return this.#ssh.run(command, { timeoutMs, okCodes: 'any', what, ...(input === undefined ? {} : { input }) });
  }

  async #doOk(token: CommandToken, script: string, what: string, options: GuardOptions & { readonly input?: string } = {}): Promise<void> {
    this.#accept(await this.#do(token, script, what, options), what);
  }

  /** `fine`: words of libvirt that say that it is already as wanted. The guard's refusal is never fine. */
  #accept(result: RunResult, what: string, fine: readonly RegExp[] = []): void {
    if (result.code === 0) return;
    const failure = libvirtFailure(result, what, this.#name);
    if (failure.code === 'guard-refused' || failure.code === 'busy' || !fine.some((words) => words.test(result.stderr))) throw failure;
  }
}

/** The input as a file: /dev/stdin does not open where it is a socket, nor under every sudo. */
function withInputFile(script: string): string {
  return `input=$(mktemp) || exit 1\ntrap 'rm -f "$input"' EXIT\ncat > "$input"\n${script}`;
}

/** What puts a process there does so only under the lease. */
const underLease = (token: CommandToken): GuardOptions => (token.lease ? { lease: 'hold' } : {});

const ALREADY_RUNNING = /domain is already (active|running)/i;
const NOT_RUNNING = /domain is not running|Domain not running/i;

const virsh = (...words: readonly string[]): string => `exec ${quoteAll(['virsh', '-q', ...words])}`;

/** Firmware variables and TPM state stay: they belong to the workload's data. A saved memory image goes: it is stale once the disk was used elsewhere. */
function undefineScript(uuid: string): string {
  const words = (...options: readonly string[]): string => quoteAll(['virsh', '-q', ...options]);
  return `state=$(${words('domstate', uuid)}) || exit 1
case $state in "shut off") ;; *) exit ${NOT_STOPPED} ;; esac
options="--managed-save --snapshots-metadata --checkpoints-metadata --keep-nvram"
case $(virsh undefine --help) in *--keep-tpm*) options="$options --keep-tpm" ;; esac
exec ${words('undefine', uuid)} $options`;
}
