// The Hypervisor port over SSH for LXD and Incus: looking is free, doing goes through the guard.
import { OperationalError } from '../../../shared/errors.js';
import { whyNoReplicas } from '../../daemon-cluster.js';
import type { HostFacts } from '../../host-facts.js';
import { type BlockPools, type CommandToken, type CopyRequest, type Hypervisor, type InstanceCopies, type InventoryLook, type MakeRequest, type MemberMoveRequest, type MemberMoves, type MigrationCommandState, type MigrationProgress, type MigrationRequest, type MigrationStatistics, type ObservedWorkload, type PoolLook, type PoolRequest, type Replica, type ReplicaKind, writtenNext } from '../../hypervisor.js';
import { detachedStateScript, parseDetachedState } from '../ssh/detached-command.js';
import { GUARD_WAIT_S } from '../ssh/guard-script.js';
import { guarded, type GuardOptions } from '../ssh/guarded.js';
import type { RunResult, SshConnection } from '../ssh/ssh-connection.js';
import { clientScript, instanceScript } from './client-script.js';
import { abortCopyScript, copyIdOf, prepareScript, startCopyScript } from './copy-script.js';
import type { Dialect } from './dialect.js';
import { startMakeScript } from './make-script.js';
import { isReplica, isShown, isStopped, kernelNameOf, kindOf, lastStartMs, observedOf, refuseTwins, replicaKindOf, replicaOf, theOne, uuidOf, type Instance } from './instance.js';
import { compatibilityScript, parseInstanceCompatibility, type Incompatibility } from './instance-compatibility.js';
import { definitionOf, readInstanceDefinition } from './instance-definition.js';
import { autostartScript, defineScript, deleteReplicaScript, giveBackAutostartScript, killScript, resumeScript, setAsideScript, shutdownScript, startScript, undefineScript } from './instance-scripts.js';
import { inventoryScript, parseInventory, type Inventory } from './inventory.js';
import { adoptPoolScript, claimPoolScript, forgetPoolScript, lookPoolScript, parsePoolLook } from './pool-scripts.js';
import { isPassingName } from './marks.js';
import { isMovingScript, renameMovedScript, startMoveScript } from './move-script.js';
import { abortMoveScript, moveProgressScript, movingCommandScript, parseMoveProgress, startMoveScript as startLiveMoveScript } from './live-move-script.js';
import { lxdFailure, UNKNOWN_INSTANCE } from './lxd-failure.js';
import { settleScript } from './settle-copies.js';
import { quote } from '../ssh/shell-quote.js';
import { remoteNameOf } from './remotes.js';

export interface LxdHypervisorOptions {
  readonly ssh: SshConnection;
  readonly dialect: Dialect;
}

/** Looking: a healthy daemon answers in 100 ms, with thirty instances in half a second. One that hangs must not hold up a round for long. */
const LOOK_MS = 8_000;
/** Of one question within a look; below the whole, so that the daemon's silence is told as such. */
const LOOK_ASK_S = 6;
const COMPATIBILITY_MS = 20_000;
/** Every block device is asked. */
const POOL_LOOK_MS = 15_000;
/** Of the question to another host's daemon: one that is well answers in 50 ms. */
const REACH_S = 4;
/** None of ours, and none that the client ends with. */
const NOT_REACHED = 80;
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
  readonly pools: BlockPools;
  readonly members: MemberMoves;
  readonly #ssh: SshConnection;
  readonly #dialect: Dialect;

  constructor({ ssh, dialect }: LxdHypervisorOptions) {
    this.#ssh = ssh;
    this.#dialect = dialect;
    this.copies = {
      prepare: (token, uuid, keepsNewest) => this.#prepare(token, uuid, keepsNewest),
      startCopy: (token, request) => this.#startCopy(token, request),
      startMake: (token, request) => this.#startMake(token, request),
      copyCommand: (id) => this.#copyCommand(id),
      abortCopy: (token, id) => this.#abortCopy(token, id),
      replicas: async (uuid) => (await this.#replicas()).filter((one) => one.uuid === uuid),
      allReplicas: async () => ({ replicas: await this.#replicas(), mute: [] }),
      reaches: (destination) => this.#reaches(destination),
      settle: (token, uuid, name) => this.#settle(token, uuid, name),
      setAside: (token, uuid, isReusable) => this.#setAside(token, uuid, isReusable),
      deleteReplica: (token, uuid, kind) => this.#deleteReplica(token, uuid, kind),
    };
    this.members = {
      startMove: (token, request) => this.#startMove(token, request),
      moveCommand: (id) => this.#copyCommand(id),
      abortMove: (token, id) => this.#abortCopy(token, id),
      isMoving: (uuid) => this.#isMoving(uuid),
    };
    this.pools = {
      look: (request) => this.#lookAtPool(request),
      claim: async (token, request, notAfterMs) => void (await this.#doWithPool(token, claimPoolScript(request, notAfterMs), `claim of the pool ${request.pool}`)),
      adopt: async (token, request) => (await this.#doWithPool(token, adoptPoolScript(request), `adoption of the pool ${request.pool}`)).split('\n').filter(Boolean),
      forget: async (token, request, isTaken) => ((await this.#doWithPool(token, forgetPoolScript(request, isTaken), `forgetting of the pool ${request.pool}`)).startsWith('kept') ? 'kept' : 'lost'),
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

  async migrationProgress(uuid: string): Promise<MigrationProgress | null> {
    return parseMoveProgress((await this.#lookOk(moveProgressScript(this.#dialect, uuid), `progress of ${uuid}`)).stdout);
  }

  migrationCommand = (id: string): Promise<MigrationCommandState> => this.#copyCommand(id);
  migrationStatistics = async (): Promise<MigrationStatistics> => ({ totalMs: null, downtimeMs: null, transferredBytes: null });

  async compatibility(definition: string): Promise<readonly Incompatibility[]> {
    const { stdout } = await this.#lookOk(compatibilityScript(definition), 'compatibility', COMPATIBILITY_MS);
    return parseInstanceCompatibility(stdout, definition, this.#name, this.#dialect);
  }

  // --- doing ---

  async define(token: CommandToken, definition: string): Promise<void> {
    const { uuid, name } = readInstanceDefinition(definition);
    const what = `define ${uuid}`;
    const inventory = await this.#inventory(what);
    const before = this.#findIn(inventory, uuid);
    if (before && !isReplica(before.instance)) return this.#guardOnlyUnlessMoved(token, before, name, what);
    const other = inventory.elsewhere.find((one) => one.uuid === uuid || (one.uuid === null && one.name === name));
    if (other) {
      await this.#guardOnly(token);
      throw new OperationalError('no-data', `the cluster of ${this.#dialect.title} has ${name} (${uuid}) on its member ${other.location}, not on ${this.#name}`);
    }
    // A copy that is newer than the replica: the last one of a move, or one after whose end nobody was left to put it in its place.
    const script = settleScript(inventory.instances, uuid, name);
    if (script !== null) await this.#runSettling(token, script, what);
    const found = script === null ? before : await this.#find(uuid, what);
    const asOfMs = found ? replicaOf(found.instance, uuid).asOfMs : null;
    // The guard's refusal comes before ours.
    if (!found || asOfMs === null) {
      await this.#guardOnly(token);
      throw new OperationalError('no-data', `${this.#name} has no complete replica of ${name} (${uuid})${found ? ': the one that is there was not copied to its end' : ''}`, 'it has to be copied there first; its data are nowhere else but at its host and its replicas');
    }
    await this.#doOk(token, found, defineScript(uuid, String(asOfMs), wholeSpareOf(found.inventory.instances, uuid)), what);
  }

  async #guardOnlyUnlessMoved(token: CommandToken, found: Found, name: string, what: string): Promise<void> {
    // A person may have called it so.
    if (!isPassingName(found.instance.name) || found.instance.name === name) return this.#guardOnly(token);
    await this.#doOk(token, found, renameMovedScript(found.uuid, name), what);
  }

  async undefine(token: CommandToken, uuid: string, asOfMs?: number | undefined): Promise<void> {
    const what = `undefine ${uuid}`;
    const found = await this.#find(uuid, what);
    if (!found) return this.#guardOnly(token);
    await this.#doOk(token, found, undefineScript(uuid, { asOfMs: asOfMs ?? lastStartMs(found.instance), isOfCopy: asOfMs !== undefined }, wholeSpareOf(found.inventory.instances, uuid)), what, { fine: [UNKNOWN_INSTANCE] });
  }

  async #setAside(token: CommandToken, uuid: string, isReusable: boolean): Promise<void> {
    const what = `set ${uuid} aside`;
    const found = await this.#find(uuid, what);
    if (!found) return this.#guardOnly(token);
    if (found.inventory.server.environment.server_clustered) throw new OperationalError('unsupported', `${found.instance.name} on ${this.#name} is the only one in its cluster of ${this.#dialect.title}: it is not set aside`);
    await this.#doOk(token, found, setAsideScript(uuid, isReusable), what, { fine: [UNKNOWN_INSTANCE] });
  }

  async start(token: CommandToken, uuid: string): Promise<void> {
    const what = `start ${uuid}`;
    const found = await this.#workload(token, uuid, what);
    await this.#doOk(token, found, startScript(found.inventory.instances, uuid), what, { guard: underLease(token, found.instance, this.#dialect) });
  }

  async overtake(token: CommandToken): Promise<void> {
    await this.#guardOnly(token);
  }

  async announce(token: CommandToken, arriving?: string): Promise<void> {
    const what = 'note of the lease';
    if (!token.lease || !token.workload) return this.#guardOnly(token, { lease: token.lease ? 'hold' : 'drop' });
    const found = await this.#find(token.workload.uuid, what);
    if (!found && arriving === undefined) throw this.#unknown(token.workload.uuid);
    const guard = underLease(token, found?.instance ?? arrivingInstance(arriving ?? ''), this.#dialect);
    // What ends with the lease must not begin again with the next boot of its host: the one is not noted without the other. What arrives was told so where it comes from.
    if (found && isShown(found.instance)) await this.#doOk(token, found, autostartScript(found.uuid, false), what, { guard });
    else await this.#guardOnly(token, guard);
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

  async giveBackAutostart(token: CommandToken, uuid: string): Promise<void> {
    const what = `autostart of ${uuid}`;
    const found = await this.#find(uuid, what);
    // A replica keeps the note for the day on which it becomes the workload.
    if (!found || !isShown(found.instance)) return this.#guardOnly(token);
    await this.#doOk(token, found, giveBackAutostartScript(uuid), what, { fine: [UNKNOWN_INSTANCE] });
  }

  createDisk = async (): Promise<string> => Promise.reject(unsupported(`${this.#dialect.title} makes the disks of its instances itself`));
  deleteDisk = async (): Promise<void> => Promise.reject(unsupported(`${this.#dialect.title} deletes the disks of its instances itself`));
  async startMigration(token: CommandToken, request: MigrationRequest): Promise<void> {
    const what = `live move of ${request.uuid}`;
    const found = await this.#workload(token, request.uuid, what);
    await this.#doOk(token, found, startLiveMoveScript(this.#dialect, found.instance, request.uuid, request), what);
  }

  async abortMigration(token: CommandToken, uuid: string): Promise<void> {
    const what = `end of the move of ${uuid}`;
    const [id] = (await this.#lookOk(movingCommandScript(this.#dialect, uuid), what)).stdout.split('\n').filter(Boolean);
    const found = id === undefined ? null : await this.#find(uuid, what);
    if (!found || id === undefined) return this.#guardOnly(token);
    await this.#doOk(token, found, abortMoveScript(id, found.instance), what, { fine: [UNKNOWN_INSTANCE] });
  }

  // --- copies ---

  async #startCopy(token: CommandToken, request: CopyRequest): Promise<void> {
    const what = `copy of ${request.uuid}`;
    const found = await this.#workload(token, request.uuid, what);
    if (found.inventory.server.environment.server_clustered) throw unsupported(whyNoReplicas(this.#dialect.driver, this.#name));
    await this.#doOk(token, found, startCopyScript(this.#dialect, found.instance, request.uuid, request), what);
  }

  async #startMake(token: CommandToken, request: MakeRequest): Promise<void> {
    const what = `making of ${request.uuid}`;
    const { source } = request;
    const copied = source.kind === 'copy' ? await this.#find(source.uuid, what) : null;
    if (source.kind === 'copy' && !copied) await this.#guardOnly(token);
    const from = source.kind === 'copy' ? this.#shown(copied, source.uuid).instance : null;
    const { server: { environment } } = copied?.inventory ?? (await this.#inventory(what));
    const script = startMakeScript(this.#dialect, request, from, environment.server_clustered ? environment.server_name : 'none');
    this.#accept(await this.#do(token, `${clientScript(this.#dialect, DO_ASK_S)}\n${script}`, what), what);
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

  async #reaches(destination: string): Promise<boolean> {
    const script = `${clientScript(this.#dialect, REACH_S)}\nclient query ${quote(`${remoteNameOf(destination)}:/1.0`)} > /dev/null 2>&1 || exit ${NOT_REACHED}`;
    const what = `reaching ${destination}`;
    const result = await this.#bounded(script, what, LOOK_MS);
    if (result.code !== NOT_REACHED) this.#accept(result, what);
    return result.code === 0;
  }

  async #prepare(token: CommandToken, uuid: string, keepsNewest: boolean): Promise<void> {
    const what = `preparation of the replica ${uuid}`;
    const found = await this.#find(uuid, what);
    if (!found || !isReplica(found.instance)) return this.#guardOnly(token);
    const spare = spareOf(found.inventory.instances, uuid);
    const instance = writtenNext(replicaOf(found.instance, uuid), spare && replicaOf(spare, uuid), keepsNewest) === 'spare' ? spare : found.instance;
    if (!instance) return this.#guardOnly(token);
    await this.#doOk(token, { ...found, instance }, prepareScript(uuid, instance), what, { fine: [UNKNOWN_INSTANCE] });
  }

  async #settle(token: CommandToken, uuid: string, name: string): Promise<void> {
    const what = `settling the copies of ${uuid}`;
    const { instances } = await this.#inventory(what);
    const script = settleScript(instances, uuid, name);
    if (script === null) await this.#guardOnly(token);
    else await this.#runSettling(token, script, what);
  }

  async #runSettling(token: CommandToken, script: string, what: string): Promise<void> {
    this.#accept(await this.#do(token, `${clientScript(this.#dialect, DO_ASK_S)}\n${script}`, what), what);
  }

  async #deleteReplica(token: CommandToken, uuid: string, kind?: ReplicaKind): Promise<void> {
    const what = `deletion of the replica ${uuid}`;
    const found = await this.#find(uuid, what);
    const { instances } = found?.inventory ?? (await this.#inventory(what));
    const main = found !== null && (kind === undefined || replicaKindOf(found.instance) === kind) ? [found.instance] : [];
    const spares = kind === undefined || kind === 'spare' ? instances.filter((one) => isCopyOf(one, uuid, 'spare') && one !== found?.instance) : [];
    if (main.length + spares.length === 0) return this.#guardOnly(token);
    for (const instance of [...main, ...spares]) await this.#doOk(token, { instance }, deleteReplicaScript(uuid), what, { fine: [UNKNOWN_INSTANCE] });
  }

  // --- members of a cluster of daemons ---

  async #startMove(token: CommandToken, request: MemberMoveRequest): Promise<void> {
    const what = `move of ${request.uuid}`;
    const found = await this.#workload(token, request.uuid, what);
    await this.#doOk(token, found, startMoveScript(this.#dialect, found.instance, request.uuid, request), what);
  }

  async #isMoving(uuid: string): Promise<boolean> {
    const what = `moves of ${uuid}`;
    const { instances, elsewhere } = await this.#inventory(what);
    const instance = instances.find((one) => uuidOf(one) === uuid) ?? elsewhere.find((one) => one.uuid === uuid);
    return instance !== undefined && (await this.#lookOk(isMovingScript(this.#dialect, instance, uuid), what)).stdout.trim() !== '';
  }

  // --- pools ---

  async #lookAtPool(request: PoolRequest): Promise<PoolLook> {
    return parsePoolLook((await this.#lookOk(lookPoolScript(request), `look at the pool ${request.pool}`, POOL_LOOK_MS)).stdout);
  }

  async #doWithPool(token: CommandToken, script: string, what: string): Promise<string> {
    const result = await this.#do(token, `${clientScript(this.#dialect, DO_ASK_S)}\n${script}`, what);
    this.#accept(result, what);
    return result.stdout;
  }

  // --- how ---

  get #name(): string {
    return this.#ssh.settings.name;
  }

  async #inventory(what: string): Promise<Inventory> {
    return parseInventory((await this.#lookOk(inventoryScript(this.#dialect.driver), what)).stdout);
  }

  #observed(uuid: string, instance: Instance | null, inventory: Inventory): ObservedWorkload | null {
    return instance && isShown(instance) ? observedOf(instance, uuid, this.#dialect.driver, inventory) : null;
  }

  /** Its name is that of now: what a person has renamed is found by its uuid, and the command looks again before it acts. */
  async #find(uuid: string, what: string): Promise<Found | null> {
    return this.#findIn(await this.#inventory(what), uuid);
  }

  #findIn(inventory: Inventory, uuid: string): Found | null {
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

  async #doOk(token: CommandToken, { instance }: Pick<Found, 'instance'>, script: string, what: string, { guard = {}, fine = [] }: { readonly guard?: GuardOptions; readonly fine?: readonly RegExp[] } = {}): Promise<void> {
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
function underLease(token: CommandToken, instance: Pick<Instance, 'name' | 'project' | 'type'>, { driver }: Dialect): GuardOptions {
  if (!token.lease) return {};
  return { lease: 'hold', ...(kindOf(instance) === 'container' ? { instance: `${driver}:${kernelNameOf(instance)}` } : {}) };
}

const spareOf = (instances: readonly Instance[], uuid: string): Instance | null => instances.find((one) => isCopyOf(one, uuid, 'spare') && isStopped(one)) ?? null;
/** Its name; null: there is none that is whole. */
function wholeSpareOf(instances: readonly Instance[], uuid: string): string | null {
  const spare = spareOf(instances, uuid);
  return spare !== null && replicaOf(spare, uuid).asOfMs !== null ? spare.name : null;
}

/** Of what is not there yet, its definition says by what name the kernel will know it. */
function arrivingInstance(definition: string): Pick<Instance, 'name' | 'project' | 'type'> {
  const { name, project, kind } = readInstanceDefinition(definition);
  return { name, project, type: kind === 'container' ? 'container' : 'virtual-machine' };
}

const isCopyOf = (instance: Instance, uuid: string, kind: ReplicaKind): boolean => uuidOf(instance) === uuid && replicaKindOf(instance) === kind;
const unsupported = (why: string): OperationalError => new OperationalError('unsupported', why);
