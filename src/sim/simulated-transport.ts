// The Transport port over the simulated network: messages as objects, without bytes or signatures; replays are refused as by the real one.
import type { EndpointIdentity, Flags, MessageBody, OpenTransport, Transport, TransportEvents } from '../agent/transport.js';
import type { Message } from '../cluster/heartbeat-message.js';
import { ReplayGuard } from '../cluster/replay-guard.js';
import { hash64 } from '../cluster/wire.js';
import type { AgentMember } from '../hosts/host-agent.js';
import type { SimProcess } from './engine/sim-process.js';
import { LINKS, type Position, type SimNetwork } from './network.js';

interface Endpoint {
  readonly process: SimProcess;
  readonly position: Position;
  readonly received: (fromId: string, message: Message) => void;
}

const HASHES = new Map<string, bigint>();

function hashOf(id: string): bigint {
  const known = HASHES.get(id) ?? hash64(id);
  HASHES.set(id, known);
  return known;
}

/** Who listens where: one table for the whole network. */
export class Switchboard {
  readonly #endpoints = new Map<string, Endpoint>();

  constructor(readonly network: SimNetwork) {}

  opener(process: SimProcess, position: Position): OpenTransport {
    return (identity, events) => new SimulatedTransport(this, { process, position }, identity, events);
  }

  register(id: string, endpoint: Endpoint): void {
    this.#endpoints.set(id, endpoint);
  }

  unregister(id: string, process: SimProcess): void {
    if (this.#endpoints.get(id)?.process === process) this.#endpoints.delete(id);
  }

  send(from: { readonly id: string; readonly position: Position }, toId: string, link: number, make: () => Message): void {
    const to = this.#endpoints.get(toId);
    if (!to || !this.network.carries(from.position, to.position, link)) return;
    const message = make();
    this.network.send(from.position, to.position, link, () => {
      const now = this.#endpoints.get(toId);
      now?.process.receive(() => now.received(from.id, message));
    });
  }
}

class SimulatedTransport implements Transport {
  members: readonly AgentMember[] = [];
  #identity: EndpointIdentity;
  #sequence = 0;
  #isOpen = false;
  #known = new Set<string>();
  readonly #replays = new ReplayGuard();

  constructor(
    private readonly board: Switchboard,
    private readonly at: { readonly process: SimProcess; readonly position: Position },
    identity: EndpointIdentity,
    private readonly events: TransportEvents,
  ) {
    this.#identity = identity;
  }

  get nextSequence(): number {
    return this.#sequence + 1;
  }

  setIdentity(identity: Omit<EndpointIdentity, 'startStamp' | 'bootId'>): void {
    this.#identity = { ...this.#identity, ...identity };
  }

  setMembers(members: readonly AgentMember[]): void {
    this.members = members.filter((member) => member.id !== this.#identity.id);
    this.#known = new Set(this.members.map((member) => member.id));
  }

  async listen(): Promise<void> {
    this.#isOpen = true;
    this.board.register(this.#identity.id, { ...this.at, received: (fromId, message) => this.#received(fromId, message) });
  }

  send(toId: string, flags: Flags, bodyFor: (link: number) => MessageBody): void {
    if (!this.#isOpen || !this.#known.has(toId)) return;
    const { id, role, bootId, startStamp, clusterId } = this.#identity;
    const from = { id, position: this.at.position };
    const [cluster, sender, recipient] = [hashOf(clusterId), hashOf(id), hashOf(toId)];
    const monotonicMs = this.events.monotonicMs();
    for (let link = 0; link < LINKS; link += 1) {
      this.#sequence += 1;
      const sequence = this.#sequence;
      this.board.send(from, toId, link, () => ({ cluster, sender, recipient, role, link, bootId, startStamp, sequence, monotonicMs, ...flags, ...bodyFor(link) }));
    }
  }

  troubles(): readonly string[] {
    return [];
  }

  close(): void {
    this.#isOpen = false;
    this.board.unregister(this.#identity.id, this.at.process);
  }

  #received(fromId: string, message: Message): void {
    if (this.#isOpen && this.#known.has(fromId) && this.#replays.accept(message)) this.events.onMessage(fromId, message);
  }
}
