// Makes the daemons for containers of a host and of the others known to each other, both ways.
import { messageOf, OperationalError } from '../shared/errors.js';
import { reachedAt, type ContainerDriver, type DaemonDoor, type DaemonPeer } from './container-trust.js';
import { APART, tieBetween, whyApart } from './daemon-cluster.js';
import { HYPERVISOR_NAMES } from './hypervisor.js';
import { forEachHost, type EnrolmentSide } from './enrolment-side.js';

/** How many pairs of daemons reach each other, and what does not work: that keeps no host out. */
export interface Remotes {
  readonly pairs: number;
  readonly troubles: readonly string[];
}

export async function exchangeRemotes(self: EnrolmentSide, peers: readonly EnrolmentSide[]): Promise<Remotes> {
  const own = await orTrouble(self.host.name, () => self.containers.doors());
  if (typeof own === 'string') return { pairs: 0, troubles: [own] };
  if (own.length === 0) return { pairs: 0, troubles: [] };
  const outcomes = await forEachHost(peers, (peer) => withPeer({ side: self, doors: own }, peer));
  return { pairs: outcomes.reduce((sum, one) => sum + one.pairs, 0), troubles: outcomes.flatMap(({ troubles }) => troubles) };
}

interface Side {
  readonly side: EnrolmentSide;
  readonly doors: readonly DaemonDoor[];
}

async function withPeer(own: Side, peer: EnrolmentSide): Promise<Remotes> {
  const doors = await orTrouble(peer.host.name, () => peer.containers.doors());
  if (typeof doors === 'string') return { pairs: 0, troubles: [doors] };
  const shared = own.doors.map(({ driver }) => driver).filter((driver) => doors.some((door) => door.driver === driver));
  const troubles: string[] = [];
  for (const driver of shared) troubles.push(...(await connectBoth(driver, own, { side: peer, doors })));
  return { pairs: shared.length, troubles };
}

/** Members of one cluster of daemons know each other. To a member of another one nothing is copied: it would land on whichever member that chooses. */
async function connectBoth(driver: ContainerDriver, own: Side, peer: Side): Promise<readonly string[]> {
  const [one, other] = [own, peer].map(({ doors }) => doors.find((door) => door.driver === driver && door.error === null));
  const tie = tieBetween(asMember(one), asMember(other));
  if (one && other && tie === 'members') return [];
  if (one && other && tie === 'apart') return [whyApart(driver, own.side.host.name, peer.side.host.name)];
  return [...(await connect(driver, own, peer)), ...(await connect(driver, peer, own))];
}

export const asMember = (door: DaemonDoor | undefined): Parameters<typeof tieBetween>[0] => door && { isClustered: door.isClustered, ...(door.isClustered ? { cluster: { id: door.fingerprint, member: '' } } : {}) };

/** What keeps the daemon of one host from reaching that of the other; none: it reaches it. */
async function connect(driver: ContainerDriver, from: Side, to: Side): Promise<readonly string[]> {
  const door = to.doors.find((one) => one.driver === driver);
  const names = `${HYPERVISOR_NAMES[driver]} of ${from.side.host.name} does not reach that of ${to.side.host.name}`;
  if (door && door.error !== null) return [`${names}, which does not answer: ${door.error}`];
  const address = reachedAt(door?.httpsAddress ?? null, to.side.host.address);
  if (!door || address === null) return [`${names}, ${DEAF}`];
  const outcome = await orTrouble(names, () => letIn(from.side, to.side, { driver, hostName: to.side.host.name, address, fingerprint: door.fingerprint }));
  if (outcome === null) return [];
  return [outcome.startsWith(names) ? outcome : `${names}: ${outcome}`];
}

const DEAF = 'which does not listen';
/** Of a trouble: that daemon is reached by nobody, whatever is known of whom. */
/** Of a trouble: nothing is to go from one to the other. */
export const isApart = (trouble: string): boolean => trouble.endsWith(APART);
export const isDeaf = (trouble: string): boolean => trouble.endsWith(DEAF);

/** Address and certificate are the right ones, and nobody answers there: a new remote would mend nothing, and making it begins with taking away the one that fits. */
const AWAY = /no answer within|connection refused|connection reset|no route to host|network is unreachable|timed? ?out|deadline exceeded|: EOF|shutting down|\b50[0-9]\b/i;

/** Looked at before, so that what works is left alone, and after: only that counts. */
async function letIn(from: EnrolmentSide, to: EnrolmentSide, peer: DaemonPeer): Promise<string | null> {
  const why = await from.containers.whyNotIn(peer);
  if (why === null || AWAY.test(why)) return why;
  await from.containers.join(peer, await to.containers.invite(peer.driver, from.host.name));
  return from.containers.whyNotIn(peer);
}

async function orTrouble<Value>(name: string, work: () => Promise<Value>): Promise<Value | string> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return `${name}: ${messageOf(error)}`;
  }
}

/** For the note of a step; nothing to say where there are no such daemons. */
export function remotesNote({ pairs, troubles }: Remotes): string {
  const made = pairs > 0 ? `; ${pairs} daemons for containers know it` : '';
  return troubles.length === 0 ? made : `${made}; containers: ${troubles.join('; ')}`;
}
