// The Hypervisor port of a whole host, that may have several hypervisors side by side: each workload is reached through the one that runs it.
import { messageOf, OperationalError } from '../../shared/errors.js';
import type { Clock } from '../../shared/clock.js';
import type { HostFacts } from '../host-facts.js';
import type { BlockPools, CommandToken, CopyRequest, DiskSpec, DriverName, Hypervisor, InstanceCopies, InventoryLook, MakeRequest, MemberMoves, MigrationCommandState, MigrationProgress, MigrationRequest, MigrationStatistics, MuteDriver, ObservedWorkload, Replica } from '../hypervisor.js';
import { DriverLooks, type DriverLook } from './driver-looks.js';

export interface HostDriver {
  readonly name: DriverName;
  readonly hypervisor: Hypervisor;
  /** Is this definition of its making? */
  readonly takes: (definition: string) => boolean;
}

type Incompatibilities = Awaited<ReturnType<Hypervisor['compatibility']>>;

export class HostHypervisor implements Hypervisor {
  /** Whose each uuid is: that never changes. */
  readonly #owners = new Map<string, HostDriver>();
  readonly #around: DriverLooks<HostDriver>;
  readonly copies: InstanceCopies | null;
  readonly pools: BlockPools | null;
  readonly members: MemberMoves | null;

  /** The first is asked where nobody knows. `facts`: of the host as a whole. */
  constructor(private readonly drivers: readonly [HostDriver, ...HostDriver[]], readonly facts: () => Promise<HostFacts>, private readonly means: { readonly clock: Pick<Clock, 'sleep'>; readonly driverOf: (uuid: string) => DriverName | undefined }) {
    this.#around = new DriverLooks(drivers, means.clock);
    this.copies = drivers.some(({ hypervisor }) => hypervisor.copies !== null) ? this.#allCopies() : null;
    this.members = drivers.some(({ hypervisor }) => hypervisor.members !== null) ? this.#allMembers() : null;
    this.pools = drivers.some(({ hypervisor }) => hypervisor.pools !== null) ? this.#allPools() : null;
  }

  async inventory(): Promise<InventoryLook> {
    const looks = await this.#looks();
    return { workloads: looks.flatMap(({ shown }) => shown ?? []), mute: looks.flatMap(({ driver, error }) => (error === null ? [] : [{ driver: driver.name, why: messageOf(error) } satisfies MuteDriver])) };
  }

  async observe(uuid: string): Promise<ObservedWorkload | null> {
    const known = this.#ownerOf(uuid);
    if (known) return known.hypervisor.observe(uuid);
    const looks = await this.#looks();
    const found = looks.flatMap(({ shown }) => shown ?? []).find((one) => one.uuid === uuid);
    return found ?? nowhere(looks);
  }

  definition = async (uuid: string): Promise<string> => (await this.#of(uuid)).definition(uuid);
  migrationProgress = async (uuid: string): Promise<MigrationProgress | null> => (await this.#of(uuid)).migrationProgress(uuid);
  migrationStatistics = async (uuid: string): Promise<MigrationStatistics> => (await this.#of(uuid)).migrationStatistics(uuid);
  compatibility = (definition: string): Promise<Incompatibilities> => this.#taking(definition).hypervisor.compatibility(definition);

  /** Which of them began it, its id does not say. */
  async migrationCommand(id: string): Promise<MigrationCommandState> {
    return firstKnown(this.drivers.map(({ hypervisor }) => () => hypervisor.migrationCommand(id)));
  }

  async define(token: CommandToken, definition: string): Promise<void> {
    const driver = this.#taking(definition);
    await driver.hypervisor.define(token, definition);
    if (token.workload) this.#owners.set(token.workload.uuid, driver);
  }

  undefine = async (token: CommandToken, uuid: string, asOfMs?: number | undefined): Promise<void> => (await this.#of(uuid)).undefine(token, uuid, asOfMs);
  start = async (token: CommandToken, uuid: string): Promise<void> => (await this.#of(uuid)).start(token, uuid);
  requestShutdown = async (token: CommandToken, uuid: string): Promise<void> => (await this.#of(uuid)).requestShutdown(token, uuid);
  kill = async (token: CommandToken, uuid: string): Promise<void> => (await this.#of(uuid)).kill(token, uuid);
  resume = async (token: CommandToken, uuid: string): Promise<void> => (await this.#of(uuid)).resume(token, uuid);
  setAutostart = async (token: CommandToken, uuid: string, on: boolean): Promise<void> => (await this.#of(uuid)).setAutostart(token, uuid, on);
  giveBackAutostart = async (token: CommandToken, uuid: string): Promise<void> => (await this.#of(uuid)).giveBackAutostart(token, uuid);
  abortMigration = async (token: CommandToken, uuid: string): Promise<void> => (await this.#of(uuid)).abortMigration(token, uuid);
  startMigration = async (token: CommandToken, request: MigrationRequest): Promise<void> => (await this.#of(request.uuid)).startMigration(token, request);
  /** The guard alone is asked. */
  overtake = (token: CommandToken): Promise<void> => this.drivers[0].hypervisor.overtake(token);

  async announce(token: CommandToken, arriving?: string): Promise<void> {
    await (token.workload ? await this.#of(token.workload.uuid) : this.drivers[0].hypervisor).announce(token, arriving);
  }

  createDisk = (token: CommandToken, name: string, disk: DiskSpec): Promise<string> => this.drivers[0].hypervisor.createDisk(token, name, disk);
  deleteDisk = (token: CommandToken, path: string): Promise<void> => this.drivers[0].hypervisor.deleteDisk(token, path);

  async #looks(): Promise<readonly DriverLook<HostDriver>[]> {
    const looks = await this.#around.all();
    for (const { driver, shown } of looks) for (const { uuid } of shown ?? []) this.#owners.set(uuid, driver);
    return looks;
  }

  /** Seen here, or known to be of a kind that one of them runs: the others need not answer for it. */
  #ownerOf(uuid: string): HostDriver | undefined {
    return this.#owners.get(uuid) ?? this.drivers.find(({ name }) => name === this.means.driverOf(uuid));
  }

  async #of(uuid: string): Promise<Hypervisor> {
    const looks = this.#ownerOf(uuid) || this.drivers.length === 1 ? [] : await this.#looks();
    const owner = this.#ownerOf(uuid) ?? nowhere(looks) ?? this.drivers[0];
    return owner.hypervisor;
  }

  #taking(definition: string): HostDriver {
    const found = this.drivers.find((one) => one.takes(definition));
    if (!found) throw new OperationalError('unsupported', `nothing on this host takes such a definition: ${definition.slice(0, 40)}…`);
    return found;
  }

  #allMembers(): MemberMoves {
    const moving = this.drivers.flatMap(({ hypervisor: { members } }) => members ?? []);
    const of = async (uuid: string): Promise<MemberMoves> => {
      const { members } = await this.#of(uuid);
      if (!members) throw new OperationalError('unsupported', `${uuid} is of no daemon that could be in a cluster of its own kind`);
      return members;
    };
    return {
      startMove: async (token, request) => (await of(request.uuid)).startMove(token, request),
      moveCommand: (id) => firstKnown(moving.map((one) => () => one.moveCommand(id))),
      abortMove: async (token, id) => void (await Promise.all(moving.map((one) => one.abortMove(token, id)))),
      isMoving: async (uuid) => (await of(uuid)).isMoving(uuid),
    };
  }

  #allPools(): BlockPools {
    const of = (name: DriverName): BlockPools => {
      const pools = this.drivers.find((one) => one.name === name)?.hypervisor.pools;
      if (!pools) throw new OperationalError('unsupported', `this host has no ${name}`);
      return pools;
    };
    return {
      look: async (request) => of(request.driver).look(request),
      claim: async (token, request, notAfterMs) => of(request.driver).claim(token, request, notAfterMs),
      adopt: async (token, request) => of(request.driver).adopt(token, request),
      forget: async (token, request, isTaken) => of(request.driver).forget(token, request, isTaken),
    };
  }

  #allCopies(): InstanceCopies {
    const copying = this.drivers.flatMap(({ hypervisor: { copies } }) => copies ?? []);
    const of = async (uuid: string): Promise<InstanceCopies> => {
      const { copies } = await this.#of(uuid);
      if (!copies) throw new OperationalError('unsupported', `${uuid} is not copied: its disks can be reached from other hosts, or it is none of this host's`);
      return copies;
    };
    // Known is of what kind each workload is that Reeve knows; of another one only its owner's list tells whose its replica is: it is shown nowhere else. The first that has it is the one.
    const ofReplica = async (uuid: string, act: (one: InstanceCopies) => Promise<void>): Promise<void> => {
      const owner = this.#ownerOf(uuid);
      if (owner) return owner.hypervisor.copies === null ? undefined : act(owner.hypervisor.copies);
      const { mute, found } = await firstWith(copying, async (one) => (await one.replicas(uuid)).length > 0);
      if (found) return act(found);
      if (mute) throw mute.error;
    };
    return {
      prepare: (token, uuid, keepsNewest) => ofReplica(uuid, (one) => one.prepare(token, uuid, keepsNewest)),
      settle: (token, uuid, name) => ofReplica(uuid, (one) => one.settle(token, uuid, name)),
      startCopy: async (token: CommandToken, request: CopyRequest) => (await of(request.uuid)).startCopy(token, request),
      startMake: async (token: CommandToken, request: MakeRequest) => {
        const { hypervisor } = this.#taking(request.definition);
        if (!hypervisor.copies) throw new OperationalError('unsupported', 'such a definition is no instance\'s');
        return hypervisor.copies.startMake(token, request);
      },
      // One wire, whoever asks.
      reaches: async (destination) => {
        const { mute, found } = await firstWith(copying, (one) => one.reaches(destination));
        if (!found && mute) throw mute.error;
        return found !== null;
      },
      copyCommand: (id) => firstKnown(copying.map((one) => () => one.copyCommand(id))),
      abortCopy: async (token, id) => {
        const { mute, found } = await firstWith(copying, async (one) => (await one.copyCommand(id)).kind !== 'none');
        if (found) return found.abortCopy(token, id);
        if (mute) throw mute.error;
        await this.overtake(token);
      },
      setAside: async (token, uuid, isReusable) => (await of(uuid)).setAside(token, uuid, isReusable),
      replicas: async (uuid): Promise<readonly Replica[]> => {
        const owner = this.#ownerOf(uuid);
        return owner ? ((await owner.hypervisor.copies?.replicas(uuid)) ?? []) : (await Promise.all(copying.map((one) => one.replicas(uuid)))).flat();
      },
      allReplicas: async () => {
        const looks = await Promise.all(this.drivers.map(({ name, hypervisor: { copies } }) => copies?.allReplicas().catch((error: unknown) => ({ replicas: [], mute: [{ driver: name, why: messageOf(error) }] })) ?? []));
        return { replicas: looks.flatMap((look) => ('replicas' in look ? look.replicas : [])), mute: looks.flatMap((look) => ('mute' in look ? look.mute : [])) };
      },
      // What is shown is the workload, and has an owner then: its driver refuses.
      deleteReplica: async (token, uuid, kind) => {
        if (!this.#ownerOf(uuid)) await this.#looks();
        return ofReplica(uuid, (one) => one.deleteReplica(token, uuid, kind));
      },
    };
  }
}

/** It is nowhere, and every hypervisor has said so: one that did not answer may have it. */
function nowhere(looks: readonly DriverLook<HostDriver>[]): null {
  const mute = looks.find(({ error }) => error !== null);
  if (mute) throw mute.error;
  return null;
}

interface Sought<One> {
  readonly found: One | null;
  /** One could not be asked, and may be the one. */
  readonly mute: { readonly error: unknown } | null;
}

async function firstWith<One>(all: readonly One[], has: (one: One) => Promise<boolean>): Promise<Sought<One>> {
  let mute: Sought<One>['mute'] = null;
  for (const one of all) {
    try {
      if (await has(one)) return { found: one, mute };
    } catch (error) {
      mute ??= { error };
    }
  }
  return { found: null, mute };
}

async function firstKnown(asks: readonly (() => Promise<MigrationCommandState>)[]): Promise<MigrationCommandState> {
  for (const ask of asks) {
    const state = await ask();
    if (state.kind !== 'none') return state;
  }
  return { kind: 'none' };
}
