// One host as an enrolment, a re-admission or a removal reaches it, and what hosts do in pairs or all at once.
import { messageOf, OperationalError } from '../shared/errors.js';
import type { ContainerTrust } from './container-trust.js';
import type { AgentConfig, HostAgent } from './host-agent.js';
import type { HostSurveyor } from './host-survey.js';
import type { SshTrial } from './judge-survey.js';
import type { MigrationPeer, MigrationTrust } from './migration-trust.js';

export interface EnrolmentSide {
  readonly host: Omit<MigrationPeer, 'publicKey'>;
  readonly surveyor: HostSurveyor;
  readonly trust: MigrationTrust;
  readonly containers: ContainerTrust;
  readonly agent: HostAgent;
  /** What its agent is to be told now, with all members as they are to be; the host itself included. */
  readonly config: AgentConfig;
}

/** Hosts worked on at once: each costs an SSH connection here, and sshd drops bursts. */
const AT_ONCE = 8;

/** For each, a few at a time, in order of start. */
export async function forEachHost<Item, Value>(items: readonly Item[], work: (item: Item) => Promise<Value>): Promise<readonly Value[]> {
  const results: Value[] = new Array<Value>(items.length);
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const index = next;
      next += 1;
      results[index] = await work(items[index] as Item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, lane));
  return results;
}

/** Null: done. A sentence: the host could not be reached; it catches up when it is admitted again. Other errors throw. */
export async function unlessAway(name: string, work: () => Promise<void>): Promise<string | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (!(error instanceof OperationalError) || !error.retryable) throw error;
    return `${name}: ${messageOf(error)}`;
  }
}

/** Null: no other cluster's agent is there. Else the id of the cluster whose it is: what lies there makes the host a member of that one. */
export async function foreignCluster({ agent, config }: EnrolmentSide): Promise<string | null> {
  const installed = await agent.installedFor();
  return installed === config.clusterId ? null : installed;
}

/** Exchanges migration keys and host keys between one host and each of the others, both ways. Returns who could not be reached. */
export async function exchangeTrust(self: EnrolmentSide, peers: readonly EnrolmentSide[]): Promise<readonly string[]> {
  const own: MigrationPeer = { ...self.host, publicKey: await self.trust.publicKey() };
  const known: MigrationPeer[] = [];
  const away = await forEachHost(peers, (peer) =>
    unlessAway(peer.host.name, async () => {
      const publicKey = await peer.trust.publicKey();
      await peer.trust.admitPeers([own]);
      known.push({ ...peer.host, publicKey });
    }),
  );
  if (known.length > 0) await self.trust.admitPeers([...known].sort((one, other) => (one.hostId < other.hostId ? -1 : 1)));
  return away.filter((line) => line !== null);
}

/** Real logins both ways. A peer that is away is not in the answer. */
export async function tryLogins(self: EnrolmentSide, peers: readonly EnrolmentSide[]): Promise<readonly SshTrial[]> {
  const trials = await forEachHost(peers, async (peer): Promise<readonly SshTrial[]> => {
    try {
      const back = await peer.trust.reach(self.host);
      const there = await self.trust.reach(peer.host);
      return [
        { from: self.host.name, to: peer.host.name, toAddress: peer.host.address, why: there },
        { from: peer.host.name, to: self.host.name, toAddress: self.host.address, why: back },
      ];
    } catch (error) {
      if (!(error instanceof OperationalError) || !error.retryable) throw error;
      return [];
    }
  });
  return trials.flat();
}

/** Gives every peer's agent its configuration. Returns who could not be reached. */
export async function tellPeers(peers: readonly EnrolmentSide[], configOf: (peer: EnrolmentSide) => Promise<AgentConfig>): Promise<readonly string[]> {
  const away = await forEachHost(peers, (peer) => unlessAway(peer.host.name, async () => peer.agent.configure(await configOf(peer))));
  return away.filter((line) => line !== null);
}

/** A peer's configuration without one member. */
export function withoutMember(config: AgentConfig, hostId: string): AgentConfig {
  return { ...config, members: config.members.filter((member) => member.id !== hostId) };
}

export const awayNote = (away: readonly string[]): string => (away.length === 0 ? '' : `; not reached, to catch up later: ${away.join('; ')}`);
