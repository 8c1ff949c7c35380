// What a person would type on a host, in the words of the tool with which the workload is run there.
import type { DriverName } from '../hosts/hypervisor.js';

const CLIENTS: Readonly<Record<DriverName, string>> = { libvirt: 'virsh', lxd: 'lxc', incus: 'incus' };

export const clientOf = (driver: DriverName): string => CLIENTS[driver];

/** All that there is. */
export const listsBy = (drivers: readonly DriverName[]): string => drivers.map((driver) => (driver === 'libvirt' ? 'virsh list --all' : `${clientOf(driver)} list`)).join('; ');

type Deed = 'end' | 'resume' | 'autostart-off' | 'rename' | 'keep';

/** In the words of libvirt, and of LXD and Incus. */
const DEEDS: { readonly [D in Deed]: { readonly virsh: (name: string) => string; readonly others: (client: string, name: string) => string } } = {
  end: { virsh: (name) => `virsh destroy ${name}`, others: (client, name) => `${client} stop --force ${name}` },
  resume: { virsh: (name) => `virsh resume ${name}`, others: (client, name) => `${client} start ${name}` },
  'autostart-off': { virsh: (name) => `virsh autostart --disable ${name}`, others: (client, name) => `${client} config set ${name} boot.autostart=false` },
  rename: { virsh: (name) => `virsh domrename ${name} NEW-NAME`, others: (client, name) => `${client} rename ${name} NEW-NAME` },
  // So that it is there still once it has stopped.
  keep: { virsh: (name) => `virsh dumpxml ${name} > ${name}.xml && virsh define ${name}.xml`, others: (client, name) => `${client} query -X PATCH /1.0/instances/${name} -d '{"ephemeral": false}'` },
};

export function byHand(deed: Deed, driver: DriverName, name: string): string {
  const client = clientOf(driver);
  return client === 'virsh' ? DEEDS[deed].virsh(name) : DEEDS[deed].others(client, name);
}
