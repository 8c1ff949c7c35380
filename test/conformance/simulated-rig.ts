// The simulated world as a rig for the suites: its clock runs ahead as fast as it is asked to.
import type { Clock } from '../../src/shared/clock.js';
import { domainXml } from '../../src/hosts/drivers/libvirt/domain-xml.js';
import { SimulatedHostAgent } from '../../src/sim/simulated-host-agent.js';
import { SimulatedHypervisor } from '../../src/sim/simulated-hypervisor.js';
import { storageIn } from '../../src/sim/simulated-needs.js';
import { SimulatedWorld, type SimulatedDomain } from '../../src/sim/simulated-world.js';
import type { CopiesRig } from './instance-copies.conformance.js';
import type { PoolsRig } from './block-pools.conformance.js';
import type { ConformanceRig, Guest, RigHost } from './rig.js';

export class JumpingClock implements Clock {
  #now = 0;
  nowMs = (): number => this.#now;
  monotonicMs = (): number => this.#now;
  sleep = async (ms: number): Promise<void> => {
    this.#now += ms;
  };
}

export const simulatedRig = (): Promise<ConformanceRig> => rigOf(new SimulatedWorld(new JumpingClock()));

async function rigOf(world: SimulatedWorld): Promise<ConformanceRig> {
  const host = (index: number): RigHost => {
    const { name, address } = world.addHost({ name: `host-${index}`, address: `10.0.0.${index}` });
    return { name, address, hypervisor: new SimulatedHypervisor(world, name), agent: new SimulatedHostAgent(world, name) };
  };
  return {
    hosts: [host(1), host(2)],
    sharedPool: 'shared',
    localPool: 'local',
    definition,
    powerCycle: async ({ name }) => {
      world.powerOff(name);
      world.powerOn(name);
    },
    cutUplink: async ({ name }, isCut) => {
      world.host(name).uplinkLost = isCut;
    },
    reportFailing: async ({ name }, reason) => {
      world.host(name).degraded = reason !== null;
    },
    sleepMs: (ms) => world.clock.sleep(ms),
    close: async () => {},
  };
}

/** Of guests whose data lie at their host. */
export async function simulatedCopiesRig(daemonCluster: string | null = null): Promise<CopiesRig> {
  const world = new SimulatedWorld(new JumpingClock());
  const at = ({ name }: RigHost, { uuid }: Guest): SimulatedDomain | undefined => world.host(name).domains.get(uuid);
  const change = async (host: RigHost, guest: Guest, set: Partial<SimulatedDomain>): Promise<void> => {
    const domain = at(host, guest);
    if (!domain) throw new Error(`${guest.name} is not on ${host.name}`);
    Object.assign(domain, set);
  };
  const rig = await rigOf(world);
  for (const host of world.hosts) host.daemonCluster = daemonCluster;
  return {
    ...rig,
    image: 'reeve-guest',
    definitionOfNew: localDefinition,
    create: async ({ name }, guest) => {
      const own = localDefinition(guest);
      world.host(name).domains.set(guest.uuid, { uuid: guest.uuid, name: guest.name, kind: 'container', definition: own, running: null, reason: 'unknown', autostart: false, statistics: null });
    },
    rename: (host, guest, name) => change(host, guest, { name }),
    read: async (host, guest) => at(host, guest)?.data ?? null,
    write: (host, guest, text) => change(host, guest, { data: text }),
    fill: (host, guest) => change(host, guest, { isLarge: true }),
    macOf: async (host, guest) => `00:16:${at(host, guest)?.uuid ?? ''}`,
  };
}

/** Whose daemons are one cluster. */
export async function simulatedMembersRig(): Promise<CopiesRig> {
  return simulatedCopiesRig('lxd');
}

export async function simulatedPoolsRig(): Promise<PoolsRig> {
  const world = new SimulatedWorld(new JumpingClock());
  const rig = await rigOf(world);
  const [one] = rig.hosts;
  const pool = 'ha-host-1';
  world.luns.set(pool, { pool, uuid: `fs-${pool}`, holder: one.name });
  world.host(one.name).lunPools.set(pool, `fs-${pool}`);
  world.mount(world.host(one.name), pool);
  return {
    ...rig,
    driver: 'lxd',
    pool,
    createInPool: async (guest, data) => {
      const own = definition(guest).replace('</name>', `</name>${storageIn(pool)}`);
      world.host(one.name).domains.set(guest.uuid, { uuid: guest.uuid, name: guest.name, kind: 'container', definition: own, running: null, reason: 'unknown', autostart: false, statistics: null, data, pool });
    },
    read: async ({ name }, { uuid }) => world.host(name).domains.get(uuid)?.data ?? null,
    hindrances: ({ name: host }, { name }) => {
      const twin = '00000000-0000-4000-8000-0000000000aa';
      return [{
        put: async () => world.host(host).domains.set(twin, { uuid: twin, name, kind: 'container', definition: `<domain type='lxc'><name>${name}</name><uuid>${twin}</uuid></domain>`, running: null, reason: 'unknown', autostart: false, statistics: null }),
        why: `it has an instance ${name} already`,
        remove: async () => world.host(host).domains.delete(twin),
      }];
    },
    powerOff: async ({ name }) => world.powerOff(name),
    powerOn: async ({ name }) => world.powerOn(name),
  };
}

const localDefinition = (guest: Guest): string => definition(guest).replace('</name>', `</name>${storageIn('default')}`);

export function definition(guest: Guest): string {
  return domainXml({
    uuid: guest.uuid, name: guest.name, vcpus: 1, memoryMiB: guest.memoryMiB ?? 16, accelerator: 'tcg', architecture: 'x86_64', machine: 'pc', cpuModel: null,
    disks: guest.disk === undefined ? [] : [{ path: guest.disk, format: guest.disk.endsWith('.qcow2') ? 'qcow2' : 'raw' }],
    bridge: guest.bridge ?? null, mac: null, seedIso: null,
    kernel: guest.isHeavy ? { path: '/srv/shared/boot/vmlinux', initrd: '/srv/shared/boot/initrd.cpio', commandLine: 'console=ttyS0 quiet panic=1' } : null,
    serialLog: null,
  });
}
