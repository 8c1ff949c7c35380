// May a workload move while it runs? A virtual machine of libvirt always; an instance of LXD or Incus under conditions, each of which is named with what fulfils it.
import { daemonOf, isMember } from '../hosts/daemon-cluster.js';
import type { Host } from '../hosts/host.js';
import { HYPERVISOR_NAMES } from '../hosts/hypervisor.js';
import { movesLive, type Workload } from './workload.js';

export interface NotLive {
  readonly why: string;
  readonly remedy: string | null;
}

type Side = Pick<Host, 'id' | 'name' | 'facts'>;
export type Moved = Pick<Workload, 'name' | 'kind' | 'needs' | 'movesLiveByCriu' | 'replica'>;

/** Where to: null, it is not chosen yet, and only what holds anywhere is judged. Null is the answer: nothing is known against it. */
export function whyNotLive(workload: Moved, from: Side | null, to: Side | null): NotLive | null {
  if (movesLive(workload)) return null;
  const driver = workload.needs.driver;
  const member = [from, to].find((one) => one !== null && isMember(one.facts, driver));
  if (member) return { why: `${HYPERVISOR_NAMES[driver]} on ${member.name} is in a cluster of its own kind, where instances are moved stopped`, remedy: `reeve workload relocate ${workload.name}` };
  const own = workload.kind === 'container' ? containerReason(workload, from, to) : (vmReason(workload) ?? cpuReason(workload, from, to));
  return own ?? copyReason(workload, to);
}

/** CRIU brings back simple containers only, and may lose one that it fails to bring back: nobody gets it who did not ask for it. */
function containerReason(workload: Moved, from: Side | null, to: Side | null): NotLive | null {
  const lack = [from, to].filter((one) => one !== null).filter((one) => daemonOf(one.facts, workload.needs.driver)?.criu !== true);
  const without = lack.map(({ name }) => name).join(' and ');
  const found = `CRIU is not found on ${without} (\`${installs(workload)}\` there)`;
  const asks = `reeve workload set-policy ${workload.name} --live-container on`;
  if (!workload.movesLiveByCriu) return { why: `it is a container, and its owner has not asked for moves while it runs${without === '' ? '' : `; nor could it, as ${found}`}`, remedy: asks };
  return without === '' ? null : { why: `it is a container, and ${found}`, remedy: null };
}

const installs = ({ needs: { driver } }: Moved): string => (driver === 'incus' ? 'apt-get install criu' : 'snap set lxd criu.enable=true; systemctl reload snap.lxd.daemon, or for a package: apt-get install criu');

/** What its daemon asks of its settings. Empty: it is content; absent: its definition was not read since that is looked at. */
function vmReason({ name, needs: { instance } }: Moved): NotLive | null {
  if (instance?.notLive === undefined) return { why: `it is not known whether ${name} can be moved while it runs`, remedy: null };
  const [first] = instance.notLive;
  return first === undefined ? null : { why: instance.notLive.map(({ why }) => why).join('; '), remedy: first.remedy };
}

/** It gets the CPU of its host, all of it. */
function cpuReason({ name }: Moved, from: Side | null, to: Side | null): NotLive | null {
  const [here, there] = [from?.facts, to?.facts];
  if (!here || !there || here.cpuModel === there.cpuModel) return null;
  return { why: `${name} has the CPU of its host (${here.cpuModel}), and ${to?.name ?? ''} has another one (${there.cpuModel})`, remedy: null };
}

/** The daemon makes the instance there by its name, and a copy of it has that. */
function copyReason({ name, replica }: Moved, to: Side | null): NotLive | null {
  if (to === null || replica?.hostId !== to.id) return null;
  return { why: `${to.name} has a replica of it, which is not moved over`, remedy: `reeve workload relocate ${name} --to ${to.name}` };
}

/** For a sentence. */
export const describeNotLive = ({ why, remedy }: NotLive): string => (remedy === null ? why : `${why} (\`${remedy}\`)`);
