// Voter: what agents and witnesses have in common. Sends heartbeats, listens to those of others, judges at every tick.
import { Membership, type Member } from '../cluster/membership.js';
import type { Opinion } from '../cluster/membership-links.js';
import { reportChunks } from '../cluster/report-assembler.js';
import type { Report } from '../cluster/heartbeat-message.js';
import type { Timing } from '../cluster/timing.js';
import type { ClusterVerdict } from '../cluster/verdict.js';
import type { AgentMember } from '../hosts/host-agent.js';
import type { Clock } from '../shared/clock.js';
import { HeartbeatEndpoint, type EndpointIdentity, type Flags } from './udp/heartbeat-endpoint.js';
import type { SocketAddress } from './udp/link-socket.js';

export interface VoterMember extends AgentMember {
  readonly isVoter: boolean;
}

export interface VoterPorts {
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
  readonly log: (line: string) => void;
  /** What our heartbeats carry about this host; null on a witness. */
  readonly vitals: (() => { readonly load1: number; readonly freeMemoryMiB: number; readonly hostEpoch: number | null }) | null;
  readonly onTick: (verdict: ClusterVerdict) => void;
  readonly onReport: (fromId: string, report: Report) => void;
}

export class Voter {
  readonly endpoint: HeartbeatEndpoint;
  readonly membership: Membership;
  #opinions = new Map<string, Opinion>();
  #nextBeatAtMs = 0;
  #beatTimer: NodeJS.Timeout | null = null;
  #tickTimer: NodeJS.Timeout | null = null;
  #reportNumber = 0;

  constructor(
    identity: EndpointIdentity,
    private readonly timing: Timing,
    private readonly ports: VoterPorts,
  ) {
    const monotonicMs = (): number => ports.clock.monotonicMs();
    this.membership = new Membership({ id: identity.id, role: identity.role, isVoter: true, startStamp: identity.startStamp }, timing, monotonicMs());
    this.endpoint = new HeartbeatEndpoint(identity, {
      monotonicMs,
      log: ports.log,
      onMessage: (fromId, message) => {
        if (message.kind === 'heartbeat') this.membership.feed(fromId, message, monotonicMs());
        else ports.onReport(fromId, message);
      },
    });
  }

  async start(listen: readonly SocketAddress[], members: readonly VoterMember[]): Promise<void> {
    this.setMembers(members);
    await this.endpoint.listen(listen);
    this.#nextBeatAtMs = this.ports.clock.monotonicMs();
    this.membership.begin(this.#nextBeatAtMs);
    this.#tick();
    this.#beat();
    this.#tickTimer = setInterval(() => this.#tick(), this.timing.tickMs);
  }

  setMembers(members: readonly VoterMember[]): void {
    const others = members.filter((member) => member.id !== this.membership.selfId);
    const inMembership = others.map(({ id, name, role, links, isVoter }): Member => ({ id, name, role, links: links.length, isVoter }));
    this.membership.setMembers(inMembership, this.ports.clock.monotonicMs());
    this.endpoint.setMembers(others);
  }

  /** Says good-bye on all links, twice, because datagrams get lost; then stops. */
  async leave(): Promise<void> {
    this.#stopTimers();
    for (let time = 0; time < 2; time++) {
      this.#beatTo(this.endpoint.members, true);
      await new Promise((resolve) => setTimeout(resolve, LEAVE_PAUSE_MS));
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
      for (const chunk of reportChunks(uuids)) this.endpoint.send(witness.id, this.#flags(false), () => ({ kind: 'report', number, ...chunk }));
    }
  }

  #tick(): void {
    const verdict = this.membership.tick(this.ports.clock.monotonicMs(), this.ports.clock.nowMs());
    // Who decides shall know at once that we miss somebody, not with the next heartbeat.
    if (this.#missesSomebodyNew()) this.#beatTo(this.#witnesses(), false);
    this.ports.onTick(verdict);
  }

  #missesSomebodyNew(): boolean {
    const before = this.#opinions;
    this.#opinions = new Map(this.membership.sights(this.ports.clock.monotonicMs()).map((sight) => [sight.id, sight.opinion]));
    return [...this.#opinions].some(([id, opinion]) => opinion === 'silent' && before.get(id) !== 'silent');
  }

  /** Absolute times, so that intervals do not drift; after a stall the beat goes on from now. */
  #beat(): void {
    const nowMs = this.ports.clock.monotonicMs();
    this.#beatTo(this.endpoint.members, false);
    this.#nextBeatAtMs = Math.max(this.#nextBeatAtMs + this.timing.heartbeatMs, nowMs);
    this.#beatTimer = setTimeout(() => this.#beat(), this.#nextBeatAtMs - nowMs);
  }

  #beatTo(members: readonly AgentMember[], leaving: boolean): void {
    const nowMs = this.ports.clock.monotonicMs();
    const vitals = this.ports.vitals?.() ?? { load1: 0, freeMemoryMiB: 0 };
    const { load1, freeMemoryMiB } = vitals;
    const hearing = this.membership.hearing(nowMs);
    this.membership.sending(this.endpoint.nextSequence, nowMs);
    for (const { id } of members) {
      this.endpoint.send(id, this.#flags(leaving), (link) => ({ kind: 'heartbeat', load1, freeMemoryMiB, ack: this.membership.ack(id, link, nowMs), hearing }));
    }
  }

  #flags(leaving: boolean): Flags {
    return { leaving, blind: this.membership.isBlind(this.ports.clock.monotonicMs()), hostEpoch: this.ports.vitals?.().hostEpoch ?? null };
  }

  #witnesses(): readonly AgentMember[] {
    return this.endpoint.members.filter((member) => member.role === 'witness');
  }

  #stopTimers(): void {
    if (this.#beatTimer) clearTimeout(this.#beatTimer);
    if (this.#tickTimer) clearInterval(this.#tickTimer);
  }
}

/** Between two good-byes: enough to outlive a burst of loss, too short to hold up a shutdown. */
const LEAVE_PAUSE_MS = 50;
