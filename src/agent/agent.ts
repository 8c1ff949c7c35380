// The agent of one host: a voter that reports what runs here, keeps the host's lease, and follows its configuration file.
import type { GoingDown } from '../cluster/heartbeat-message.js';
import { Promises } from '../cluster/promises.js';
import type { LeasePhase } from '../cluster/self-fence.js';
import { deriveTiming, type Timing } from '../cluster/timing.js';
import { isUuid } from '../cluster/wire.js';
import type { AgentConfig, AgentMember } from '../hosts/host-agent.js';
import { assert } from '../shared/assert.js';
import { messageOf } from '../shared/errors.js';
import type { AgentPorts, Vitals } from './agent-ports.js';
import { Departure } from './departure.js';
import { LeaseKeeper } from './lease-keeper.js';
import { Voter, type SelfWord, type VoterMember } from './voter.js';

/** Reading /proc on a host with thousands of processes takes milliseconds: not at each heartbeat. */
const LOOK_MS = 500;
/** A planned stop waits so long for a majority to know that the lease is enforced no more. */
const RELEASE_MS = 10_000;
const RELEASE_LOOK_MS = 50;

export class Agent {
  #voter: Voter;
  #keeper: LeaseKeeper;
  #timing: Timing;
  readonly #promises: Promises;
  readonly #departure: Departure;
  #vitals: Vitals & { readonly hostEpoch: number | null } = { load1: 0, freeMemoryMiB: 0, hostEpoch: null };
  #uuids: readonly string[] = [];
  #reportedAtMs = -Infinity;
  #stopLooking: () => void = () => undefined;
  #isLeaving = false;
  readonly #startedAtMs: number;

  constructor(
    private config: AgentConfig,
    private readonly boot: { readonly bootId: string; readonly nextStartStamp: () => number },
    private readonly ports: AgentPorts,
  ) {
    assert(isUuid(boot.bootId), `the boot id "${boot.bootId}" is no uuid`);
    this.#startedAtMs = ports.clock.monotonicMs();
    this.#promises = new Promises(ports.promises);
    this.#departure = new Departure(ports);
    this.#timing = timingOf(config);
    [this.#voter, this.#keeper] = this.#newVoter();
  }

  async start(): Promise<void> {
    this.#look();
    await this.#startVoter();
    this.#stopLooking = this.ports.timers.every(LOOK_MS, () => this.#look());
  }

  /** Takes a new configuration while the heartbeats go on. */
  async reconfigure(config: AgentConfig): Promise<void> {
    const before = this.config;
    this.config = config;
    if (mustStartAnew(before, config)) {
      this.#voter.stop();
      this.#timing = timingOf(config);
      [this.#voter, this.#keeper] = this.#newVoter();
      await this.#startVoter();
      return;
    }
    this.#voter.endpoint.setIdentity({ clusterId: config.clusterId, id: config.hostId, role: 'host', keyHex: config.keyHex });
    this.#takeMembers();
    await this.#voter.endpoint.listen(config.listen);
  }

  /** A planned end. A watchdog is let go only once a majority knows that the lease is enforced no more, or once nothing runs under it. */
  async leave(): Promise<void> {
    const purpose = await this.#departure.purpose();
    this.#isLeaving = true;
    if (await this.#mayRelease()) this.#keeper.release();
    this.#stopLooking();
    this.#look();
    await this.#voter.leave(purpose);
  }

  /** The process ends without a word, as when it is killed. */
  stop(): void {
    this.#stopLooking();
    this.#voter.stop();
  }

  status(): AgentStatus {
    const nowMs = this.ports.clock.monotonicMs();
    const { name, hostId, clusterId } = this.config;
    const untilMs = this.#voter.lease.untilMs(nowMs);
    return {
      name, hostId, clusterId, pid: process.pid, bootId: this.boot.bootId, uptimeMs: Math.round(nowMs - this.#startedAtMs), goingDown: this.#departure.goingDown,
      listening: !this.#voter.membership.isBlind(nowMs), ...this.#vitals, running: this.#uuids, troubles: [...this.#voter.endpoint.troubles(), ...(this.#keeper.trouble ? [this.#keeper.trouble] : [])],
      lease: { enforced: this.config.enforcesLease, phase: this.#keeper.phase, leftMs: Number.isFinite(untilMs) ? Math.round(untilMs - nowMs) : null, under: this.#keeper.under, voters: this.#voter.lease.voters?.ids.length ?? 0 },
      members: this.#voter.membership.sights(nowMs).map((sight) => ({
        id: sight.id, name: sight.name, role: sight.role, heard: sight.everHeard ? sight.opinion : 'never',
        links: sight.links.map((link) => (link.everHeard ? { heardAgoMs: Math.round(link.heardMs), hearsUsAgoMs: Math.round(link.ackMs) } : { heardAgoMs: null, hearsUsAgoMs: null })),
      })),
    };
  }

  async #startVoter(): Promise<void> {
    this.#takeVoters();
    await this.#voter.start(this.config.listen, this.config.members.map(asVoter));
  }

  #takeMembers(): void {
    this.#takeVoters();
    this.#voter.setMembers(this.config.members.map(asVoter));
  }

  /**
   * Never an older set than an agent of this boot has named: a configuration may be written late, and those of before are in no take-over any more.
   * Without a set there is no lease of our own, until the newer one is written again.
   */
  #takeVoters(): void {
    const { ports: { host, log }, config: { clusterId, voters } } = this;
    if (voters === null) return this.#voter.lease.setVoters(null);
    const newest = host.publishedVoterEpoch(clusterId);
    if (voters.epoch < newest) return log(`the configuration names voters ${voters.epoch}, and voters ${newest} were taken already: they are not taken`);
    try {
      if (voters.epoch > newest) host.publishVoterEpoch(clusterId, voters.epoch);
      this.#voter.lease.setVoters(voters);
    } catch (error) {
      log(`voters ${voters.epoch} can't be written down, and are not taken: ${messageOf(error)}`);
    }
  }

  /** Its sequence begins anew, so its stamp must rise, or its peers would take its heartbeats for replays. */
  #newVoter(): [Voter, LeaseKeeper] {
    const { clusterId, hostId, keyHex } = this.config;
    const { host, openWatchdog, promises: _store, ...ports } = this.ports;
    const identity = { clusterId, id: hostId, role: 'host' as const, keyHex, bootId: this.boot.bootId, startStamp: this.boot.nextStartStamp() };
    const voter = new Voter(identity, this.#timing, {
      ...ports,
      promises: this.#promises,
      word: () => this.#word(),
      onTick: (nowMs) => this.#keeper.tick(nowMs),
      onBeat: () => undefined,
      onReport: () => undefined,
      onPromise: () => undefined,
    });
    return [voter, new LeaseKeeper(voter.lease, { clock: ports.clock, log: ports.log, host, watchdog: openWatchdog(this.#timing.watchdogMs) })];
  }

  #word(): SelfWord {
    const enforcing = this.config.enforcesLease && this.#keeper.isReady && !this.#isLeaving;
    return { ...this.#vitals, goingDown: this.#departure.goingDown, leaseHeld: this.#voter.lease.isHeld(this.ports.clock.monotonicMs()), enforcing };
  }

  async #mayRelease(): Promise<boolean> {
    const { clock, log } = this.ports;
    const saidAtMs = this.#voter.beatNow();
    while (clock.monotonicMs() - saidAtMs < RELEASE_MS) {
      // Waiting, it says all along that it enforces nothing.
      if (this.#keeper.phase === 'free' || this.#keeper.phase === 'waiting' || this.#voter.lease.isKnownSince(saidAtMs, clock.monotonicMs())) return true;
      await clock.sleep(RELEASE_LOOK_MS);
    }
    log('no majority knows that this agent stops, and workloads run under the lease: the watchdog is left ticking');
    return false;
  }

  #look(): void {
    const { host, clock } = this.ports;
    this.#departure.look(clock.monotonicMs());
    this.#vitals = { ...host.vitals(), hostEpoch: host.hostEpoch() };
    const uuids = host.running();
    if (!uuids) return;
    const changed = uuids.join() !== this.#uuids.join();
    this.#uuids = uuids;
    const nowMs = clock.monotonicMs();
    if (!changed && nowMs - this.#reportedAtMs < this.#timing.reportMs - LOOK_MS / 2) return;
    this.#reportedAtMs = nowMs;
    this.#voter.report(uuids);
  }
}

export interface AgentStatus extends Vitals {
  readonly name: string;
  readonly hostId: string;
  readonly clusterId: string;
  readonly pid: number;
  readonly bootId: string;
  readonly uptimeMs: number;
  /** The host goes down in order, and waits for its protected workloads to move away. */
  readonly goingDown: GoingDown | null;
  readonly hostEpoch: number | null;
  /** False: has just started or stalled, and judges nobody. */
  readonly listening: boolean;
  readonly running: readonly string[];
  readonly troubles: readonly string[];
  readonly lease: { readonly enforced: boolean; readonly phase: LeasePhase; readonly leftMs: number | null; readonly under: readonly string[]; readonly voters: number };
  readonly members: readonly {
    readonly id: string;
    readonly name: string;
    readonly role: 'host' | 'witness';
    readonly heard: 'never' | 'heard' | 'suspect' | 'silent';
    /** Null: nothing came on that link yet. */
    readonly links: readonly { readonly heardAgoMs: number | null; readonly hearsUsAgoMs: number | null }[];
  }[];
}

/** Agents know no conditions of hosts: to them every member is a voter. Who has a vote, the controller decides. */
function asVoter(member: AgentMember): VoterMember {
  return { ...member, isVoter: true };
}

/** Timeouts and identity are built into a voter; a new one has to listen for a whole window before it judges. */
function mustStartAnew(before: AgentConfig, after: AgentConfig): boolean {
  return before.heartbeatMs !== after.heartbeatMs || before.silentMs !== after.silentMs || before.watchdogMs !== after.watchdogMs || before.hostId !== after.hostId;
}

function timingOf(config: AgentConfig): Timing {
  const timing = deriveTiming(config);
  assert(timing.ok, 'the configuration was checked before');
  return timing.value;
}
