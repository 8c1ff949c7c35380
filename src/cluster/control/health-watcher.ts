// Asks each host how it is, in turn, and keeps what is wrong with it.
import { describeTrouble, isSameTrouble, troubleAfter, type HealthLook, type HostTrouble } from '../../hosts/host-health.js';
import type { HostAgent } from '../../hosts/host-agent.js';
import type { Host } from '../../hosts/host.js';
import type { Clock } from '../../shared/clock.js';
import { messageOf } from '../../shared/errors.js';
import type { HostId } from '../../shared/ids.js';
import type { Log } from '../../shared/log.js';
import type { Change } from '../change.js';
import { event } from '../cluster-event.js';
import type { ClusterStore } from '../cluster-store.js';
import type { ClusterVerdict } from '../verdict.js';

export interface HealthPorts {
  readonly store: Pick<ClusterStore, 'commit'>;
  readonly clock: Clock;
  readonly agentOf: (host: Host) => Pick<HostAgent, 'health'>;
  /** Null: another replica leads, and asks. */
  readonly leaderEpoch: () => number | null;
}

/** One ask costs the host a few milliseconds. That something is well again is to be seen before anything moves for it. */
const EVERY_MS = { well: 5_000, inTrouble: 2_000 };
/** What is new counts once it was seen twice: a port that is plugged in has no carrier for a moment. */
const CONFIRM_MS = 1_000;

export class HealthWatcher {
  readonly #inFlight = new Set<HostId>();
  readonly #nextAt = new Map<HostId, number>();
  readonly #unconfirmed = new Map<HostId, HealthLook>();

  constructor(
    private readonly ports: HealthPorts,
    private readonly log: Log,
  ) {}

  /** Starts what is due; never throws. */
  look(hosts: readonly Host[], verdict: ClusterVerdict): void {
    if (this.ports.leaderEpoch() === null) return this.#unconfirmed.clear();
    for (const host of hosts) {
      const isHeard = host.condition === 'online' && verdict.hosts.some((one) => one.hostId === host.id && one.hearing === 'heard');
      // What was seen before it was away confirms nothing.
      if (!isHeard) this.#unconfirmed.delete(host.id);
      else if (!this.#inFlight.has(host.id) && this.ports.clock.monotonicMs() >= (this.#nextAt.get(host.id) ?? 0)) void this.#ask(host);
    }
  }

  async #ask(host: Host): Promise<void> {
    const { clock, agentOf } = this.ports;
    this.#inFlight.add(host.id);
    this.#nextAt.set(host.id, clock.monotonicMs() + (host.trouble ? EVERY_MS.inTrouble : EVERY_MS.well));
    try {
      const look = await agentOf(host).health();
      const trouble = troubleAfter(look, host.trouble, clock.nowMs());
      if (JSON.stringify(trouble) === JSON.stringify(host.trouble)) this.#unconfirmed.delete(host.id);
      else await this.#confirm(host, look, trouble);
    } catch (error) {
      this.log.debug({ host: host.name }, `health: ${messageOf(error)}`);
    } finally {
      this.#inFlight.delete(host.id);
    }
  }

  async #confirm(host: Host, look: HealthLook, trouble: HostTrouble | null): Promise<void> {
    const before = this.#unconfirmed.get(host.id);
    this.#unconfirmed.set(host.id, look);
    if (!before || !isSameTrouble(before, look)) {
      this.#nextAt.set(host.id, this.ports.clock.monotonicMs() + CONFIRM_MS);
      return;
    }
    this.#unconfirmed.delete(host.id);
    const leaderEpoch = this.ports.leaderEpoch();
    if (leaderEpoch !== null) await this.ports.store.commit(changesOf(host, trouble), { viewVersion: null, leaderEpoch });
  }
}

function changesOf(host: Host, trouble: HostTrouble | null): readonly Change[] {
  const keep: Change = { change: 'host', id: host.id, set: { trouble } };
  if (isSameTrouble(trouble, host.trouble)) return [keep];
  const told = trouble
    ? event('host.unhealthy', `${host.name}: ${describeTrouble(trouble)}; other hosts are preferred to it`, { severity: 'alert', host: host.name, data: { deadBridges: trouble.deadBridges.map(({ bridge }) => bridge), failing: trouble.failing.length } })
    : event('host.healthy', `${host.name} says that nothing is wrong with it any more`, { severity: 'notice', host: host.name });
  return [keep, { change: 'event', event: told }];
}
