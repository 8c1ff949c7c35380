// Pools on shared block storage: which of a host's pools lie on a device that other hosts see too, and who could take one over.
import type { BlockFilesystem, ContainerDaemon, HostFacts } from './host-facts.js';
import { isOff, type Host, type HostProof, type TakenPool } from './host.js';

export type PoolName = Pick<TakenPool, 'driver' | 'pool'>;

/**
 * What proves that a host has no file system mounted: it has no power, or a person says so. The end of a lease, a good-bye and a new boot say what does not run
 * there; none of them says that.
 */
export const POWER_PROOFS: ReadonlySet<HostProof['kind']> = new Set(['power-off', 'operator']);

export const provesNoPower = (proof: HostProof | null): proof is HostProof => proof !== null && POWER_PROOFS.has(proof.kind) && proof.powerBack === undefined;

export const whyPowerUnproven = (proof: HostProof | null): string => (proof === null ? 'nothing proves that it has no power' : (proof.powerBack ?? `${proof.kind} does not prove that it has no power`));

type Facts = Pick<HostFacts, 'containerDaemons'>;

const daemonOf = (facts: Facts, { driver }: PoolName): ContainerDaemon | undefined => facts.containerDaemons.find((one) => one.driver === driver);

/** The file system on a block device of its own that the pool is; null: it is none, or is known by something else than its UUID. */
export function filesystemOf(facts: Facts, pool: PoolName): BlockFilesystem | null {
  const daemon = daemonOf(facts, pool);
  const found = daemon?.pools.find((one) => one.name === pool.pool);
  if (!daemon || found?.driver !== 'btrfs' || found.source === null) return null;
  return daemon.filesystems.find((one) => one.uuid === found.source) ?? null;
}

export type DeviceId = Pick<BlockFilesystem, 'uuid' | 'sizeBytes'> & Partial<Pick<BlockFilesystem, 'serial'>>;

export const hasBlockPools = (facts: Facts): boolean => facts.containerDaemons.some(({ driver, pools }) => pools.some(({ name }) => filesystemOf(facts, { driver, pool: name }) !== null));

/** The same device, not a clone of it: by what is written on it, its size, and by its own name where both hosts are told one. */
export function isSameDevice(one: DeviceId, other: DeviceId): boolean {
  const [serial, others] = [one.serial ?? null, other.serial ?? null];
  return one.uuid === other.uuid && one.sizeBytes === other.sizeBytes && (serial === null || others === null || serial === others);
}

/** Why this host could not take the pool over; null: it could. Also under the name that a take-over which was begun has given to the file system. */
export function whyNotTaken(facts: Facts, pool: PoolName, filesystem: DeviceId): string | null {
  const daemon = daemonOf(facts, pool);
  if (!daemon) return `it has no ${pool.driver === 'lxd' ? 'LXD' : 'Incus'}`;
  const ids = [filesystem.uuid, nextUuid(filesystem.uuid)];
  if (!daemon.filesystems.some((one) => ids.includes(one.uuid) && isSameDevice({ ...one, uuid: filesystem.uuid }, filesystem))) return `it does not see the device of ${pool.pool}`;
  if (daemon.isClustered) return 'its daemon is member of a cluster of daemons, which takes over no pool';
  const own = daemon.pools.find((one) => one.name === pool.pool);
  return own && !ids.includes(own.source ?? '') ? `it has a pool ${pool.pool} of its own` : null;
}

export function takenOf({ takenPools }: Pick<Host, 'takenPools'>, { driver, pool }: PoolName): TakenPool | null {
  return takenPools.find((one) => one.driver === driver && one.pool === pool) ?? null;
}

/** Who has the pool that a workload's home had: whoever took it over last. */
export function ownerOf(hosts: readonly Host[], home: Host, pool: PoolName): Host {
  let owner = home;
  // Each step is another host: a host that has a pool again has no note any more that it lost it.
  for (let steps = 0; steps < hosts.length; steps += 1) {
    const taken = takenOf(owner, pool);
    const next = taken?.isDone ? hosts.find((one) => one.id === taken.byHostId) : undefined;
    if (!next) break;
    owner = next;
  }
  return owner;
}

/** Who sees the device of that pool too, and could have it. */
export function takersOf(hosts: readonly Host[], owner: Host, pool: PoolName): readonly Host[] {
  const filesystem = owner.facts === null ? null : filesystemOf(owner.facts, pool);
  return filesystem === null ? [] : hosts.filter((one) => one.id !== owner.id && one.facts !== null && whyNotTaken(one.facts, pool, filesystem) === null);
}

/** Could this host take over what a lost host had, or has it done so? */
export function canHave(hosts: readonly Host[], home: Host, host: Host, pool: PoolName): boolean {
  const owner = ownerOf(hosts, home, pool);
  if (owner.id === host.id) return home.id !== host.id;
  const filesystem = owner.facts === null ? null : filesystemOf(owner.facts, pool);
  return isOff(owner) && provesNoPower(owner.proof) && filesystem !== null && host.facts !== null && whyNotTaken(host.facts, pool, filesystem) === null;
}

/**
 * What the file system is called after it was taken over. Made from what it was called, so that whoever finds it under the new name, after whatever
 * interruption, knows what it was. By Fowler, Noll and Vo's hash, four times with another beginning: nobody guesses against it.
 */
export function nextUuid(uuid: string): string {
  const hex = [0, 1, 2, 3].map((lane) => hash(`${lane} ${uuid}`).toString(16).padStart(8, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}

function hash(text: string): number {
  let sum = 0x811c9dc5;
  for (const letter of text) sum = Math.imul(sum ^ letter.charCodeAt(0), 0x01000193);
  return sum >>> 0;
}
