// Watches the simulated world: tells its events, checks the invariants, and keeps what must happen later (crashes, ends of migrations).
import type { CommandToken } from '../hosts/hypervisor.js';
import type { VirtualTime } from './engine/virtual-time.js';
import type { InvariantChecker } from './invariants/invariant-checker.js';
import type { Narrator } from './narrator.js';
import type { SimulatedDomain, SimulatedHost, SimulatedWorld } from './simulated-world.js';
import type { WorldObserver } from './world-observer.js';

export interface WatchParts {
  readonly time: VirtualTime;
  readonly world: SimulatedWorld;
  readonly narrator: Narrator;
  readonly checker: InvariantChecker;
}

export class WorldWatch implements WorldObserver {
  constructor(private readonly parts: WatchParts) {}

  started(host: SimulatedHost, domain: SimulatedDomain): void {
    const { narrator, checker } = this.parts;
    narrator.tell('guest.started', { workload: domain.name, host: host.name });
    checker.started(host, domain);
    this.#mayCrash(host, domain);
  }

  arrived(host: SimulatedHost, domain: SimulatedDomain, from: SimulatedHost, downtimeMs: number): void {
    const { narrator, checker } = this.parts;
    narrator.tell('guest.arrived', { workload: domain.name, host: host.name, from: from.name, downtimeMs });
    checker.arrived(host, domain, from);
    this.#mayCrash(host, domain);
  }

  ended(host: SimulatedHost, domain: SimulatedDomain, how: 'stopped' | 'died'): void {
    this.parts.narrator.tell(`guest.${how}`, { workload: domain.name, host: host.name });
    this.parts.checker.ended(host, domain, how);
  }

  mounted(host: SimulatedHost, pool: string): void {
    this.parts.checker.mounted(host, pool);
  }

  startFailed(host: SimulatedHost, name: string, why: string): void {
    this.parts.narrator.tell('guest.start-failed', { workload: name, host: host.name, why });
  }

  migrateFailed(host: SimulatedHost, name: string, why: string): void {
    this.parts.narrator.tell('guest.migrate-failed', { workload: name, host: host.name, why });
    this.parts.checker.migrateFailed(host, name, why);
  }

  migrationBegan(endsAtMs: number): void {
    const { time, world } = this.parts;
    time.after(endsAtMs - time.nowMs, () => world.settle());
  }

  accepted(host: SimulatedHost, token: CommandToken): void {
    this.parts.checker.accepted(host, token);
  }

  #mayCrash(host: SimulatedHost, domain: SimulatedDomain): void {
    const { time, world } = this.parts;
    const afterMs = world.guestFaults.get(domain.uuid)?.crashesAfterMs(host.name) ?? null;
    const process = domain.running;
    if (afterMs === null || process === null) return;
    time.after(afterMs, () => {
      if (domain.running === process && host.powered) world.endProcess(host, domain, 'crashed', 'died');
    });
  }
}
