// The HostAgent port over the simulated world.
import { OperationalError } from '../shared/errors.js';
import type { AgentConfig, GuardState, HostAgent, HostProbe } from '../hosts/host-agent.js';
import type { HealthLook } from '../hosts/host-health.js';
import type { CommandToken } from '../hosts/hypervisor.js';
import { SimulatedGuard } from './simulated-guard.js';
import type { SimulatedHost, SimulatedWorld } from './simulated-world.js';

const COMMAND_MS = 14_000;

export class SimulatedHostAgent implements HostAgent {
  readonly #world: SimulatedWorld;
  readonly #host: string;
  readonly #from: string | null;

  /** `from`: who asks, as the network knows it. */
  constructor(world: SimulatedWorld, hostName: string, from: string | null = null) {
    this.#world = world;
    this.#host = hostName;
    this.#from = from;
  }

  probe(timeoutMs: number): Promise<HostProbe> {
    return this.#world.command({ host: this.#host, from: this.#from, method: 'probe', timeoutMs }, (host) => {
      this.#world.onLook(host, null);
      return { bootId: host.bootId, runningUuids: [...host.domains.values()].filter((domain) => domain.running).map(({ uuid }) => uuid).sort(), agentAlive: host.agentRunning };
    });
  }

  health(): Promise<HealthLook> {
    return this.#command('health', (host) => ({
      deadBridges: host.uplinkLost ? host.bridges.map((bridge) => ({ bridge, why: 'its uplink eth1 has no carrier' })) : [],
      failing: host.degraded ? ['memory controller mc0 counts uncorrectable errors (1)'] : [],
    }));
  }

  guardState(): Promise<GuardState> {
    return this.#command('guardState', (host) => guardOf(host).state(host.bootId));
  }

  admit(token: CommandToken, bootId: string): Promise<void> {
    return this.#command('admit', (host) => guardOf(host).admit(token, bootId, host.bootId));
  }

  installedFor(): Promise<string | null> {
    return this.#command('installedFor', (host) => host.agentConfig?.clusterId ?? null);
  }

  install(config: AgentConfig): Promise<void> {
    return this.#command('install', (host) => {
      host.guard ??= new SimulatedGuard(host.name);
      host.agentConfig = config;
      host.agentRunning = true;
    });
  }

  configure(config: AgentConfig): Promise<void> {
    return this.#command('configure', (host) => {
      host.agentConfig = config;
      this.#world.onAgentConfig(host);
    });
  }

  uninstall(): Promise<void> {
    return this.#command('uninstall', (host) => {
      host.guard = null;
      host.agentConfig = null;
      host.agentRunning = false;
    });
  }

  #command<Answer>(method: string, act: (host: SimulatedHost) => Answer): Promise<Answer> {
    return this.#world.command({ host: this.#host, from: this.#from, method, timeoutMs: COMMAND_MS }, act);
  }
}

function guardOf(host: SimulatedHost): SimulatedGuard {
  if (!host.guard) throw new OperationalError('guard-refused', `${host.name} has no guard: its agent is not installed`);
  return host.guard;
}
