// The lab's LXD daemons as one cluster of LXD's own, and what it says of itself.
import { DAEMON_FILES } from './daemons.js';
import { daemonPreseed } from './host-files.js';
import { lxc } from './containers.js';
import type { Lab, LabHost } from './lab.js';

/** The least that LXD takes. In the preseed of the first member it kills LXD 5.0.2: it is set afterwards. */
const OFFLINE_THRESHOLD_S = 11;
const JOIN_MS = 60_000;

/** The first host makes it, the others join one after the other. */
export async function formCluster(lab: Lab): Promise<void> {
  const [first, ...others] = lab.hosts;
  if (!first) return;
  await initialise(lab, first, `${daemonPreseed(first.address, DAEMON_FILES.lxd.port)}cluster: {server_name: ${first.name}, enabled: true}\n`);
  for (const host of others) {
    const { stdout } = await lxc(lab, first, ['cluster', 'add', '-q', host.name]);
    const token = stdout.trim().split('\n').at(-1) ?? '';
    await initialise(lab, host, `cluster: {enabled: true, server_name: ${host.name}, server_address: "${host.address}:8443", cluster_token: ${token}}\n`);
  }
  await lxc(lab, first, ['config', 'set', `cluster.offline_threshold=${OFFLINE_THRESHOLD_S}`]);
}

async function initialise(lab: Lab, host: LabHost, preseed: string): Promise<void> {
  await lab.exec(host, ['env', 'HOME=/root', 'lxd', 'init', '--preseed'], { input: preseed, timeoutMs: JOIN_MS });
}

export interface ClusterMember {
  readonly server_name: string;
  /** "Online", "Offline", "Evacuated" … */
  readonly status: string;
  readonly message: string;
  readonly roles: readonly string[];
}

/** As one of them tells it; it may be wrong, and may take long. */
export async function clusterMembers(lab: Lab, asked: LabHost): Promise<readonly ClusterMember[]> {
  const { stdout } = await lxc(lab, asked, ['query', '/1.0/cluster/members?recursion=1']);
  return JSON.parse(stdout) as readonly ClusterMember[];
}
