// The host has what runs it. Of instances of LXD and Incus: its daemon has what theirs names, and their data are there or can be copied there.
import { daemonOf, isMember, tieBetween, whyApart, whyNoReplicas } from '../../hosts/daemon-cluster.js';
import { hasLibvirt, type ContainerDaemon } from '../../hosts/host-facts.js';
import type { Host } from '../../hosts/host.js';
import { HYPERVISOR_NAMES } from '../../hosts/hypervisor.js';
import { canHave, filesystemOf, ownerOf, whyNotTaken } from '../../hosts/shared-filesystem.js';
import { choosesReplica } from '../../workloads/chooses-replica.js';
import { poolOf, type InstanceNeeds } from '../../workloads/workload.js';
import type { Filter, FilterInput, FilterRefusal } from '../filter.js';

export const daemonIsThere: Filter = (input) => {
  const { workload, host, home, facts } = input;
  const { instance, driver } = workload.needs;
  if (driver === 'libvirt') return hasLibvirt(facts) ? null : { code: 'no-daemon', why: `${host.name} has no libvirt` };
  if (instance === null) return null;
  const daemon = facts.containerDaemons.find((one) => one.driver === driver);
  const lack = daemon ? lacks(daemon, instance, host, poolComesAlong(input)) : null;
  // Of a lost host's pool that nobody can have, the reason is worth more than that it is not here.
  if (lack?.code === 'pool-unreachable' && home !== null && home.condition !== 'online') return takenElsewhere(input) ?? whyNoReplica(input) ?? lack;
  return daemon ? lack : { code: 'no-daemon', why: `${host.name} has no ${HYPERVISOR_NAMES[driver]}` };
};

/** It is taken over with all that lies in it, or was. */
function poolComesAlong({ workload, view, home, host }: FilterInput): boolean {
  const pool = poolOf(workload);
  const isFromReplica = home !== null && choosesReplica(view.hosts, home, workload);
  return pool !== null && home !== null && home.condition !== 'online' && !isFromReplica && canHave(view.hosts, home, host, pool);
}

function lacks({ driver, pools, profiles, networks }: ContainerDaemon, needs: InstanceNeeds, { name }: Host, poolComes: boolean): FilterRefusal | null {
  // Empty: one that is not made yet, whose profile says where its root disk lies.
  const pool = pools.find((one) => one.name === needs.pool);
  if (!poolComes && needs.pool !== '' && (!pool || pool.isUnavailable)) return { code: 'pool-unreachable', why: `${HYPERVISOR_NAMES[driver]} on ${name} ${pool ? 'does not reach its' : 'has no'} storage pool ${needs.pool}` };
  const profile = needs.profiles.find((one) => !profiles.includes(one));
  if (profile !== undefined) return { code: 'profile-missing', why: `${HYPERVISOR_NAMES[driver]} on ${name} has no profile ${profile}` };
  const network = needs.networks.find((one) => !networks.includes(one));
  return network === undefined ? null : { code: 'network-missing', why: `${HYPERVISOR_NAMES[driver]} on ${name} has no network ${network}` };
}

/** From a host that is there it is copied; from one that is lost nothing can be had. */
export const dataReachable: Filter = (input) => {
  const { workload, host, home, facts } = input;
  const { instance, driver } = workload.needs;
  if (instance === null || workload.hostId === null || workload.hostId === host.id) return null;
  if (home?.condition !== 'online') return poolComesAlong(input) ? null : (takenElsewhere(input) ?? whyNoReplica(input));
  const tie = tieBetween(daemonOf(home.facts, driver), daemonOf(facts, driver));
  if (tie === 'members' || driver === 'libvirt') return null;
  if (tie === 'apart') return { code: 'data-elsewhere', why: whyApart(driver, home.name, host.name) };
  const listens = facts.containerDaemons.some((one) => one.driver === driver && one.address !== null);
  return listens ? null : { code: 'no-daemon', why: `${HYPERVISOR_NAMES[driver]} on ${host.name} does not listen, so nothing can be copied there` };
};

/** Its newest data are where its pool is: no copy is started beside them. */
function takenElsewhere({ workload, view, home }: FilterInput): FilterRefusal | null {
  const pool = poolOf(workload);
  const owner = pool === null || home === null ? home : ownerOf(view.hosts, home, pool);
  return owner === home || owner === null ? null : { code: 'data-elsewhere', why: `its pool ${pool?.pool ?? ''} is on ${owner.name} now` };
}

/** What would have made it reachable: both ways. */
function whyPoolStays({ workload, view, home }: FilterInput): string {
  const pool = poolOf(workload);
  const filesystem = pool === null || !home?.facts ? null : filesystemOf(home.facts, pool);
  if (pool === null || filesystem === null || home === null) return 'its pool lies on no block device that other hosts see';
  const isSeen = view.hosts.some((one) => one.id !== home.id && one.facts !== null && whyNotTaken(one.facts, pool, filesystem) === null);
  return isSeen ? `its pool ${pool.pool} can be taken over only when ${home.name} surely has no power (\`reeve host confirm-off ${home.name}\`)` : `no other host sees the device of its pool ${pool.pool}`;
}

function whyNoReplica(input: FilterInput): FilterRefusal | null {
  const { workload: { name, replica }, host, home } = input;
  const from = home?.name ?? 'a host that is gone';
  const { driver } = input.workload.needs;
  if (driver !== 'libvirt' && isMember(home?.facts ?? null, driver)) return { code: 'data-elsewhere', why: `its data lie on ${from} alone: ${whyNoReplicas(driver, from)}, and pools that all members reach are not supported yet` };
  if (replica === null) return { code: 'data-elsewhere', why: `its data lie on ${from} alone, and no replica is kept (\`reeve workload replicate ${name}\`); ${whyPoolStays(input)}` };
  if (replica.hostId !== host.id) return { code: 'data-elsewhere', why: `its data lie on ${from}, its replica is on another host` };
  return replica.asOfMs === null ? { code: 'data-elsewhere', why: `its replica on ${host.name} is not complete${replica.why === null ? '' : `: ${replica.why}`}` } : null;
}
