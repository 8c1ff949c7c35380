// The agent of a simulated host: the real Agent in a process of its own, over the host as the simulated world has it.
import { Agent, type AgentStatus } from '../agent/agent.js';
import type { AgentHost, Watchdog } from '../agent/agent-ports.js';
import type { GoingDown } from '../cluster/heartbeat-message.js';
import { NO_PROMISES, type KeptPromises, type PromiseStore } from '../cluster/promises.js';
import { SimProcess, EPOCH_MS, type ProcessClocks } from './engine/sim-process.js';
import type { VirtualTime } from './engine/virtual-time.js';
import type { Machine, Service } from './machine.js';
import type { Switchboard } from './simulated-transport.js';
import type { SimulatedWorld } from './simulated-world.js';

export interface AgentParts {
  readonly time: VirtualTime;
  readonly world: SimulatedWorld;
  readonly board: Switchboard;
  readonly clocks: ProcessClocks;
  readonly log: (host: string, line: string) => void;
}

/** Until the agent has seen that its configuration file is another. */
const FOLLOW_MS = 500;
/** From SIGKILL to the process being gone. */
const KILL_MS = 20;
/** As long as a start may take from its announcement until its process shows. */
const FRESH_MS = 60_000;

/** What is on the disk of a member: it outlives processes and boots. */
export class Disk implements PromiseStore {
  #promises: KeptPromises = NO_PROMISES;
  #stamp = 0;

  load(): KeptPromises {
    return this.#promises;
  }

  save(kept: KeptPromises): void {
    this.#promises = kept;
  }

  nextStartStamp(nowMs: number): number {
    this.#stamp = Math.max(Math.floor(nowMs), this.#stamp + 1);
    return this.#stamp;
  }
}

export class SimulatedAgent implements Service {
  process: SimProcess | null = null;
  #agent: Agent | null = null;
  readonly #disk = new Disk();
  /** Its file in the run directory: what `leave` has said, in which boot. */
  #announced: { readonly bootId: string; readonly purpose: GoingDown } | null = null;

  constructor(
    private readonly machine: Machine,
    private readonly parts: AgentParts,
  ) {}

  start(): void {
    const { host } = this.machine;
    if (this.process?.alive || !this.machine.isUp || host.agentConfig === null) return;
    const { time, clocks, board, log } = this.parts;
    const process = new SimProcess(time, `agent of ${host.name}`, clocks);
    const boot = { bootId: host.bootId, nextStartStamp: () => this.#disk.nextStartStamp(EPOCH_MS + clocks.wallOffsetMs + time.nowMs) };
    const agent = new Agent(host.agentConfig, boot, {
      clock: process.clock, timers: process.clock, openTransport: board.opener(process, host.name), host: this.#host(process),
      openWatchdog: (timeoutMs) => this.#watchdog(timeoutMs), promises: this.#disk, log: (line) => log(host.name, line),
    });
    host.agentRunning = true;
    this.process = process;
    this.#agent = agent;
    if (host.hung) process.pause(null);
    time.touch();
    void agent.start();
  }

  crash(): void {
    this.process?.kill();
    this.machine.host.agentRunning = false;
  }

  async stop(): Promise<void> {
    const { process } = this;
    if (process?.alive && this.#agent) await this.#agent.leave();
    if (process === this.process) this.crash();
  }

  announce(purpose: GoingDown): void {
    this.#announced = { bootId: this.machine.host.bootId, purpose };
  }

  withdraw(): void {
    this.#announced = null;
  }

  /** Null: it does not answer on its socket. */
  status(): AgentStatus | null {
    return this.process?.alive && !this.process.isPaused ? (this.#agent?.status() ?? null) : null;
  }

  /** The configuration file has changed. */
  followConfig(): void {
    const { process } = this;
    this.parts.time.after(FOLLOW_MS, () => {
      const config = this.machine.host.agentConfig;
      if (process?.alive && process === this.process && config) process.enter(() => void this.#agent?.reconfigure(config));
    });
  }

  #host(process: SimProcess): AgentHost {
    const { host } = this.machine;
    const { time } = this.parts;
    const bootId = host.bootId;
    return {
      vitals: () => ({ load1: 0, freeMemoryMiB: host.memoryMiB }),
      running: () => [...host.domains.values()].filter((domain) => domain.running !== null).map(({ uuid }) => uuid).sort(),
      hostEpoch: () => (host.guard?.state(bootId).admittedBootId ? host.guard.state(bootId).hostEpoch : null),
      leaseMarks: () => [...host.leaseMarks].map(([uuid, atMs]) => ({ uuid, isFresh: time.nowMs - atMs < FRESH_MS })),
      leaseMarksStamp: () => String(host.leaseMarksChanges),
      kill: (uuids) => this.#kill(uuids, bootId),
      isQuiet: () => process.call(async () => true),
      publishLease: ({ untilMs, isArmed }, nowMs) => {
        host.publishedLease = { untilMs: time.nowMs + (untilMs - nowMs), isArmed };
      },
      publishedLeaseUntilMs: (nowMs) => (host.publishedLease === null ? -Infinity : nowMs + host.publishedLease.untilMs - time.nowMs),
      publishVoterEpoch: (clusterId, epoch) => {
        host.publishedVoters = { clusterId, epoch };
      },
      publishedVoterEpoch: (clusterId) => (host.publishedVoters?.clusterId === clusterId ? host.publishedVoters.epoch : 0),
      publishRelease: () => {
        host.publishedLease = { untilMs: -Infinity, isArmed: false, isReleased: true };
      },
      wasReleased: () => host.publishedLease?.isReleased === true,
      systemWay: () => process.call(async () => this.machine.goingDown ?? 'stays'),
      goingDown: () => (this.#announced?.bootId === bootId ? this.#announced.purpose : null),
      stay: () => this.withdraw(),
    };
  }

  #kill(uuids: readonly string[], bootId: string): void {
    const { time, world } = this.parts;
    const { host } = this.machine;
    time.after(KILL_MS, () => {
      if (host.bootId !== bootId || !host.powered || host.hung) return;
      for (const uuid of uuids) {
        const domain = host.domains.get(uuid);
        // A process that waits for a disk does not die before the disk answers.
        if (domain?.running && !host.storageLost) world.endProcess(host, domain, 'crashed', 'died');
      }
    });
  }

  #watchdog(timeoutMs: number): Watchdog {
    const { machine, parts: { clocks } } = this;
    return {
      get isArmed() {
        return machine.isWatchdogArmed;
      },
      feed: () => {
        if (!machine.host.watchdogDevice) return 'there is no watchdog device';
        // It counts by the same crystal.
        machine.feedWatchdog(timeoutMs / (1 + clocks.drift));
        return null;
      },
      release: () => machine.releaseWatchdog(),
    };
  }
}
