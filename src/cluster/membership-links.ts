// LinkTable: when each member was last heard on each link, and when it last said that it hears us there.
import type { Heartbeat } from './heartbeat-message.js';
import { SentTimes } from './sent-times.js';
import type { Timing } from './timing.js';

/** What one observer says of one member. */
export type Opinion = 'heard' | 'suspect' | 'silent';

export interface LinkAges {
  /** Since its last heartbeat arrived. */
  readonly heardMs: number;
  /** Since we sent the newest of our heartbeats that it says it has received. */
  readonly ackMs: number;
  /** Since the link last worked both ways. */
  readonly twoWayMs: number;
  /** False: nothing came on this link yet, and the ages count from when the member was added. */
  readonly everHeard: boolean;
}

interface Link {
  heardAtMs: number;
  ackAtMs: number;
  /** Its newest message on this link: what we acknowledge. */
  newest: { readonly startStamp: number; readonly sequence: number } | null;
}

const NONE: readonly Link[] = [];

export class LinkTable {
  readonly #links = new Map<string, Link[]>();
  readonly #sent = new SentTimes();

  constructor(
    private readonly ownStamp: number,
    private readonly timing: Timing,
  ) {}

  /** Ages count from here: a member that was just added has one whole window to be heard. */
  add(memberId: string, links: number, nowMs: number): void {
    const known = this.#links.get(memberId) ?? [];
    const fresh = (): Link => ({ heardAtMs: nowMs, ackAtMs: nowMs, newest: null });
    this.#links.set(memberId, Array.from({ length: links }, (_, link) => known[link] ?? fresh()));
  }

  /** Links on which nothing came yet count from now. */
  begin(nowMs: number): void {
    for (const link of [...this.#links.values()].flat()) {
      if (!link.newest) Object.assign(link, { heardAtMs: nowMs, ackAtMs: nowMs });
    }
  }

  remove(memberId: string): void {
    this.#links.delete(memberId);
  }

  /** When we sent what it acknowledges; null: nothing of ours. */
  feed(memberId: string, { link, ack, startStamp, sequence }: Heartbeat, nowMs: number): number | null {
    const entry = this.#links.get(memberId)?.[link];
    if (!entry) return null;
    entry.heardAtMs = nowMs;
    entry.newest = { startStamp, sequence };
    // An acknowledgement of our process before its restart says nothing about now (and may be a replay).
    const sentAtMs = ack?.startStamp === this.ownStamp ? this.#sent.sentAtMs(ack.sequence) : null;
    if (sentAtMs !== null) entry.ackAtMs = Math.max(entry.ackAtMs, sentAtMs);
    return sentAtMs;
  }

  /** To be called before each beat with the sequence of its first message. */
  sending(firstSequence: number, nowMs: number): void {
    this.#sent.record(firstSequence, nowMs);
  }

  ages(memberId: string, nowMs: number): readonly LinkAges[] {
    return (this.#links.get(memberId) ?? []).map((link) => ({ heardMs: nowMs - link.heardAtMs, ackMs: nowMs - link.ackAtMs, twoWayMs: this.#twoWayMs(link, nowMs), everHeard: link.newest !== null }));
  }

  /** The best link decides: one that works both ways is enough. Asked for every member at every tick. */
  ageMs(memberId: string, nowMs: number): number {
    let ageMs = Infinity;
    for (const link of this.#links.get(memberId) ?? NONE) ageMs = Math.min(ageMs, this.#twoWayMs(link, nowMs));
    return ageMs;
  }

  /** Of each link, as others are told. */
  twoWayMs(memberId: string, nowMs: number): number[] {
    return (this.#links.get(memberId) ?? NONE).map((link) => this.#twoWayMs(link, nowMs));
  }

  /** An acknowledgement is up to one interval old when it is sent; that is no sign of trouble. */
  #twoWayMs({ heardAtMs, ackAtMs }: Link, nowMs: number): number {
    return Math.max(nowMs - heardAtMs, nowMs - ackAtMs - this.timing.heartbeatMs);
  }

  opinion(memberId: string, nowMs: number): Opinion {
    const ageMs = this.ageMs(memberId, nowMs);
    if (ageMs <= this.timing.suspectMs) return 'heard';
    return ageMs <= this.timing.silentMs ? 'suspect' : 'silent';
  }

  /** Has anything come from it since it was added? */
  everHeard(memberId: string): boolean {
    return (this.#links.get(memberId) ?? NONE).some((link) => link.newest !== null);
  }

  ack(memberId: string, link: number, nowMs: number): Heartbeat['ack'] {
    const entry = this.#links.get(memberId)?.[link];
    return entry?.newest ? { startStamp: entry.newest.startStamp, sequence: entry.newest.sequence, ageMs: nowMs - entry.heardAtMs } : null;
  }
}
