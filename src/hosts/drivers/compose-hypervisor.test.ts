// Which hypervisors of a host are asked: what it surely has not is not, and what is not known is.
import { describe, expect, it } from 'vitest';
import type { ContainerDaemon } from '../host-facts.js';
import { composeHypervisor } from './compose-hypervisor.js';
import type { SshConnection } from './ssh/ssh-connection.js';

const daemon = (driver: ContainerDaemon['driver']): ContainerDaemon => ({ driver, version: '6', address: null, isClustered: false, criu: false, pools: [], filesystems: [], networks: [], profiles: [] });

/** Nobody answers: the inventory names whom it asked. */
async function asked(known: readonly ContainerDaemon[], hasLibvirt?: boolean): Promise<readonly string[]> {
  const found = new Set<string>();
  const run = async (command: string | readonly string[]): Promise<never> => {
    const script = [command].flat().join(' ');
    for (const [word, name] of [['virsh', 'libvirt'], ['/var/lib/lxd', 'lxd'], ['/var/lib/incus', 'incus']] as const) if (script.includes(word)) found.add(name);
    throw new Error('no answer');
  };
  const ssh = { settings: { name: 'host-1' }, run } as unknown as SshConnection;
  const hypervisor = composeHypervisor({ ssh, clock: { nowMs: () => 0, sleep: async () => undefined }, known, ...(hasLibvirt === undefined ? {} : { hasLibvirt }) });
  await hypervisor.inventory().catch(() => undefined);
  return [...found].sort();
}

describe('a host', () => {
  it('of which nothing is known is asked for its VMs', async () => expect(await asked([])).toEqual(['libvirt']));
  it('with all of them is asked for all', async () => expect(await asked([daemon('lxd'), daemon('incus')], true)).toEqual(['incus', 'libvirt', 'lxd']));
  it('without libvirt is not asked for VMs', async () => expect(await asked([daemon('incus')], false)).toEqual(['incus']));
  it('without anything is asked all the same: that it does not answer is said then', async () => expect(await asked([], false)).toEqual(['libvirt']));
});
