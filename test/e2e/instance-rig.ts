// Two lab hosts with a real LXD or Incus each as a rig: the driver alone over sshd, daemons that trust each other, no control plane.
import { CONTAINER_IMAGE, clientOf, ensureContainerImage } from '../../lab/containers.js';
import { factsReader, instanceDriver } from '../../src/hosts/drivers/compose-hypervisor.js';
import { HostHypervisor } from '../../src/hosts/drivers/host-hypervisor.js';
import { DAEMON_FILES } from '../../lab/daemons.js';
import { DIALECTS, type InstanceDriver } from '../../src/hosts/drivers/lxd/dialect.js';
import type { InstanceDefinition } from '../../src/hosts/drivers/lxd/instance-definition.js';
import { MARKS, REPLICA } from '../../src/hosts/drivers/lxd/marks.js';
import { remoteNameOf } from '../../src/hosts/drivers/lxd/remotes.js';
import { systemClock } from '../../src/shared/system/system-clock.js';
import { wantedDefinition } from '../../src/hosts/drivers/lxd/wanted-definition.js';
import type { InstanceSpec } from '../../src/workloads/instance-spec.js';
import { parseWorkloadSpec } from '../../src/workloads/workload-spec.js';
import type { CopiesRig } from '../conformance/instance-copies.conformance.js';
import type { Guest, Lack, RigHost } from '../conformance/rig.js';
import { addLunPool, powerCutWithLun } from '../../lab/luns.js';
import type { PoolsRig } from '../conformance/block-pools.conformance.js';
import { realRig, type RealHost, type RealRig } from './real-rig.js';

export interface InstanceRig extends CopiesRig, Pick<RealRig, 'lab'> {
  readonly hosts: readonly [RealHost, RealHost];
  readonly driver: InstanceDriver;
  /** The client of a host's daemon; its output. */
  lxc(host: RigHost, ...words: readonly string[]): Promise<string>;
}

export const INSTANCES_LACK: ReadonlySet<Lack> = new Set(['disks', 'live-migration', 'stop-reasons', 'process-probe']);

/** In a container's file system, where nothing else writes. */
const FILE = '/root/conformance';
const FILL_MIB = 600;

export async function instanceRig(name: string, driver: InstanceDriver = 'lxd', daemons: 'alone' | 'clustered' = 'alone'): Promise<InstanceRig> {
  const rig = await realRig(name, { [driver]: true, daemons });
  const { lab } = rig;
  // A cluster of daemons has it once, and takes it amiss when two of them import it at a time.
  if (daemons === 'clustered') for (const host of lab.hosts) await ensureContainerImage(lab, host, driver);
  else await Promise.all(lab.hosts.map((host) => ensureContainerImage(lab, host, driver)));
  if (daemons === 'alone') await trustDaemons(rig, driver);
  const hosts = rig.hosts.map((host): RealHost => {
    const libvirt = host.hypervisor;
    const facts = factsReader({ ssh: host.ssh, known: [], host: () => libvirt.facts() });
    return { ...host, hypervisor: new HostHypervisor([instanceDriver(host.ssh, driver)], facts, { clock: systemClock, driverOf: () => undefined }) };
  }) as unknown as [RealHost, RealHost];
  const { stateDir } = DAEMON_FILES[driver];
  const ask = async (host: RigHost, ...words: readonly string[]): Promise<string> => (await clientOf(lab, lab.host(host.name), driver, words)).stdout.trim();
  const create = async (host: RigHost, guest: Guest, ...more: readonly string[]): Promise<void> => {
    const memory = `limits.memory=${guest.memoryMiB ?? 64}MiB`;
    await ask(host, 'init', '-q', CONTAINER_IMAGE, guest.name, ...(daemons === 'clustered' ? ['--target', host.name] : []), '-c', `volatile.uuid=${guest.uuid}`, '-c', 'limits.cpu=1', '-c', memory, ...more);
  };
  /** As root of the host, through the pool's folder: also while it does not run. */
  const onDisk = async (host: RigHost, guest: Guest, script: string): Promise<string> => {
    const root = `${stateDir}/storage-pools/default/containers/${guest.name}/rootfs`;
    return (await lab.exec(lab.host(host.name), ['sh', '-c', `cd ${root} 2>/dev/null || exit 0; ${script}`])).stdout;
  };
  return {
    ...rig,
    hosts,
    driver,
    lxc: ask,
    definition: (guest) => definitionJson(guest, driver),
    // The data that a definition stands for: as if they had been copied there.
    prepare: (host, guest) => create(host, guest, '-c', `${MARKS.role}=${REPLICA}`, '-c', `${MARKS.copied}=1`, '-c', 'boot.autostart=false', '-c', `${MARKS.autostart}=true`),
    image: CONTAINER_IMAGE,
    definitionOfNew: (guest) => wantedDefinition({ uuid: guest.uuid, spec: newSpec(guest, driver), copied: null }, 'x86_64'),
    create: (host, guest) => create(host, guest),
    rename: async (host, guest, to) => void (await ask(host, 'rename', guest.name, to)),
    read: async (host, guest) => (await onDisk(host, guest, `cat .${FILE} 2>/dev/null`)) || null,
    write: async (host, guest, text) => void (await onDisk(host, guest, `printf %s ${text.replace(/\W/g, '\\$&')} > .${FILE}`)),
    fill: async (host, guest) => void (await onDisk(host, guest, `dd if=/dev/urandom of=./root/filling bs=1M count=${FILL_MIB} 2>/dev/null`)),
    macOf: (host, guest) => ask(host, 'config', 'get', guest.name, 'volatile.eth0.hwaddr'),
  };
}

/** With a pool of the first host on a LUN. */
export async function poolsRig(name: string, driver: InstanceDriver = 'lxd'): Promise<PoolsRig> {
  const rig = await instanceRig(name, driver);
  const { lab, hosts: [one] } = rig;
  const { stateDir } = DAEMON_FILES[driver];
  const pool = await addLunPool(lab, one.lab, { daemon: driver });
  return {
    ...rig,
    pool,
    createInPool: async (guest, text) => {
      await rig.lxc(one, 'profile', 'create', 'of-one');
      await rig.lxc(one, 'init', '-q', CONTAINER_IMAGE, guest.name, '-s', pool, '-p', 'default', '-p', 'of-one', '-c', `volatile.uuid=${guest.uuid}`, '-c', 'limits.cpu=1', '-c', `limits.memory=64MiB`, '-c', 'boot.autostart=false');
      const root = `${stateDir}/storage-pools/${pool}/containers/${guest.name}/rootfs`;
      await lab.exec(one.lab, ['sh', '-c', `printf %s ${text} > ${root}${FILE}; sync`]);
    },
    read: async (host, guest) => (await lab.exec(lab.host(host.name), ['sh', '-c', `cat ${stateDir}/storage-pools/${pool}/containers/${guest.name}/rootfs${FILE} 2>/dev/null`], { okCodes: 'any' })).stdout || null,
    hindrances: (host, { name }) => [
      { put: () => rig.lxc(host, 'init', '-q', CONTAINER_IMAGE, name), why: `it has an instance ${name} already`, remove: () => rig.lxc(host, 'delete', name) },
      { put: async () => undefined, why: 'it has no profile of-one', remove: () => rig.lxc(host, 'profile', 'create', 'of-one') },
    ],
    powerOff: (host) => powerCutWithLun(lab, lab.host(host.name), pool),
    powerOn: async (host) => {
      await lab.powerOn(lab.host(host.name));
      await lab.waitUp([lab.host(host.name)]);
      await lab.waitDaemons([lab.host(host.name)]);
    },
  };
}

/** Enrolment does this in the product; here only the ports under test are wanted. */
async function trustDaemons({ lab, hosts }: RealRig, driver: InstanceDriver): Promise<void> {
  for (const host of hosts) {
    for (const peer of hosts) {
      if (peer === host) continue;
      const { stdout } = await clientOf(lab, peer.lab, driver, DIALECTS[driver].trustToken(remoteNameOf(host.name)));
      await clientOf(lab, host.lab, driver, ['remote', 'add', remoteNameOf(peer.name), stdout.trim().split('\n').at(-1) ?? '']);
    }
  }
}

function newSpec(guest: Guest, driver: InstanceDriver): InstanceSpec {
  const spec = parseWorkloadSpec({ kind: 'container', driver, name: guest.name, image: CONTAINER_IMAGE, vcpus: 1, memoryMiB: guest.memoryMiB ?? 64 });
  if (!spec.ok || spec.value.kind !== 'container') throw new Error('no container');
  return spec.value.container;
}

function definitionJson(guest: Guest, driver: InstanceDriver): string {
  const limits = { 'limits.cpu': '1', 'limits.memory': `${guest.memoryMiB ?? 64}MiB` };
  const eth0 = { name: 'eth0', nictype: 'bridged', parent: guest.bridge ?? 'br0', type: 'nic' };
  const definition: InstanceDefinition = {
    driver, uuid: guest.uuid, name: guest.name, project: 'default', kind: 'container', architecture: 'x86_64', profiles: ['default'],
    config: limits, devices: {}, expanded: { config: limits, devices: { eth0, root: { path: '/', pool: 'default', type: 'disk' } } },
  };
  return JSON.stringify(definition);
}
