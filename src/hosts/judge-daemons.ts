// Judges the daemons for containers on a host. Without one, nothing is said: VMs run there.
import { reachedAt } from './container-trust.js';
import { point, type CheckPoint } from './enrolment-check.js';
import type { HostSurvey, SurveyedDaemon } from './host-survey.js';
import { HYPERVISOR_NAMES } from './hypervisor.js';

/** How the commands of each are called. */
const CLIENTS = { lxd: 'lxc', incus: 'incus' } as const;
const STATUS = { lxd: 'systemctl status snap.lxd.daemon lxd', incus: 'systemctl status incus' } as const;

export function judgeDaemons({ daemons }: Pick<HostSurvey, 'daemons'>, address: string): readonly CheckPoint[] {
  return daemons.flatMap((daemon) => judgeDaemon(daemon, { address, port: freePort(daemons, daemon) }));
}

/** Where both listen by default. Beside each other, one takes the next. */
const PORT = 8443;

function freePort(daemons: readonly SurveyedDaemon[], own: SurveyedDaemon): number {
  return daemons.some((one) => one !== own && one.httpsAddress?.endsWith(`:${PORT}`)) ? PORT + 1 : PORT;
}

function judgeDaemon(daemon: SurveyedDaemon, { address, port }: { readonly address: string; readonly port: number }): readonly CheckPoint[] {
  const name = HYPERVISOR_NAMES[daemon.driver];
  const client = CLIENTS[daemon.driver];
  if (daemon.error !== null) return [point('containers', 'warn', `${name} does not answer: ${daemon.error}; nothing is run in it here`, STATUS[daemon.driver])];
  const points: CheckPoint[] = [];
  if (daemon.isClustered && daemon.healingThresholdS > 0) {
    // Two would decide, without each other, that a host is lost; its cluster takes silence for proof.
    points.push(point('containers', 'fail', `${name} is in a cluster that starts the instances of a member elsewhere once it is silent for ${daemon.healingThresholdS} s: beside Reeve they could run twice`, `${client} config set cluster.healing_threshold 0`));
  }
  const reached = reachedAt(daemon.httpsAddress, address);
  if (reached === null) points.push(point('containers', 'warn', `${name} does not listen on the network: containers can neither be moved to this host nor copied for its loss`, `${client} config set core.https_address ${address.includes(':') ? `[${address}]` : address}:${port}`));
  if (daemon.pools.length === 0) points.push(point('containers', 'warn', `${name} has no storage pool: no container can be here`, `${client} storage create default dir && ${client} profile device add default root disk path=/ pool=default`));
  return points.length > 0 ? points : [point('containers', 'ok', describe(daemon, name, reached))];
}

function describe({ version, isClustered, pools, criu }: SurveyedDaemon, name: string, reached: string | null): string {
  const shown = pools.map((pool) => `${pool.name} (${pool.driver})`).join(', ');
  return `${name} ${version}${isClustered ? ', in a cluster of its own kind' : ''}, at ${reached}; pools: ${shown}; CRIU: ${criu ? 'there' : 'none'}`;
}
