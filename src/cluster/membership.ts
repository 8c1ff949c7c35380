// Membership: who hears whom. Shared by agents and controllers, fed with heartbeats, ticked with a monotonic clock.
//
// A link between us and a member counts when it works both ways: we hear the member, and its heartbeats say that it hears us.
// The best link decides how long ago we heard a member: up to suspectMs it is heard, up to silentMs suspect, then we miss it.
//
// Voters are the admitted hosts and the witnesses; we are one of them. A host is `silent` when we miss it AND a majority of
// all voters does. The host's own vote is never for its silence. A voter is asked only while we hear it both ways without
// doubt; one that has just started or stalled may say that it hears, not that it misses. Who cannot be asked has no vote, but
// stays in the denominator, until the host is fenced (proof takes its vote away). Hence:
//   3 hosts + 1 controller (4 voters, majority 3): one lost host has 3 against it. Two lost at once: 2 of 4, hold.
//   2 hosts + 1 controller (3 voters, majority 2): controller and remaining host make 2 of 3: silent. If that host still
//     hears the lost one, the controller stands alone with 1 of 3: suspect, no more.
//   1 host + 1 controller (2 voters, majority 2): the controller alone is 1 of 2, and cannot tell a dead host from its own
//     dead network: never silent, no quorum, hold. (A person can confirm that the host is off; or a second witness helps.)
//   5 hosts + 1 controller (6 voters, majority 4): a host that one single peer still hears has 4 against it: silent. It
//     has lost the majority that it needs to run protected workloads.
// A controller that is cut off misses everybody, but cannot ask anybody either: no quorum, all suspect, hold.
import { hash64 } from './wire.js';
import { MAX_LINKS, MAX_MEMBERS, type Heartbeat, type PeerHearing } from './heartbeat-message.js';
import { Listening } from './listening.js';
import { LinkTable, type LinkAges, type Opinion } from './membership-links.js';
import { evidenceOf, plural } from './membership-evidence.js';
import { HeartbeatReport, isSilent, majority, peerVote, tally, type Tally, type VoterReport } from './membership-votes.js';
import type { Timing } from './timing.js';
import type { ClusterVerdict, Hearing, HostVerdict } from './verdict.js';
import { assert } from '../shared/assert.js';
import { hostId } from '../shared/ids.js';

export interface Member {
  readonly id: string;
  readonly name: string;
  readonly role: 'host' | 'witness';
  /** Number of links we share with it. */
  readonly links: number;
  /** Admitted hosts and witnesses; not a host that is enrolling, fenced or offline. */
  readonly isVoter: boolean;
}

export interface MembershipSelf {
  readonly id: string;
  readonly role: 'host' | 'witness';
  readonly isVoter: boolean;
  /** Rises with each start of this process. */
  readonly startStamp: number;
}

export type ProbeResult = NonNullable<HostVerdict['probe']>;

/** How one member looks from here, for `reeve-agent status`. */
export interface MemberSight {
  readonly id: string;
  readonly name: string;
  readonly role: 'host' | 'witness';
  readonly opinion: Opinion;
  readonly everHeard: boolean;
  readonly links: readonly LinkAges[];
}

interface Peer {
  member: Member;
  readonly hash: number;
  /** Of those that answer us. */
  newest: Heartbeat | null;
  report: VoterReport | null;
  /** The newest whole report of what runs there. */
  running: { readonly uuids: readonly string[]; readonly bootId: string } | null;
  hearing: Hearing;
  sinceWallMs: number;
  heardAgainWallMs: number | null;
  probe: ProbeResult | null;
}

interface Round {
  readonly nowMs: number;
  readonly wallMs: number;
  readonly trusted: boolean;
  readonly voters: number;
  readonly votingPeers: readonly Peer[];
  /** Some voter says that it misses somebody. */
  readonly isAnybodyMissed: boolean;
  readonly opinionOf: (peer: Peer) => Opinion;
}

const LISTENING_FIRST: ClusterVerdict = { hosts: [], quorum: false, quorumEvidence: 'not judged yet', trusted: false, ownStall: false, trustEvidence: 'not judged yet', witnesses: [] };

export class Membership {
  readonly #links: LinkTable;
  #listening: Listening;
  readonly #peers = new Map<string, Peer>();
  /** The same peers in order of their ids: ties and lists never depend on who came first. */
  #sorted: readonly Peer[] = [];
  #verdict: ClusterVerdict = LISTENING_FIRST;

  constructor(
    private readonly self: MembershipSelf,
    private readonly timing: Timing,
    startMs: number,
  ) {
    this.#links = new LinkTable(self.startStamp, timing);
    this.#listening = new Listening(timing, startMs);
  }

  /** Listening begins now, and not when this was made: whatever was missed before says nothing. */
  begin(nowMs: number): void {
    this.#listening = new Listening(this.timing, nowMs);
    this.#links.begin(nowMs);
  }

  /** Replaces the members; who stays keeps what was heard. The list is without ourselves. */
  setMembers(members: readonly Member[], nowMs: number): void {
    assert(members.length < MAX_MEMBERS, `a cluster has at most ${MAX_MEMBERS} hosts and witnesses`);
    const wanted = new Set(members.map((member) => member.id));
    for (const id of [...this.#peers.keys()].filter((known) => !wanted.has(known))) this.#remove(id);
    for (const member of members) this.#put(member, nowMs);
    this.#sorted = [...this.#peers.values()].sort((left, right) => (left.member.id < right.member.id ? -1 : 1));
  }

  /** When we sent what this heartbeat acknowledges, on our own clock; null: it acknowledges nothing that we know of. */
  feed(fromId: string, heartbeat: Heartbeat, nowMs: number): number | null {
    const peer = this.#peers.get(fromId);
    if (!peer) return null;
    this.#listening.isBlind(nowMs);
    const ackedSentMs = this.#links.feed(fromId, heartbeat, nowMs);
    // What does not answer this very process may be a copy from before our start: of an earlier boot, or of a good-bye of then.
    if (heartbeat.ack?.startStamp !== this.self.startStamp || !isNewer(heartbeat, peer.newest)) return ackedSentMs;
    peer.newest = heartbeat;
    peer.report = new HeartbeatReport(heartbeat, this.timing);
    return ackedSentMs;
  }

  /** What runs at a member, by its own word. */
  feedRunning(id: string, running: { readonly uuids: readonly string[]; readonly bootId: string }): void {
    const peer = this.#peers.get(id);
    if (peer) peer.running = running;
  }

  /** The newest heartbeat of a member that answers us; null: none since our start. */
  newest(id: string): Heartbeat | null {
    return this.#peers.get(id)?.newest ?? null;
  }

  /** A look by SSH at a host in doubt. One that arrives when the doubt is over is dropped. */
  feedProbe(id: string, probe: ProbeResult): void {
    const peer = this.#peers.get(id);
    if (peer && (peer.hearing === 'suspect' || peer.hearing === 'silent')) peer.probe = probe;
  }

  /** Judges everybody; to be called each tickMs. The wall clock only dates changes for people. */
  tick(nowMs: number, wallMs: number): ClusterVerdict {
    this.#listening.tick(nowMs);
    this.#verdict = this.#judge(nowMs, wallMs);
    return this.#verdict;
  }

  /** In place of `tick` for who only listens: what it misses is told by what it hears, and judged by others. */
  listen(nowMs: number): void {
    this.#listening.tick(nowMs);
  }

  get verdict(): ClusterVerdict {
    return this.#verdict;
  }

  isBlind(nowMs: number): boolean {
    return this.#listening.isBlind(nowMs);
  }

  opinion(id: string, nowMs: number): Opinion {
    return this.#links.opinion(id, nowMs);
  }

  sights(nowMs: number): readonly MemberSight[] {
    return this.#sorted.map(({ member: { id, name, role } }) => ({
      id, name, role, opinion: this.#links.opinion(id, nowMs), everHeard: this.#links.everHeard(id), links: this.#links.ages(id, nowMs),
    }));
  }

  get selfId(): string {
    return this.self.id;
  }

  /** To be called before each beat, with the sequence of its first message: acknowledgements are dated by it. */
  sending(firstSequence: number, nowMs: number): void {
    this.#links.sending(firstSequence, nowMs);
  }

  /** What our next heartbeat to a member acknowledges on a link. */
  ack(toId: string, link: number, nowMs: number): Heartbeat['ack'] {
    return this.#links.ack(toId, link, nowMs);
  }

  /** What our next heartbeats say about whom we hear. */
  hearing(nowMs: number): readonly PeerHearing[] {
    return this.#sorted.map((peer) => ({
      member: peer.hash,
      ageMs: this.#links.twoWayMs(peer.member.id, nowMs).slice(0, MAX_LINKS).map((age) => Math.max(0, age)),
    }));
  }

  #put(member: Member, nowMs: number): void {
    const known = this.#peers.get(member.id);
    this.#links.add(member.id, member.links, nowMs);
    if (known) known.member = member;
    else this.#peers.set(member.id, { member, hash: memberHash(member.id), newest: null, report: null, running: null, hearing: 'unknown', sinceWallMs: 0, heardAgainWallMs: null, probe: null });
  }

  #remove(id: string): void {
    this.#peers.delete(id);
    this.#links.remove(id);
  }

  #judge(nowMs: number, wallMs: number): ClusterVerdict {
    const opinions = new Map(this.#sorted.map((peer) => [peer, this.#links.opinion(peer.member.id, nowMs)]));
    const opinionOf = (peer: Peer): Opinion => opinions.get(peer) ?? 'silent';
    const ourselves = this.self.isVoter ? 1 : 0;
    const votingPeers = this.#sorted.filter((peer) => peer.member.isVoter);
    const voters = votingPeers.length + ourselves;
    const heard = votingPeers.filter((peer) => this.#links.everHeard(peer.member.id) && opinionOf(peer) !== 'silent').length + ourselves;
    const round: Round = { nowMs, wallMs, trusted: !this.#listening.isBlind(nowMs), voters, votingPeers, isAnybodyMissed: votingPeers.some((peer) => peer.report?.missesSomebody), opinionOf };
    return {
      hosts: this.#sorted.filter((peer) => peer.member.role === 'host').map((peer) => this.#judgeHost(peer, round)),
      quorum: heard >= majority(voters),
      quorumEvidence: `${heard} of ${plural(voters, 'voter')} heard (ourselves included), ${majority(voters)} needed`,
      trusted: round.trusted,
      ownStall: this.#listening.isStalled(nowMs),
      trustEvidence: this.#listening.evidence(nowMs),
      witnesses: this.#heardWitnesses(opinionOf),
    };
  }

  #heardWitnesses(opinionOf: (peer: Peer) => Opinion): readonly string[] {
    const others = this.#sorted.filter((peer) => peer.member.role === 'witness' && this.#links.everHeard(peer.member.id) && opinionOf(peer) === 'heard').map((peer) => peer.member.id);
    return this.self.role === 'witness' ? [...others, this.self.id].sort() : others;
  }

  #judgeHost(peer: Peer, round: Round): HostVerdict {
    const { id } = peer.member;
    const votes = this.#votesOn(peer, round);
    this.#enter(peer, this.#hearingOf(peer, votes, round), round.wallMs);
    const evidence = evidenceOf({
      observer: this.self.role === 'witness' ? 'controller' : 'this host', hearing: peer.hearing, links: this.#links.ages(id, round.nowMs),
      everHeard: this.#links.everHeard(id), votes, timing: this.timing,
    });
    const { newest } = peer;
    return {
      hostId: hostId(id), hearing: peer.hearing, sinceMs: peer.sinceWallMs, heardAgainMs: peer.heardAgainWallMs, bootId: newest?.bootId ?? null, evidence, silentVotes: votes.misses, voters: votes.voters,
      probe: peer.probe, leaving: (newest?.leaving ?? null) !== null, leavingPurpose: newest?.leaving ?? null, goingDown: newest?.goingDown ?? null, runningUuids: runningOf(peer),
      lease: newest ? { held: newest.leaseHeld, enforcing: newest.enforcing, voterEpoch: newest.voterEpoch, hostEpoch: newest.hostEpoch } : null,
      load: newest ? { load1: newest.load1, freeMemoryMiB: newest.freeMemoryMiB } : null,
    };
  }

  #votesOn(host: Peer, { voters, votingPeers, opinionOf, isAnybodyMissed }: Round): Tally {
    // In a cluster that is well, which is nearly always, there is nothing to count.
    if (!isAnybodyMissed && opinionOf(host) === 'heard') return { misses: 0, peersMissing: 0, peersHearing: 0, peersUnasked: 0, voters };
    const votes = votingPeers.filter((peer) => peer !== host).map((peer) => peerVote(opinionOf(peer), peer.report, host.hash, this.timing));
    return tally(this.self.isVoter ? opinionOf(host) : 'heard', votes, voters);
  }

  #hearingOf(peer: Peer, votes: Tally, { opinionOf, trusted }: Round): Hearing {
    const own = opinionOf(peer);
    const everHeard = this.#links.everHeard(peer.member.id);
    if (own === 'heard') return everHeard ? 'heard' : 'unknown';
    // Before its first admission nobody expects a host to be heard.
    if (!everHeard && !peer.member.isVoter) return 'unknown';
    const wasSilent = peer.hearing === 'silent';
    if ((trusted || wasSilent) && isSilent(own, votes, wasSilent)) return 'silent';
    return everHeard || trusted ? 'suspect' : 'unknown';
  }

  #enter(peer: Peer, hearing: Hearing, wallMs: number): void {
    if (hearing === peer.hearing && peer.sinceWallMs !== 0) return;
    // A look taken in an earlier doubt says nothing about this one.
    if (hearing === 'heard' || peer.hearing === 'heard') peer.probe = null;
    if (hearing === 'heard' && (peer.hearing === 'suspect' || peer.hearing === 'silent')) peer.heardAgainWallMs = wallMs;
    peer.hearing = hearing;
    peer.sinceWallMs = wallMs;
  }
}

/** How a member is named in the `hearing` of heartbeats. */
export function memberHash(id: string): number {
  return Number(hash64(id) & 0xffff_ffffn);
}

function isNewer(heartbeat: Heartbeat, than: Heartbeat | null): boolean {
  if (!than || heartbeat.startStamp > than.startStamp) return true;
  return heartbeat.startStamp === than.startStamp && heartbeat.sequence > than.sequence;
}

/** A report of an earlier boot says nothing about this one. */
function runningOf({ running, newest }: Peer): readonly string[] | null {
  return running && running.bootId === newest?.bootId ? running.uuids : null;
}
