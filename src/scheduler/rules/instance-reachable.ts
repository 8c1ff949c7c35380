// Instances of LXD and Incus: the host's daemon has what theirs names, and their data are there or can be copied there.
import type { ContainerDaemon } from '../../hosts/host-facts.js';
import type { Host } from '../../hosts/host.js';
import { HYPERVISOR_NAMES } from '../../hosts/hypervisor.js';
import type { InstanceNeeds, Workload } from '../../workloads/workload.js';
import type { Filter, FilterRefusal } from '../filter.js';

export const daemonIsThere: Filter = ({ workload, host, facts }) => {
  const { instance, driver } = workload.needs;
  if (instance === null || driver === 'libvirt') return null;
  const daemon = facts.containerDaemons.find((one) => one.driver === driver);
  return daemon ? lacks(daemon, instance, host) : { code: 'no-daemon', why: `${host.name} has no ${HYPERVISOR_NAMES[driver]}` };
};

function lacks({ driver, pools, profiles, networks }: ContainerDaemon, needs: InstanceNeeds, { name }: Host): FilterRefusal | null {
  if (!pools.some((pool) => pool.name === needs.pool)) return { code: 'pool-unreachable', why: `${HYPERVISOR_NAMES[driver]} on ${name} has no storage pool ${needs.pool}` };
  const profile = needs.profiles.find((one) => !profiles.includes(one));
  if (profile !== undefined) return { code: 'profile-missing', why: `${HYPERVISOR_NAMES[driver]} on ${name} has no profile ${profile}` };
  const network = needs.networks.find((one) => !networks.includes(one));
  return network === undefined ? null : { code: 'network-missing', why: `${HYPERVISOR_NAMES[driver]} on ${name} has no network ${network}` };
}

/** From a host that is there it is copied; from one that is lost nothing can be had. */
export const dataReachable: Filter = ({ workload, host, home, facts }) => {
  const { instance, driver } = workload.needs;
  if (instance === null || workload.hostId === null || workload.hostId === host.id) return null;
  if (home?.condition !== 'online') return whyNoReplica(workload, host, home);
  const listens = facts.containerDaemons.some((one) => one.driver === driver && one.address !== null);
  return listens ? null : { code: 'no-daemon', why: `${HYPERVISOR_NAMES[driver]} on ${host.name} does not listen, so nothing can be copied there` };
};

function whyNoReplica({ name, replica }: Workload, host: Host, home: Host | null): FilterRefusal | null {
  const from = home?.name ?? 'a host that is gone';
  if (replica === null) return { code: 'data-elsewhere', why: `its data lie on ${from} alone, and no replica is kept (\`reeve workload replicate ${name}\`)` };
  if (replica.hostId !== host.id) return { code: 'data-elsewhere', why: `its data lie on ${from}, its replica is on another host` };
  return replica.asOfMs === null ? { code: 'data-elsewhere', why: `its replica on ${host.name} is not complete${replica.why === null ? '' : `: ${replica.why}`}` } : null;
}
