// The agent of one host: a voter that also reports what runs here, and follows its configuration file.
import { deriveTiming, type Timing } from '../cluster/timing.js';
import { isUuid } from '../cluster/wire.js';
import type { AgentConfig, AgentMember } from '../hosts/host-agent.js';
import { assert } from '../shared/assert.js';
import type { Clock } from '../shared/clock.js';
import { readHostEpoch, readRunningUuids, readVitals, type Vitals } from './proc/read-proc.js';
import { Voter, type VoterMember } from './voter.js';

export interface AgentPlaces {
  readonly procDir: string;
  readonly guardDir: string;
}

export interface AgentPorts {
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
  readonly log: (line: string) => void;
}

/** Reading /proc on a host with thousands of processes takes milliseconds: not at each heartbeat. */
const LOOK_MS = 500;

export class Agent {
  #voter: Voter;
  #timing: Timing;
  #vitals: Vitals & { readonly hostEpoch: number | null } = { load1: 0, freeMemoryMiB: 0, hostEpoch: null };
  #uuids: readonly string[] = [];
  #reportedAtMs = -Infinity;
  #lookTimer: NodeJS.Timeout | null = null;
  readonly #startedAtMs: number;

  constructor(
    private config: AgentConfig,
    private readonly boot: { readonly bootId: string; readonly nextStartStamp: () => number },
    private readonly places: AgentPlaces,
    private readonly ports: AgentPorts,
  ) {
    assert(isUuid(boot.bootId), `the boot id "${boot.bootId}" is no uuid`);
    this.#startedAtMs = ports.clock.monotonicMs();
    this.#timing = timingOf(config);
    this.#voter = this.#newVoter();
  }

  async start(): Promise<void> {
    this.#look();
    await this.#voter.start(this.config.listen, this.config.members.map(asVoter));
    this.#lookTimer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** Takes a new configuration while the heartbeats go on. */
  async reconfigure(config: AgentConfig): Promise<void> {
    const before = this.config;
    this.config = config;
    if (mustStartAnew(before, config)) {
      this.#voter.stop();
      this.#timing = timingOf(config);
      this.#voter = this.#newVoter();
      await this.#voter.start(config.listen, config.members.map(asVoter));
      return;
    }
    this.#voter.endpoint.setIdentity({ clusterId: config.clusterId, id: config.hostId, role: 'host', keyHex: config.keyHex });
    this.#voter.setMembers(config.members.map(asVoter));
    await this.#voter.endpoint.listen(config.listen);
  }

  async leave(): Promise<void> {
    if (this.#lookTimer) clearInterval(this.#lookTimer);
    await this.#voter.leave();
  }

  status(): AgentStatus {
    const nowMs = this.ports.clock.monotonicMs();
    const { name, hostId, clusterId } = this.config;
    return {
      name, hostId, clusterId, pid: process.pid, bootId: this.boot.bootId, uptimeMs: Math.round(nowMs - this.#startedAtMs),
      listening: !this.#voter.membership.isBlind(nowMs), ...this.#vitals, running: this.#uuids, troubles: this.#voter.endpoint.troubles(),
      members: this.#voter.membership.sights(nowMs).map((sight) => ({
        id: sight.id, name: sight.name, role: sight.role, heard: sight.everHeard ? sight.opinion : 'never',
        links: sight.links.map((link) => (link.everHeard ? { heardAgoMs: Math.round(link.heardMs), hearsUsAgoMs: Math.round(link.ackMs) } : { heardAgoMs: null, hearsUsAgoMs: null })),
      })),
    };
  }

  #newVoter(): Voter {
    const { clusterId, hostId, keyHex } = this.config;
    // Its sequence begins anew, so its stamp must rise, or its peers would take its heartbeats for replays.
    const startStamp = this.boot.nextStartStamp();
    return new Voter({ clusterId, id: hostId, role: 'host', keyHex, bootId: this.boot.bootId, startStamp }, this.#timing, {
      ...this.ports,
      vitals: () => this.#vitals,
      onTick: () => undefined,
      onReport: () => undefined,
    });
  }

  #look(): void {
    const { procDir, guardDir } = this.places;
    this.#vitals = { ...readVitals(procDir), hostEpoch: readHostEpoch(guardDir, this.boot.bootId) };
    const uuids = readRunningUuids(procDir);
    if (!uuids) return;
    const changed = uuids.join() !== this.#uuids.join();
    this.#uuids = uuids;
    const nowMs = this.ports.clock.monotonicMs();
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
  readonly hostEpoch: number | null;
  /** False: has just started or stalled, and judges nobody. */
  readonly listening: boolean;
  readonly running: readonly string[];
  readonly troubles: readonly string[];
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
  return before.heartbeatMs !== after.heartbeatMs || before.silentMs !== after.silentMs || before.hostId !== after.hostId;
}

function timingOf(config: AgentConfig): Timing {
  const timing = deriveTiming(config);
  assert(timing.ok, 'the configuration was checked before');
  return timing.value;
}
