// The HostAgent port: the guard and the agent of one host, as seen over SSH. Real adapter: drivers/ssh; simulated: sim/.
import type { HealthLook } from './host-health.js';
import type { CommandToken } from './hypervisor.js';

export interface HostProbe {
  readonly bootId: string;
  /** uuids of the workloads whose processes run there, as the kernel shows them (not the hypervisor's daemon). Of containers: those under the host's lease. */
  readonly runningUuids: readonly string[];
  readonly agentAlive: boolean;
}

export interface GuardState {
  /** Boot id for which the guard was admitted; null: refuses everything. */
  readonly admittedBootId: string | null;
  readonly hostEpoch: number;
  readonly leaderEpoch: number;
}

/** What the agent needs to know: itself, its peers and the witnesses. Written as a file the agent watches. */
export interface AgentConfig {
  readonly clusterId: string;
  readonly hostId: string;
  readonly name: string;
  readonly keyHex: string;
  readonly heartbeatMs: number;
  readonly silentMs: number;
  readonly watchdogMs: number;
  /** Protected workloads run here under the host's lease, with a watchdog behind it. */
  readonly enforcesLease: boolean;
  /** When the host goes down in order, its end is put off so long, until no protected workload runs here any more. 0: nothing waits. */
  readonly leaveWithinMs: number;
  /** Who has a vote on leases; null: nobody yet, no lease can be had. */
  readonly voters: { readonly epoch: number; readonly ids: readonly string[] } | null;
  readonly listen: readonly { readonly address: string; readonly port: number }[];
  readonly members: readonly AgentMember[];
}

/** The longest `leaveWithinMs`: systemd forces a shutdown that takes 30 minutes, and guests that stay have to be stopped too. */
export const LONGEST_LEAVE_MS = 1_200_000;

export interface AgentMember {
  readonly id: string;
  readonly name: string;
  readonly role: 'host' | 'witness';
  readonly keyHex: string;
  /** Of a host: its lease at older epochs than this one is over for good. */
  readonly leastEpoch?: number;
  /** One address per link, in link order. */
  readonly links: readonly { readonly address: string; readonly port: number }[];
}

/** Where an agent finds what it is told, on its host. */
export const AGENT_CONFIG_FILE = '/etc/reeve/agent.json';

export interface HostAgent {
  /** A quick look by SSH that does not need the agent: is the host alive, and what runs there? */
  probe(timeoutMs: number): Promise<HostProbe>;
  /** What the host can see of its own health; needs no agent either. */
  health(): Promise<HealthLook>;
  guardState(): Promise<GuardState>;
  /** Admits the current boot at this epoch. Refused when the host's boot id is not `bootId`. */
  admit(token: CommandToken, bootId: string): Promise<void>;
  /** Id of the cluster whose agent's configuration lies there; null: none does. */
  installedFor(): Promise<string | null>;
  /** Puts agent and guard onto the host (idempotent; replaces older ones) and starts the agent. */
  install(config: AgentConfig): Promise<void>;
  /** Replaces the agent's configuration (members came or went). */
  configure(config: AgentConfig): Promise<void>;
  /** Stops and removes agent and guard; the workloads run on. */
  uninstall(): Promise<void>;
}
