// Witness: the control plane's ear and vote. Heartbeats in, verdicts about hosts out.
import { Exclusion, type ExclusionAsked, type ExclusionState } from '../cluster/exclusion.js';
import type { ProbeResult } from '../cluster/membership.js';
import type { Report } from '../cluster/heartbeat-message.js';
import { Promises, type PromiseStore } from '../cluster/promises.js';
import type { VoterSet } from '../cluster/quorum-lease.js';
import { ReportAssembler } from '../cluster/report-assembler.js';
import type { Timing } from '../cluster/timing.js';
import type { ClusterVerdict } from '../cluster/verdict.js';
import { hash64 } from '../cluster/wire.js';
import type { AgentMember } from '../hosts/host-agent.js';
import type { Host, HostCondition } from '../hosts/host.js';
import type { Clock, Timers } from '../shared/clock.js';
import { messageOf } from '../shared/errors.js';
import type { HostId } from '../shared/ids.js';
import { sameJudgement } from './same-judgement.js';
import { Voter, WITNESS_WORD, type VoterMember } from './voter.js';
import type { OpenTransport, SocketAddress } from './transport.js';

export interface WitnessOptions {
  readonly clusterId: string;
  readonly id: string;
  readonly keyHex: string;
  readonly bootId: string;
  /** From nextStartStamp: must rise with each start of this witness. */
  readonly startStamp: number;
  /** One address per link, in link order; one wildcard address serves all links. */
  readonly listen: readonly SocketAddress[];
  readonly timing: Timing;
}

export interface WitnessPorts {
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs' | 'sleep'>;
  readonly timers: Timers;
  readonly openTransport: OpenTransport;
  readonly promises: PromiseStore;
  readonly log: (line: string) => void;
}

export interface RunningReport {
  readonly uuids: readonly string[];
  readonly bootId: string;
  readonly ageMs: number;
}

/** Hosts that have a vote: admitted, and not proven off since. */
const VOTING: readonly HostCondition[] = ['online', 'silent', 'fencing'];

export class Witness {
  readonly #voter: Voter;
  readonly #reports = new ReportAssembler();
  readonly #listeners = new Set<(verdict: ClusterVerdict) => void>();
  #members: readonly VoterMember[] = [];
  #last: ClusterVerdict | null = null;
  readonly #promises: Promises;
  /** By hash64 of the host's id. */
  readonly #exclusions = new Map<bigint, Exclusion>();

  constructor(
    private readonly options: WitnessOptions,
    private readonly ports: WitnessPorts,
  ) {
    const { clusterId, id, keyHex, bootId, startStamp, timing } = options;
    this.#promises = new Promises(ports.promises);
    this.#voter = new Voter({ clusterId, id, role: 'witness', keyHex, bootId, startStamp }, timing, {
      ...ports,
      promises: this.#promises,
      word: () => WITNESS_WORD,
      onTick: { judged: (verdict) => this.#judged(verdict) },
      onBeat: () => this.#askAgain(),
      onPromise: (fromId, { member, epoch, memberEnforcing }) => this.#exclusions.get(member)?.promised(fromId, epoch, memberEnforcing, ports.clock.monotonicMs()),
      onReport: (fromId, report) => this.#reported(fromId, report),
    });
  }

  async start(): Promise<void> {
    await this.#voter.start(this.options.listen, this.#members);
  }

  async stop(): Promise<void> {
    this.#listeners.clear();
    await this.#voter.leave();
  }

  /** The hosts to judge and the other witnesses, whenever they change. Who stays keeps what was heard of it. */
  setMembers(hosts: readonly Host[], otherWitnesses: readonly AgentMember[] = [], setAside: ReadonlySet<HostId> = new Set()): void {
    const before = this.#members;
    const member = (host: Host): VoterMember => ({ ...hostMember(host), ...(setAside.has(host.id) ? { isVoter: false } : {}) });
    this.#members = [...hosts.map(member), ...otherWitnesses.map((witness) => ({ ...witness, isVoter: true }))];
    for (const gone of before.filter((member) => !this.#members.some((one) => one.id === member.id))) this.#reports.forget(hash64(gone.id));
    this.#voter.setMembers(this.#members);
  }

  verdict(): ClusterVerdict {
    return this.#voter.membership.verdict;
  }

  /** Called when a hearing, a boot id, quorum, trust or a probe changed; not for every new number in the evidence. */
  onVerdictChange(listener: (verdict: ClusterVerdict) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What the host last said that it runs; null: it has said nothing since our start. */
  runningUuids(id: HostId): RunningReport | null {
    const report = this.#reports.latest(hash64(id));
    return report && { uuids: report.uuids, bootId: report.bootId, ageMs: this.ports.clock.monotonicMs() - report.atMs };
  }

  feedProbe(id: HostId, result: ProbeResult): void {
    this.#voter.membership.feedProbe(id, result);
  }

  /**
   * Has the voters asked to acknowledge a host's epoch no more, until it is withdrawn; how far that is. `sets`: every set of voters
   * by which the host may judge.
   */
  exclude(asked: ExclusionAsked, sets: readonly VoterSet[]): ExclusionState {
    const hash = hash64(asked.hostId);
    const known = this.#exclusions.get(hash);
    const isSame = known?.asked.epoch === asked.epoch && known.asked.leaderEpoch === asked.leaderEpoch;
    const exclusion = isSame ? known : new Exclusion(asked, this.options.timing);
    exclusion.setVoters(sets);
    if (!isSame) {
      this.#exclusions.set(hash, exclusion);
      this.#ask(exclusion);
    }
    return exclusion.state(this.ports.clock.monotonicMs());
  }

  /** Nobody is asked any more; promises that were made stand. */
  withdrawExclusion(id: HostId): void {
    this.#exclusions.delete(hash64(id));
  }

  #reported(fromId: string, report: Report): void {
    if (!this.#reports.feed(report, this.ports.clock.monotonicMs())) return;
    const latest = this.#reports.latest(report.sender);
    if (latest) this.#voter.membership.feedRunning(fromId, latest);
  }

  #askAgain(): void {
    for (const exclusion of this.#exclusions.values()) this.#ask(exclusion);
  }

  #ask(exclusion: Exclusion): void {
    const { asked, missing } = exclusion;
    for (const voterId of missing) {
      if (voterId === this.options.id) this.#promiseOurselves(exclusion);
      else this.#voter.askToExclude(voterId, asked);
    }
  }

  #promiseOurselves(exclusion: Exclusion): void {
    const { hostId, epoch } = exclusion.asked;
    try {
      if (!this.#promises.promise(exclusion.asked)) return;
    } catch (error) {
      this.ports.log(`the exclusion of ${hostId} can't be written down: ${messageOf(error)}`);
      return;
    }
    exclusion.promised(this.options.id, epoch, this.#promises.isEnforcing(hostId), this.ports.clock.monotonicMs());
  }

  #judged(verdict: ClusterVerdict): void {
    const isNew = !this.#last || !sameJudgement(this.#last, verdict);
    this.#last = verdict;
    if (!isNew) return;
    for (const listener of this.#listeners) listener(verdict);
  }
}

export function hostMember(host: Host): VoterMember {
  const { id, name, agentKey, heartbeatPort, condition } = host;
  const links = host.links.map((address) => ({ address, port: heartbeatPort }));
  return { id, name, role: 'host', keyHex: agentKey, leastEpoch: host.hostEpoch, links, isVoter: VOTING.includes(condition) };
}

