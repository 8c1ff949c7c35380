// Looks at doubted hosts by SSH, so that a dead agent is told from a dead host before anything is fenced.
import type { Clock } from '../../shared/clock.js';
import type { Host } from '../../hosts/host.js';
import type { HostAgent } from '../../hosts/host-agent.js';
import type { HostId } from '../../shared/ids.js';
import type { ClusterVerdict, HostVerdict } from '../verdict.js';

export interface ProbeResult {
  readonly answered: boolean;
  readonly bootId: string | null;
  readonly runningUuids: readonly string[];
  readonly atMs: number;
}

export interface ProberPorts {
  readonly clock: Clock;
  readonly agentOf: (host: Host) => Pick<HostAgent, 'probe'>;
  readonly feed: (hostId: HostId, result: ProbeResult) => void;
}

/** Time for one look; a living host answers in 10–300 ms over the kept connection. */
const LOOK_MS = 700;
/** Between looks at a host that stays doubted. */
const AGAIN_MS = 1_000;

export class Prober {
  readonly #inFlight = new Set<HostId>();
  readonly #lastAt = new Map<HostId, number>();

  constructor(private readonly ports: ProberPorts) {}

  /** Starts looks where the verdict doubts a host; results come back through `feed`. */
  look(hosts: readonly Host[], verdict: ClusterVerdict): void {
    for (const one of verdict.hosts) {
      const host = hosts.find((other) => other.id === one.hostId);
      if (host && host.condition !== 'enrolling' && this.#due(one)) void this.#lookAt(host);
    }
  }

  #due(verdict: HostVerdict): boolean {
    if (verdict.hearing !== 'suspect' && verdict.hearing !== 'silent') return false;
    if (this.#inFlight.has(verdict.hostId)) return false;
    return this.ports.clock.monotonicMs() - (this.#lastAt.get(verdict.hostId) ?? -Infinity) >= AGAIN_MS;
  }

  async #lookAt(host: Host): Promise<void> {
    const { clock, agentOf, feed } = this.ports;
    this.#inFlight.add(host.id);
    this.#lastAt.set(host.id, clock.monotonicMs());
    try {
      const probe = await agentOf(host).probe(LOOK_MS);
      feed(host.id, { answered: true, bootId: probe.bootId, runningUuids: probe.runningUuids, atMs: clock.nowMs() });
    } catch {
      // Whatever went wrong, it did not answer; the verdict says so and the reason is in the evidence.
      feed(host.id, { answered: false, bootId: null, runningUuids: [], atMs: clock.nowMs() });
    } finally {
      this.#inFlight.delete(host.id);
    }
  }
}
