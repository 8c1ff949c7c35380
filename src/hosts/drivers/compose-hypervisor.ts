// All hypervisors of one host behind one port: libvirt first, unless the host surely has none; LXD and Incus where it has them.
import type { Clock } from '../../shared/clock.js';
import type { ContainerDaemon, HostFacts } from '../host-facts.js';
import type { DriverName, Hypervisor } from '../hypervisor.js';
import { HostHypervisor, type HostDriver } from './host-hypervisor.js';
import { LibvirtHypervisor } from './libvirt/libvirt-hypervisor.js';
import { readContainerDaemon, type DaemonLook } from './lxd/container-daemon.js';
import { DIALECTS, type InstanceDriver } from './lxd/dialect.js';
import { takesDefinition } from './lxd/instance-definition.js';
import { LxdHypervisor } from './lxd/lxd-hypervisor.js';
import type { SshConnection } from './ssh/ssh-connection.js';

export interface ComposeOptions {
  readonly ssh: SshConnection;
  readonly clock: Pick<Clock, 'nowMs' | 'sleep'>;
  /** What was known of the host's daemons. */
  readonly known: readonly ContainerDaemon[];
  /** Default: it has one, or nobody knows. */
  readonly hasLibvirt?: boolean;
  /** Whose a workload is that was never seen on this host. */
  readonly driverOf?: (uuid: string) => DriverName | undefined;
}

const INSTANCE_DRIVERS: readonly InstanceDriver[] = ['lxd', 'incus'];

export function composeHypervisor({ ssh, clock, known, hasLibvirt = true, driverOf = () => undefined }: ComposeOptions): Hypervisor {
  const libvirt = new LibvirtHypervisor({ ssh, clock });
  const drivers = INSTANCE_DRIVERS.filter((driver) => known.some((daemon) => daemon.driver === driver)).map((driver) => instanceDriver(ssh, driver));
  const vms: HostDriver = { name: 'libvirt', hypervisor: libvirt, takes: (text) => text.trimStart().startsWith('<') };
  const [first, ...others] = drivers;
  // One without anything is asked for its VMs: that it does not answer is said then.
  const all: readonly [HostDriver, ...HostDriver[]] = hasLibvirt || !first ? [vms, ...drivers] : [first, ...others];
  return new HostHypervisor(all, factsReader({ ssh, known, host: () => libvirt.facts() }), { clock, driverOf });
}

export function instanceDriver(ssh: SshConnection, driver: InstanceDriver): HostDriver {
  return { name: driver, hypervisor: new LxdHypervisor({ ssh, dialect: DIALECTS[driver] }), takes: (text) => takesDefinition(driver, text) };
}

interface FactsSource {
  readonly ssh: SshConnection;
  readonly known: readonly ContainerDaemon[];
  readonly host: () => Promise<HostFacts>;
}

/** Looks for daemons each time: one may have been installed. What was heard last is kept for when a daemon does not answer. */
export function factsReader({ ssh, known, host }: FactsSource): () => Promise<HostFacts> {
  let last = known;
  return async () => {
    const [facts, ...looks] = await Promise.all([host(), ...INSTANCE_DRIVERS.map((driver) => readContainerDaemon(ssh, DIALECTS[driver]))]);
    last = INSTANCE_DRIVERS.flatMap((driver, index) => daemonNow(looks[index], last.find((one) => one.driver === driver)));
    return { ...facts, containerDaemons: last };
  };
}

/**
 * A daemon that is there and does not answer stays as it was known: without it in the facts its driver would be dropped, and a host that
 * is not asked for its instances looks as if it had none, so that what runs on it would count as missing. With it, the host's inventory says
 * that it is mute, and nothing is concluded about what it runs. It is gone only when its state or its client is gone.
 */
export function daemonNow(look: DaemonLook | undefined, before: ContainerDaemon | undefined): readonly ContainerDaemon[] {
  if (look?.kind === 'answers') return [look.daemon];
  return look?.kind === 'absent' || !before ? [] : [before];
}
