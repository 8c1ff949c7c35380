// Two real lab hosts as a rig: the real adapters over sshd, libvirtd and QEMU, without a control plane.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Lab, type LabHost, type LabOptions } from '../../lab/lab.js';
import { LibvirtHypervisor } from '../../src/hosts/drivers/libvirt/libvirt-hypervisor.js';
import { SshConnection } from '../../src/hosts/drivers/ssh/ssh-connection.js';
import { HEALTH_DIR } from '../../src/hosts/drivers/ssh/health-script.js';
import { SshHostAgent } from '../../src/hosts/drivers/ssh/ssh-host-agent.js';
import type { ConformanceRig, RigHost } from '../conformance/rig.js';
import { definition } from '../conformance/simulated-rig.js';

const clock = { nowMs: () => Date.now() };

/** Stands for the agent: only its life matters here. */
const AGENT = `require('fs').writeFileSync('/run/reeve/agent.pid', process.pid + '\\n'); setInterval(() => {}, 1000);`;

export interface RealHost extends RigHost {
  readonly lab: LabHost;
  readonly ssh: SshConnection;
}

export interface RealRig extends ConformanceRig {
  readonly lab: Lab;
  readonly hosts: readonly [RealHost, RealHost];
}

export function hostKey(lab: Lab, host: LabHost): string {
  const line = readFileSync(join(lab.stateDir, 'known_hosts'), 'utf8').split('\n').find((one) => one.startsWith(`${host.address} `));
  return (line ?? '').split(' ').slice(1).join(' ');
}

export function connect(lab: Lab, host: LabHost, more: Partial<SshConnection['settings']> = {}): SshConnection {
  const settings = { name: host.name, address: host.address, port: 22, user: 'root', identityFile: lab.identityFile, hostKey: hostKey(lab, host), ...more };
  return new SshConnection(settings, { program: ['ip', 'netns', 'exec', lab.ctlNetns, 'ssh'] });
}

/** Enrolment does this in the product; here only the ports under test are wanted. */
async function trustEachOther(lab: Lab): Promise<void> {
  const known = readFileSync(join(lab.stateDir, 'known_hosts'), 'utf8');
  for (const host of lab.hosts) {
    const script = 'umask 077; cat > /root/.ssh/id_ed25519; cat > /dev/null';
    await lab.exec(host, ['sh', '-c', script], { input: readFileSync(lab.identityFile, 'utf8') });
    await lab.exec(host, ['sh', '-c', 'cat > /root/.ssh/known_hosts'], { input: known });
  }
}

export async function realRig(name: string, { lxd = false, incus = false, daemons = 'alone' }: Pick<LabOptions, 'lxd' | 'incus' | 'daemons'> = {}): Promise<RealRig> {
  const lab = await Lab.start({ name, hosts: 2, lxd, incus, daemons });
  await trustEachOther(lab);
  const host = (labHost: LabHost): RealHost => {
    const ssh = connect(lab, labHost);
    return { name: labHost.name, address: labHost.address, lab: labHost, ssh, hypervisor: new LibvirtHypervisor({ ssh, clock }), agent: new SshHostAgent({ ssh, agentBundle: async () => AGENT }) };
  };
  const [one, two] = lab.hosts;
  if (!one || !two) throw new Error('the lab has no two hosts');
  const hosts = [host(one), host(two)] as const;
  return {
    lab,
    hosts,
    sharedPool: 'shared',
    localPool: 'local',
    definition,
    powerCycle: async ({ name: hostName }) => {
      await lab.reset(lab.host(hostName));
      await lab.waitUp([lab.host(hostName)]);
    },
    // A bridge of its own: the lab's br0 carries the host's own address.
    cutUplink: async ({ name: hostName }, isCut) => {
      const uplink = 'ip link show br7 > /dev/null 2>&1 || { ip link add br7 type bridge; ip link add up7 type veth peer name far7; ip link set up7 master br7 up; ip link set br7 up; }';
      await lab.exec(lab.host(hostName), ['sh', '-ec', `${uplink}; ip link set far7 ${isCut ? 'down' : 'up'}`]);
    },
    reportFailing: async ({ name: hostName }, reason) => {
      const file = `${HEALTH_DIR}/smart-sda`;
      const write = reason === null ? `rm -f ${file}` : `mkdir -p ${HEALTH_DIR}; cat > ${file}`;
      await lab.exec(lab.host(hostName), ['sh', '-ec', write], { input: `${reason ?? ''}\n` });
    },
    sleepMs: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    close: async () => {
      await Promise.all(hosts.map(({ ssh }) => ssh.close()));
      await lab.down();
    },
  };
}
