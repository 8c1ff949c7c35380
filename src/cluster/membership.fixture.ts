// A cluster in virtual time for tests of the membership: members, links with cuts and losses, stalls and restarts.
import type { Heartbeat } from './heartbeat-message.js';
import { Membership, type Member } from './membership.js';
import { deriveTiming, DEFAULT_TIMING_SETTINGS, type Timing } from './timing.js';
import type { ClusterVerdict, HostVerdict } from './verdict.js';
import { seededRng, type Rng } from '../shared/rng.js';

const derived = deriveTiming(DEFAULT_TIMING_SETTINGS);
if (!derived.ok) throw new Error(derived.error.join());
export const TIMING: Timing = derived.value;

interface Actor {
  membership: Membership;
  startStamp: number;
  sequence: number;
  isUp: boolean;
  stalledUntilMs: number;
  leaving: boolean;
  nextBeatMs: number;
  /** Arrived while it was stalled. */
  readonly inbox: { fromId: string; heartbeat: Heartbeat }[];
  missed: Set<string>;
}

const STEP_MS = 50;
const DELAY_MS = 1;

export class VirtualCluster {
  nowMs = 1_000;
  /** Says whether a datagram gets lost. */
  loses: (fromId: string, toId: string, link: number, rng: Rng) => boolean = () => false;
  /** Takes a datagram out of the network, to be fed later by the test. */
  holds: (fromId: string, toId: string, heartbeat: Heartbeat) => boolean = () => false;
  /** Called after each judgement of each member. */
  onVerdict: (byId: string, verdict: ClusterVerdict) => void = () => undefined;
  readonly #actors = new Map<string, Actor>();
  readonly #rng: Rng;
  #members: readonly Member[];

  constructor(hosts: number, witnesses = 1, readonly links = 2, seed = 1) {
    this.#rng = seededRng(seed);
    const host = (_: unknown, at: number): Member => ({ id: `h${at + 1}`, name: `host-${at + 1}`, role: 'host', links, isVoter: true });
    const witness = (_: unknown, at: number): Member => ({ id: `w${at + 1}`, name: `witness-${at + 1}`, role: 'witness', links, isVoter: true });
    this.#members = [...Array.from({ length: hosts }, host), ...Array.from({ length: witnesses }, witness)];
    for (const member of this.#members) this.start(member.id);
  }

  get ids(): readonly string[] {
    return this.#members.map((member) => member.id);
  }

  /** Starts it, or starts it again: a new process that remembers nothing. */
  start(id: string): void {
    const member = this.#members.find((one) => one.id === id);
    if (!member) throw new Error(`no member ${id}`);
    const startStamp = this.nowMs;
    const membership = new Membership({ id, role: member.role, isVoter: true, startStamp }, TIMING, this.nowMs);
    membership.setMembers(this.#members.filter((one) => one.id !== id), this.nowMs);
    const nextBeatMs = this.nowMs + this.#rng.int(TIMING.heartbeatMs);
    this.#actors.set(id, { membership, startStamp, sequence: 0, isUp: true, stalledUntilMs: 0, leaving: false, nextBeatMs, inbox: [], missed: new Set() });
  }

  kill(id: string): void {
    this.#actor(id).isUp = false;
  }

  leave(id: string): void {
    const actor = this.#actor(id);
    actor.leaving = true;
    this.#beat(id, actor);
    actor.isUp = false;
  }

  stall(id: string, forMs: number): void {
    this.#actor(id).stalledUntilMs = this.nowMs + forMs;
  }

  /** Takes a vote away or gives one, as fencing and admission do. */
  setVoter(id: string, isVoter: boolean): void {
    this.#members = this.#members.map((member) => (member.id === id ? { ...member, isVoter } : member));
    for (const [own, actor] of this.#actors) actor.membership.setMembers(this.#members.filter((one) => one.id !== own), this.nowMs);
  }

  run(forMs: number): void {
    const endMs = this.nowMs + forMs;
    while (this.nowMs < endMs) {
      this.nowMs += STEP_MS;
      for (const [id, actor] of this.#actors) this.#step(id, actor);
    }
  }

  membership(id: string): Membership {
    return this.#actor(id).membership;
  }

  verdict(byId = 'w1'): ClusterVerdict {
    return this.membership(byId).verdict;
  }

  host(id: string, byId = 'w1'): HostVerdict {
    const found = this.verdict(byId).hosts.find((host) => host.hostId === id);
    if (!found) throw new Error(`no verdict about ${id}`);
    return found;
  }

  #actor(id: string): Actor {
    const actor = this.#actors.get(id);
    if (!actor) throw new Error(`no member ${id}`);
    return actor;
  }

  #step(id: string, actor: Actor): void {
    if (!actor.isUp || actor.stalledUntilMs > this.nowMs) return;
    // As in an event loop: timers first, then what has arrived meanwhile.
    if (actor.nextBeatMs <= this.nowMs) {
      this.#beat(id, actor);
      actor.nextBeatMs = Math.max(actor.nextBeatMs + TIMING.heartbeatMs, this.nowMs);
    }
    this.onVerdict(id, actor.membership.tick(this.nowMs, 1_700_000_000_000 + this.nowMs));
    this.#beatOnNewSilence(id, actor);
    for (const { fromId, heartbeat } of actor.inbox.splice(0)) actor.membership.feed(fromId, heartbeat, this.nowMs);
  }

  #beatOnNewSilence(id: string, actor: Actor): void {
    const missed = new Set(actor.membership.sights(this.nowMs).filter((sight) => sight.opinion === 'silent').map((sight) => sight.id));
    if ([...missed].some((one) => !actor.missed.has(one))) this.#beat(id, actor);
    actor.missed = missed;
  }

  #beat(id: string, actor: Actor): void {
    actor.membership.sending(actor.sequence + 1, this.nowMs);
    const hearing = actor.membership.hearing(this.nowMs).map((one) => ({ ...one, ageMs: one.ageMs.map(Math.round) }));
    for (const to of this.#members) {
      if (to.id === id) continue;
      for (let link = 0; link < this.links; link++) {
        if (this.loses(id, to.id, link, this.#rng)) continue;
        this.#deliver(id, to.id, {
          kind: 'heartbeat', cluster: 0n, sender: 0n, recipient: 0n, role: 'host', link, leaving: actor.leaving ? 'stop' : null, goingDown: null, blind: actor.membership.isBlind(this.nowMs), bootId: `boot-${id}`,
          startStamp: actor.startStamp, sequence: ++actor.sequence, monotonicMs: this.nowMs, hostEpoch: null, voterEpoch: null, leaseHeld: false, enforcing: false, excludes: false, load1: 0, freeMemoryMiB: 0, ack: actor.membership.ack(to.id, link, this.nowMs), hearing,
        });
      }
    }
  }

  #deliver(fromId: string, toId: string, heartbeat: Heartbeat): void {
    const to = this.#actor(toId);
    if (!to.isUp || this.holds(fromId, toId, heartbeat)) return;
    if (to.stalledUntilMs > this.nowMs) to.inbox.push({ fromId, heartbeat });
    else to.membership.feed(fromId, heartbeat, this.nowMs + DELAY_MS);
  }
}
