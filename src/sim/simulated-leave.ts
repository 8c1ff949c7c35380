// `reeve-agent leave` of a simulated host: the real wait in a process of its own, as the host's operating system runs it before it stops anything.
import { leaveHost } from '../agent/leave-host.js';
import { SimProcess } from './engine/sim-process.js';
import type { Machine, Service } from './machine.js';
import type { AgentParts, SimulatedAgent } from './simulated-agent.js';

export class SimulatedLeave implements Service {
  process: SimProcess | null = null;

  constructor(
    private readonly machine: Machine,
    private readonly agent: SimulatedAgent,
    private readonly parts: AgentParts,
  ) {}

  start(): void {
    // Nothing runs before the host goes down.
  }

  async stop(): Promise<void> {
    // It has ended before anything else is stopped.
  }

  /** Resolves when it has ended; never, when the host ends before. */
  async run(): Promise<void> {
    const { host } = this.machine;
    const { time, clocks, log } = this.parts;
    const withinMs = host.agentConfig?.leaveWithinMs ?? 0;
    const process = new SimProcess(time, `leave of ${host.name}`, clocks);
    this.process = process;
    if (host.hung) process.pause(null);
    await leaveHost(withinMs, {
      clock: process.clock,
      systemWay: () => process.call(async () => this.machine.goingDown ?? 'stays'),
      announce: (purpose) => this.agent.announce(purpose),
      withdraw: () => this.agent.withdraw(),
      askAgent: () => process.call(async () => this.agent.status()),
      say: (line) => log(host.name, line),
    });
  }
}
