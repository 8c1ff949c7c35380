// Keeps the agents of admitted hosts up to date: who the members are, who has a vote on leases, which epochs are over.
import type { AgentConfig, HostAgent } from '../../hosts/host-agent.js';
import type { Host } from '../../hosts/host.js';
import type { Clock } from '../../shared/clock.js';
import { messageOf } from '../../shared/errors.js';
import type { HostId } from '../../shared/ids.js';
import type { Log } from '../../shared/log.js';
import type { ClusterVerdict } from '../verdict.js';

export interface ConfigurerPorts {
  readonly clock: Clock;
  readonly agentOf: (host: Host) => Pick<HostAgent, 'configure'>;
  readonly configOf: (host: Host, members: readonly Host[]) => AgentConfig;
  /** Null: another replica leads, and configures. */
  readonly leaderEpoch: () => number | null;
}

/** After a failure, and for an agent that does not say that it took what it got. It looks at its file each second. */
const AGAIN_MS = 5_000;

interface Sent {
  readonly text: string;
  readonly atMs: number;
}

export class AgentConfigurer {
  readonly #sent = new Map<HostId, Sent>();
  readonly #busy = new Set<HostId>();
  #writers = '';
  /** As last written: one that is given again is not written again. */
  readonly #written = new Map<HostId, { readonly config: AgentConfig; readonly text: string }>();

  constructor(
    private readonly ports: ConfigurerPorts,
    private readonly log: Log,
  ) {}

  /**
   * Starts what is due; never throws. A host that is being admitted gets its configuration from that. `writers`: enrolments and removals under
   * way, which write the configuration of every member too. Once one begins or ends, nobody knows what stands there.
   */
  configure(hosts: readonly Host[], verdict: ClusterVerdict, writers: readonly string[]): void {
    if (this.ports.leaderEpoch() === null) {
      this.#sent.clear();
      return;
    }
    if (writers.join() !== this.#writers) this.#sent.clear();
    this.#writers = writers.join();
    const members = hosts.filter((host) => host.condition !== 'enrolling');
    for (const host of members) {
      // Also to a host that is not heard: it may not know yet that we are here, and then nobody else would tell it.
      if (host.condition !== 'online' || this.#busy.has(host.id)) continue;
      const heard = verdict.hosts.find((one) => one.hostId === host.id && one.hearing === 'heard');
      const config = this.ports.configOf(host, members);
      if (this.#isDue(host.id, this.#textOf(host.id, config), config, heard?.lease?.voterEpoch ?? null)) void this.#send(host, config);
    }
  }

  #textOf(id: HostId, config: AgentConfig): string {
    const known = this.#written.get(id);
    if (known?.config === config) return known.text;
    const text = JSON.stringify(config);
    this.#written.set(id, { config, text });
    return text;
  }

  #isDue(id: HostId, text: string, config: AgentConfig, named: number | null): boolean {
    const sent = this.#sent.get(id);
    if (sent?.text !== text) return true;
    const isTaken = config.voters === null || (named !== null && named >= config.voters.epoch);
    return !isTaken && this.ports.clock.monotonicMs() - sent.atMs > AGAIN_MS;
  }

  async #send(host: Host, config: AgentConfig): Promise<void> {
    this.#busy.add(host.id);
    const writers = this.#writers;
    try {
      await this.ports.agentOf(host).configure(config);
      if (writers === this.#writers) this.#sent.set(host.id, { text: JSON.stringify(config), atMs: this.ports.clock.monotonicMs() });
    } catch (error) {
      this.#sent.delete(host.id);
      this.log.debug({ host: host.name }, `configuration of its agent: ${messageOf(error)}`);
      await this.ports.clock.sleep(AGAIN_MS);
    } finally {
      this.#busy.delete(host.id);
    }
  }
}
