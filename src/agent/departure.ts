// Departure: does this host go down in order? It was told so by `reeve-agent leave`; a shutdown that was called off is found out here.
import type { GoingDown, Leaving } from '../cluster/heartbeat-message.js';
import { messageOf } from '../shared/errors.js';
import type { AgentHost, AgentPorts } from './agent-ports.js';

type DeparturePorts = Pick<AgentPorts, 'log'> & { readonly host: Pick<AgentHost, 'goingDown' | 'systemWay' | 'stay'> };

/** Asking systemd costs a process: not at every look. */
const ASK_MS = 10_000;

export class Departure {
  #goingDown: GoingDown | null = null;
  #askedAtMs = -Infinity;

  constructor(private readonly ports: DeparturePorts) {}

  get goingDown(): GoingDown | null {
    return this.#goingDown;
  }

  look(nowMs: number): void {
    const before = this.#goingDown;
    this.#goingDown = this.ports.host.goingDown();
    if (this.#goingDown === null) return;
    if (before === null) {
      this.ports.log(`this host goes down (${this.#goingDown}): the control plane is told so`);
      this.#askedAtMs = nowMs;
    }
    if (nowMs - this.#askedAtMs < ASK_MS) return;
    this.#askedAtMs = nowMs;
    void this.#ask().catch((error: unknown) => this.ports.log(`cannot tell whether this host still goes down: ${messageOf(error)}`));
  }

  /** What our good-bye is for. */
  async purpose(): Promise<Leaving> {
    const way = await this.ports.host.systemWay();
    if (way === 'unknown') return this.ports.host.goingDown() ?? 'stop';
    return way === 'stays' ? 'stop' : way;
  }

  /** Not to know is no reason to say that it stays. */
  async #ask(): Promise<void> {
    if ((await this.ports.host.systemWay()) !== 'stays') return;
    this.ports.log('this host stays after all');
    this.ports.host.stay();
  }
}
