// Voter: what agents and witnesses have in common. Sends heartbeats, listens to those of others, judges at every tick.
import { Membership, type Member } from '../cluster/membership.js';
import type { Opinion } from '../cluster/membership-links.js';
import type { ExclusionRequest, Promises } from '../cluster/promises.js';
import { QuorumLease } from '../cluster/quorum-lease.js';
import { reportChunks } from '../cluster/report-assembler.js';
import type { Exclude, GoingDown, Heartbeat, Leaving, Message, PromiseMade, Report } from '../cluster/heartbeat-message.js';
import type { Timing } from '../cluster/timing.js';
import type { ClusterVerdict } from '../cluster/verdict.js';
import { hash64 } from '../cluster/wire.js';
import type { AgentMember } from '../hosts/host-agent.js';
import type { Clock, Timers } from '../shared/clock.js';
import { messageOf } from '../shared/errors.js';
import type { EndpointIdentity, Flags, OpenTransport, SocketAddress, Transport } from './transport.js';

export interface VoterMember extends AgentMember {
  readonly isVoter: boolean;
}

/** What our messages say about ourselves. */
export interface SelfWord {
  readonly load1: number;
  readonly freeMemoryMiB: number;
  readonly hostEpoch: number | null;
  readonly leaseHeld: boolean;
  readonly enforcing: boolean;
  /** Our host is going down in order, and we are at work still. */
  readonly goingDown: GoingDown | null;
}

export const WITNESS_WORD: SelfWord = { load1: 0, freeMemoryMiB: 0, hostEpoch: null, leaseHeld: false, enforcing: false, goingDown: null };

export interface VoterPorts {
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs' | 'sleep'>;
  readonly timers: Timers;
  readonly openTransport: OpenTransport;
  readonly promises: Promises;
  readonly log: (line: string) => void;
  readonly word: () => SelfWord;
  /** With our verdict, where we judge at all. */
  readonly onTick: ((nowMs: number) => void) | { readonly judged: (verdict: ClusterVerdict) => void };
  readonly onBeat: () => void;
  readonly onReport: (fromId: string, report: Report) => void;
  readonly onPromise: (fromId: string, promise: PromiseMade) => void;
}

export class Voter {
  readonly endpoint: Transport;
  readonly membership: Membership;
  readonly lease: QuorumLease;
  #opinions = new Map<string, Opinion>();
  #hostsByHash = new Map<bigint, string>();
  #nextBeatAtMs = 0;
  #stopBeat: () => void = () => undefined;
  #stopTick: () => void = () => undefined;
  #reportNumber = 0;

  constructor(
    identity: EndpointIdentity,
    private readonly timing: Timing,
    private readonly ports: VoterPorts,
  ) {
    const monotonicMs = (): number => ports.clock.monotonicMs();
    this.membership = new Membership({ id: identity.id, role: identity.role, isVoter: true, startStamp: identity.startStamp }, timing, monotonicMs());
    this.lease = new QuorumLease(identity.id, timing.leaseMs);
    this.endpoint = ports.openTransport(identity, { monotonicMs, log: ports.log, onMessage: (fromId, message) => this.#received(fromId, message) });
  }

  async start(listen: readonly SocketAddress[], members: readonly VoterMember[]): Promise<void> {
    this.setMembers(members);
    await this.endpoint.listen(listen);
    this.#nextBeatAtMs = this.ports.clock.monotonicMs();
    this.membership.begin(this.#nextBeatAtMs);
    this.#tick();
    this.#beat();
    this.#stopTick = this.ports.timers.every(this.timing.tickMs, () => this.#tick());
  }

  setMembers(members: readonly VoterMember[]): void {
    const others = members.filter((member) => member.id !== this.membership.selfId);
    const inMembership = others.map(({ id, name, role, links, isVoter }): Member => ({ id, name, role, links: links.length, isVoter }));
    this.membership.setMembers(inMembership, this.ports.clock.monotonicMs());
    this.endpoint.setMembers(others);
    const hosts = members.filter((member) => member.role === 'host');
    this.#hostsByHash = new Map(hosts.map(({ id }) => [hash64(id), id]));
    this.ports.promises.setLeastEpochs(new Map(hosts.map(({ id, leastEpoch }) => [id, leastEpoch ?? 0])));
  }

  /** Says good-bye on all links, twice, because datagrams get lost; then stops. */
  async leave(purpose: Leaving = 'stop'): Promise<void> {
    this.#stopTimers();
    for (let time = 0; time < 2; time++) {
      this.#beatTo(this.endpoint.members, purpose);
      await this.ports.clock.sleep(LEAVE_PAUSE_MS);
    }
    this.endpoint.close();
  }

  stop(): void {
    this.#stopTimers();
    this.endpoint.close();
  }

  /** Tells the witnesses which workloads run here. */
  report(uuids: readonly string[]): void {
    this.#reportNumber += 1;
    const number = this.#reportNumber;
    for (const witness of this.#witnesses()) {
      for (const chunk of reportChunks(uuids)) this.endpoint.send(witness.id, this.#flags(witness.id, null), () => ({ kind: 'report', number, ...chunk }));
    }
  }

  #tick(): void {
    const nowMs = this.ports.clock.monotonicMs();
    const { onTick } = this.ports;
    // Hosts judge nobody: they say whom they hear.
    const verdict = typeof onTick === 'function' ? this.membership.listen(nowMs) : this.membership.tick(nowMs, this.ports.clock.nowMs());
    // Who decides shall know at once that we miss somebody, not with the next heartbeat.
    if (this.#missesSomebodyNew(nowMs)) this.#beatTo(this.#witnesses(), null);
    if (typeof onTick === 'function') onTick(nowMs);
    else if (verdict) onTick.judged(verdict);
  }

  #missesSomebodyNew(nowMs: number): boolean {
    const before = this.#opinions;
    this.#opinions = new Map(this.endpoint.members.map(({ id }) => [id, this.membership.opinion(id, nowMs)]));
    return [...this.#opinions].some(([id, opinion]) => opinion === 'silent' && before.get(id) !== 'silent');
  }

  /** Absolute times, so that intervals do not drift; after a stall the beat goes on from now. */
  #beat(): void {
    const nowMs = this.ports.clock.monotonicMs();
    this.#beatTo(this.endpoint.members, null);
    this.ports.onBeat();
    this.#nextBeatAtMs = Math.max(this.#nextBeatAtMs + this.timing.heartbeatMs, nowMs);
    this.#stopBeat = this.ports.timers.after(this.#nextBeatAtMs - nowMs, () => this.#beat());
  }

  /** Tells all members at once, out of turn. */
  beatNow(): number {
    const nowMs = this.ports.clock.monotonicMs();
    this.#beatTo(this.endpoint.members, null);
    return nowMs;
  }

  /** Asks a voter to exclude a host. */
  askToExclude(voterId: string, { hostId, epoch, leaderEpoch }: ExclusionRequest): void {
    this.endpoint.send(voterId, this.#flags(voterId, null), () => ({ kind: 'exclude', member: hash64(hostId), epoch, leaderEpoch }));
  }

  #received(fromId: string, message: Message): void {
    switch (message.kind) {
      case 'heartbeat':
        return this.#heard(fromId, message);
      case 'report':
        return this.ports.onReport(fromId, message);
      case 'exclude':
        return this.#asked(fromId, message);
      case 'promise':
        return this.ports.onPromise(fromId, message);
    }
  }

  #heard(fromId: string, heartbeat: Heartbeat): void {
    const ackedSentMs = this.membership.feed(fromId, heartbeat, this.ports.clock.monotonicMs());
    if (ackedSentMs !== null && !heartbeat.excludes) this.lease.acknowledged(fromId, ackedSentMs);
    if (heartbeat.role === 'host') this.#durably(`what ${fromId} says of its lease`, () => this.ports.promises.heard(fromId, heartbeat.startStamp, heartbeat.enforcing));
  }

  /** Only witnesses may ask: hosts decide nothing about each other. */
  #asked(fromId: string, { role, member, epoch, leaderEpoch }: Exclude): void {
    const hostId = this.#hostsByHash.get(member);
    if (role !== 'witness' || hostId === undefined) return;
    const { promises } = this.ports;
    if (this.#durably(`the exclusion of ${hostId}`, () => promises.promise({ hostId, epoch, leaderEpoch })) !== true) return;
    this.endpoint.send(fromId, this.#flags(fromId, null), () => ({ kind: 'promise', member, epoch, memberEnforcing: promises.isEnforcing(hostId) }));
  }

  /** What can't be written down was not said. */
  #durably<T>(what: string, act: () => T): T | null {
    try {
      return act();
    } catch (error) {
      this.ports.log(`${what} can't be written down: ${messageOf(error)}`);
      return null;
    }
  }

  #beatTo(members: readonly AgentMember[], leaving: Leaving | null): void {
    const nowMs = this.ports.clock.monotonicMs();
    const { load1, freeMemoryMiB } = this.ports.word();
    const hearing = this.membership.hearing(nowMs);
    this.membership.sending(this.endpoint.nextSequence, nowMs);
    for (const { id } of members) {
      this.endpoint.send(id, this.#flags(id, leaving), (link) => ({ kind: 'heartbeat', load1, freeMemoryMiB, ack: this.membership.ack(id, link, nowMs), hearing }));
    }
  }

  #flags(toId: string, leaving: Leaving | null): Flags {
    const { hostEpoch, leaseHeld, enforcing, goingDown } = this.ports.word();
    return {
      leaving, goingDown: goingDown !== null && leaving === null && this.#isWitness(toId) ? goingDown : null, hostEpoch, leaseHeld, enforcing, blind: this.membership.isBlind(this.ports.clock.monotonicMs()),
      voterEpoch: this.lease.voters?.epoch ?? null,
      excludes: this.ports.promises.isExcluded(toId, this.membership.newest(toId)?.hostEpoch ?? null),
    };
  }

  /** Who decides is to know that we are going down; to our peers nothing has changed yet. */
  #isWitness(id: string): boolean {
    return this.#witnesses().some((witness) => witness.id === id);
  }

  #witnesses(): readonly AgentMember[] {
    return this.endpoint.members.filter((member) => member.role === 'witness');
  }

  #stopTimers(): void {
    this.#stopBeat();
    this.#stopTick();
  }
}

/** Between two good-byes: enough to outlive a burst of loss, too short to hold up a shutdown. */
const LEAVE_PAUSE_MS = 50;
