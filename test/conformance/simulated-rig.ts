// The simulated world as a rig for the suites: its clock runs ahead as fast as it is asked to.
import type { Clock } from '../../src/shared/clock.js';
import { domainXml } from '../../src/hosts/drivers/libvirt/domain-xml.js';
import { SimulatedHostAgent } from '../../src/sim/simulated-host-agent.js';
import { SimulatedHypervisor } from '../../src/sim/simulated-hypervisor.js';
import { SimulatedWorld } from '../../src/sim/simulated-world.js';
import type { ConformanceRig, Guest, RigHost } from './rig.js';

export class JumpingClock implements Clock {
  #now = 0;
  nowMs = (): number => this.#now;
  monotonicMs = (): number => this.#now;
  sleep = async (ms: number): Promise<void> => {
    this.#now += ms;
  };
}

export async function simulatedRig(): Promise<ConformanceRig> {
  const clock = new JumpingClock();
  const world = new SimulatedWorld(clock);
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
    sleepMs: clock.sleep,
    close: async () => {},
  };
}

export function definition(guest: Guest): string {
  return domainXml({
    uuid: guest.uuid, name: guest.name, vcpus: 1, memoryMiB: guest.memoryMiB ?? 16, accelerator: 'tcg', architecture: 'x86_64', machine: 'pc', cpuModel: null,
    disks: guest.disk === undefined ? [] : [{ path: guest.disk, format: guest.disk.endsWith('.qcow2') ? 'qcow2' : 'raw' }],
    bridge: guest.bridge ?? null, mac: null, seedIso: null,
    kernel: guest.isHeavy ? { path: '/srv/shared/boot/vmlinux', initrd: '/srv/shared/boot/initrd.cpio', commandLine: 'console=ttyS0 quiet panic=1' } : null,
    serialLog: null,
  });
}
