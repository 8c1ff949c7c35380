// The Hypervisor port over SSH for LXD and Incus: looking is free, doing goes through the guard. Live moves are not made: containers are copied and started.
import { OperationalError } from '../../../shared/errors.js';
import type { HostFacts } from '../../host-facts.js';
import type { CommandToken, CopyRequest, Hypervisor, InstanceCopies, InventoryLook, MigrationCommandState, MigrationStatistics, ObservedWorkload, Replica } from '../../hypervisor.js';
import { detachedStateScript, parseDetachedState } from '../ssh/detached-command.js';
import { GUARD_WAIT_S } from '../ssh/guard-script.js';
import { guarded, type GuardOptions } from '../ssh/guarded.js';
import type { RunResult, SshConnection } from '../ssh/ssh-connection.js';
import { clientScript, instanceScript } from './client-script.js';
import { abortCopyScript, copyIdOf, prepareScript, startCopyScript } from './copy-script.js';
import type { Dialect } from './dialect.js';
import { isReplica, isShown, kernelNameOf, kindOf, lastStartMs, observedOf, refuseTwins, replicaOf, theOne, uuidOf, type Instance } from './instance.js';
import { compatibilityScript, parseInstanceCompatibility, type Incompatibility } from './instance-compatibility.js';
import { definitionOf, readInstanceDefinition } from './instance-definition.js';
import { autostartScript, defineScript, deleteReplicaScript, killScript, resumeScript, setAsideScript, shutdownScript, startScript, undefineScript } from './instance-scripts.js';
import { INVENTORY_SCRIPT, parseInventory, type Inventory } from './inventory.js';
import { lxdFailure, UNKNOWN_INSTANCE } from './lxd-failure.js';

export interface LxdHypervisorOptions {
  readonly ssh: SshConnection;
  readonly dialect: Dialect;
}

/** Looking: a healthy daemon answers in 100 ms, with thirty instances in half a second. One that hangs must not hold up a round for long. */
const LOOK_MS = 8_000;
/** Of one question within a look; below the whole, so that the daemon's silence is told as such. */
const LOOK_ASK_S = 6;
const COMPATIBILITY_MS = 20_000;
/** Of one question within a command: a start waits for storage and network of the instance. */
const DO_ASK_S = 30;
/** Above the guard's own wait and a command's slowest question. */
const DO_MS = GUARD_WAIT_S * 1000 + 45_000;

interface Found {
  readonly uuid: string;
  readonly instance: Instance;
  readonly inventory: Inventory;
}

export class LxdHypervisor implements Hypervisor {
  readonly copies: InstanceCopies;
  readonly #ssh: SshConnection;
  readonly #dialect: Dialect;

  constructor({ ssh, dialect }: LxdHypervisorOptions) {
    this.#ssh = ssh;
    this.#dialect = dialect;
    this.copies = {
      prepare: (token, uuid) => this.#prepare(token, uuid),
      startCopy: (token, request) => this.#startCopy(token, request),
      copyCommand: (id) => this.#copyCommand(id),
      abortCopy: (token, id) => this.#abortCopy(token, id),
      replicas: () => this.#replicas(),
      setAside: (token, uuid) => this.#setAside(token, uuid),
      deleteReplica: (token, uuid) => this.#deleteReplica(token, uuid),
    };
  }

  // --- looking ---

  facts(): Promise<HostFacts> {
    return Promise.reject(unsupported(`${this.#dialect.title} does not tell of the host as a whole`));
  }

  async inventory(): Promise<InventoryLook> {
    const inventory = await this.#inventory('inventory');
    const uuids = [...new Set(inventory.instances.flatMap((one) => uuidOf(one) ?? []))];
    return { workloads: uuids.flatMap((uuid) => this.#observed(uuid, theOne(inventory.instances, uuid), inventory) ?? []), mute: [] };
  }

  async observe(uuid: string): Promise<ObservedWorkload | null> {
    const inventory = await this.#inventory(`look at ${uuid}`);
    return this.#observed(uuid, theOne(inventory.instances, uuid), inventory);
  }

  async definition(uuid: string): Promise<string> {
    const { instance } = this.#shown(await this.#find(uuid, `definition of ${uuid}`), uuid);
    return definitionOf(instance, uuid, this.#dialect.driver);
  }

  migrationProgress = async (): Promise<null> => null;
  migrationCommand = async (): Promise<MigrationCommandState> => ({ kind: 'none' });
  migrationStatistics = async (): Promise<MigrationStatistics> => ({ totalMs: null, downtimeMs: null, transferredBytes: null });

  async compatibility(definition: string): Promise<readonly Incompatibility[]> {
    const { stdout } = await this.#lookOk(compatibilityScript(definition), 'compatibility', COMPATIBILITY_MS);
    return parseInstanceCompatibility(stdout, definition, this.#name, this.#dialect);
  }

  // --- doing ---

  async define(token: CommandToken, definition: string): Promise<void> {
    const { uuid, name } = readInstanceDefinition(definition);
    const found = await this.#find(uuid, `define ${uuid}`);
    if (found && !isReplica(found.instance)) return this.#guardOnly(token);
    const asOfMs = found ? replicaOf(found.instance, uuid).asOfMs : null;
    // The guard's refusal comes before ours.
    if (!found || asOfMs === null) {
      await this.#guardOnly(token);
      throw new OperationalError('no-data', `${this.#name} has no complete replica of ${name} (${uuid})${found ? ': the one that is there was not copied to its end' : ''}`, 'it has to be copied there first; its data are nowhere else but at its host and its replicas');
    }
    await this.#doOk(token, found, defineScript(uuid, String(asOfMs)), `define ${uuid}`);
  }

  async undefine(token: CommandToken, uuid: string): Promise<void> {
    const what = `undefine ${uuid}`;
    const found = await this.#find(uuid, what);
    if (!found) return this.#guardOnly(token);
    await this.#doOk(token, found, undefineScript(uuid, lastStartMs(found.instance)), what, { fine: [UNKNOWN_INSTANCE] });
  }

  async #setAside(token: CommandToken, uuid: string): Promise<void> {
    const what = `set ${uuid} aside`;
    const found = await this.#find(uuid, what);
    if (!found) return this.#guardOnly(token);
    await this.#doOk(token, found, setAsideScript(uuid), what, { fine: [UNKNOWN_INSTANCE] });
  }

  async start(token: CommandToken, uuid: string): Promise<void> {
    const what = `start ${uuid}`;
    const found = await this.#workload(token, uuid, what);
    await this.#doOk(token, found, startScript(uuid), what, { guard: underLease(token, found.instance, this.#dialect) });
  }

  async overtake(token: CommandToken): Promise<void> {
    await this.#guardOnly(token);
  }

  async announce(token: CommandToken): Promise<void> {
    const what = 'note of the lease';
    if (!token.lease || !token.workload) return this.#guardOnly(token, { lease: token.lease ? 'hold' : 'drop' });
    const found = await this.#find(token.workload.uuid, what);
    if (!found) throw this.#unknown(token.workload.uuid);
    await this.#guardOnly(token, underLease(token, found.instance, this.#dialect));
  }

  async requestShutdown(token: CommandToken, uuid: string): Promise<void> {
    const what = `shut down ${uuid}`;
    await this.#doOk(token, await this.#workload(token, uuid, what), shutdownScript(uuid), what);
  }

  async kill(token: CommandToken, uuid: string): Promise<void> {
    const what = `kill ${uuid}`;
    const found = await this.#find(uuid, what);
    if (!found) return this.#guardOnly(token);
    await this.#doOk(token, found, killScript(uuid), what, { fine: [UNKNOWN_INSTANCE] });
  }

  async resume(token: CommandToken, uuid: string): Promise<void> {
    const what = `resume ${uuid}`;
    const found = await this.#workload(token, uuid, what);
    await this.#doOk(token, found, resumeScript(uuid), what, { guard: underLease(token, found.instance, this.#dialect) });
  }

  async setAutostart(token: CommandToken, uuid: string, on: boolean): Promise<void> {
    const what = `autostart of ${uuid}`;
    await this.#doOk(token, await this.#workload(token, uuid, what), autostartScript(uuid, on), what);
  }

  createDisk = async (): Promise<string> => Promise.reject(unsupported(`${this.#dialect.title} makes the disks of its instances itself`));
  deleteDisk = async (): Promise<void> => Promise.reject(unsupported(`${this.#dialect.title} deletes the disks of its instances itself`));
  startMigration = async (token: CommandToken): Promise<void> => {
    await this.#guardOnly(token);
    throw unsupported(`instances of ${this.#dialect.title} are not moved live: they are copied, stopped, copied again and started`);
  };
  abortMigration = async (token: CommandToken): Promise<void> => this.#guardOnly(token);

  // --- copies ---

  async #startCopy(token: CommandToken, request: CopyRequest): Promise<void> {
    const what = `copy of ${request.uuid}`;
    const found = await this.#workload(token, request.uuid, what);
    await this.#doOk(token, found, startCopyScript(this.#dialect, found.instance, request.uuid, request), what);
  }

  async #copyCommand(id: string): Promise<MigrationCommandState> {
    const what = `copy command ${id}`;
    const result = await this.#bounded(detachedStateScript(copyIdOf(this.#dialect, id)), what, LOOK_MS);
    this.#accept(result, what);
    return parseDetachedState(result.stdout, 'the command was killed; the daemons may copy on without it');
  }

  async #abortCopy(token: CommandToken, id: string): Promise<void> {
    const what = `end of copy ${id}`;
    this.#accept(await this.#do(token, `${clientScript(this.#dialect, DO_ASK_S)}\n${abortCopyScript(this.#dialect, id)}`, what), what);
  }

  async #replicas(): Promise<readonly Replica[]> {
    const { instances } = await this.#inventory('replicas');
    return instances.filter(isReplica).flatMap((one) => {
      const uuid = uuidOf(one);
      return uuid === null ? [] : [replicaOf(one, uuid)];
    });
  }

  async #prepare(token: CommandToken, uuid: string): Promise<void> {
    const what = `preparation of the replica ${uuid}`;
    const found = await this.#find(uuid, what);
    if (!found || !isReplica(found.instance)) return this.#guardOnly(token);
    await this.#doOk(token, found, prepareScript(uuid, found.instance), what, { fine: [UNKNOWN_INSTANCE] });
  }

  async #deleteReplica(token: CommandToken, uuid: string): Promise<void> {
    const what = `deletion of the replica ${uuid}`;
    const found = await this.#find(uuid, what);
    if (!found) return this.#guardOnly(token);
    await this.#doOk(token, found, deleteReplicaScript(uuid), what, { fine: [UNKNOWN_INSTANCE] });
  }

  // --- how ---

  get #name(): string {
    return this.#ssh.settings.name;
  }

  async #inventory(what: string): Promise<Inventory> {
    return parseInventory((await this.#lookOk(INVENTORY_SCRIPT, what)).stdout);
  }

  #observed(uuid: string, instance: Instance | null, { host }: Inventory): ObservedWorkload | null {
    return instance && isShown(instance) ? observedOf(instance, uuid, this.#dialect.driver, host) : null;
  }

  /** Its name is that of now: what a person has renamed is found by its uuid, and the command looks again before it acts. */
  async #find(uuid: string, what: string): Promise<Found | null> {
    const inventory = await this.#inventory(what);
    refuseTwins(inventory.instances, uuid, this.#name);
    const instance = theOne(inventory.instances, uuid);
    return instance && { uuid, instance, inventory };
  }

  #shown(found: Found | null, uuid: string): Found {
    if (!found || !isShown(found.instance)) throw this.#unknown(uuid);
    return found;
  }

  /** An old token is told so before anything else. */
  async #workload(token: CommandToken, uuid: string, what: string): Promise<Found> {
    const found = await this.#find(uuid, what);
    if (!found || !isShown(found.instance)) await this.#guardOnly(token);
    return this.#shown(found, uuid);
  }

  #unknown(uuid: string): OperationalError {
    return new OperationalError('not-found', `${this.#dialect.title} on ${this.#name} has no workload ${uuid}`);
  }

  async #lookOk(script: string, what: string, timeoutMs: number = LOOK_MS): Promise<RunResult> {
    const result = await this.#bounded(`${clientScript(this.#dialect, LOOK_ASK_S)}\n${script}`, what, timeoutMs);
    this.#accept(result, what);
    return result;
  }

  /** Ends on the host too, soon after we stopped waiting. */
  #bounded(script: string, what: string, timeoutMs: number): Promise<RunResult> {
    return this.#ssh.run(['timeout', '-k', '2', String(Math.ceil(timeoutMs / 1000) + 1), '/bin/sh', '-c', script], { timeoutMs, okCodes: 'any', what });
  }

  #do(token: CommandToken, script: string, what: string, guard: GuardOptions = {}): Promise<RunResult> {
    return this.#ssh.run(guarded(token, ['/bin/sh', '-c', script], guard), { timeoutMs: DO_MS, okCodes: 'any', what });
  }

  async #doOk(token: CommandToken, { instance }: Found, script: string, what: string, { guard = {}, fine = [] }: { readonly guard?: GuardOptions; readonly fine?: readonly RegExp[] } = {}): Promise<void> {
    const whole = `${clientScript(this.#dialect, DO_ASK_S)}\n${instanceScript(instance)}\n${script}`;
    this.#accept(await this.#do(token, whole, what, guard), what, fine);
  }

  async #guardOnly(token: CommandToken, guard: GuardOptions = {}): Promise<void> {
    const what = 'note of the command';
    this.#accept(await this.#do(token, 'true', what, guard), what);
  }

  /** `fine`: words of the daemon that say that it is already as wanted. The guard's refusal is never fine. */
  #accept(result: RunResult, what: string, fine: readonly RegExp[] = []): void {
    if (result.code === 0) return;
    const failure = lxdFailure(result, what, this.#name, this.#dialect);
    if (failure.code === 'guard-refused' || failure.code === 'busy' || !fine.some((words) => words.test(result.stderr))) throw failure;
  }
}

/** What puts processes there does so only under the lease; by the name the host's agent finds a container's. The daemon's QEMU carries the uuid, as libvirt's does. */
function underLease(token: CommandToken, instance: Instance, { driver }: Dialect): GuardOptions {
  if (!token.lease) return {};
  return { lease: 'hold', ...(kindOf(instance) === 'container' ? { instance: `${driver}:${kernelNameOf(instance)}` } : {}) };
}

const unsupported = (why: string): OperationalError => new OperationalError('unsupported', why);
