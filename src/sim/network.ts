// The simulated network: links between hosts and control-plane replicas, each direction for itself, with loss, delay and duplication.
import type { Rng } from '../shared/rng.js';
import type { VirtualTime } from './engine/virtual-time.js';

/** Where somebody is on the network: a host's name, or `control-plane` for replicas that live on no host. */
export type Position = string;

export const CONTROL_PLANE: Position = 'control-plane';
/** Redundant links of every host. */
export const LINKS = 2;
/** One way, on a quiet network. */
const DELAY_MS = 0.4;

export interface Weather {
  /** Added to each datagram's way, at most. */
  readonly jitterMs: number;
  /** Share of datagrams that come twice. */
  readonly duplicates: number;
}

interface Place {
  isolated: boolean;
  deaf: boolean;
  loss: number;
  delayMs: number;
  readonly linkDown: boolean[];
}

export class SimNetwork {
  weather: Weather = { jitterMs: 0, duplicates: 0 };
  readonly #places = new Map<Position, Place>();
  readonly #cuts = new Set<string>();
  /** Datagrams by the moment of their arrival: those of one beat come as one event. */
  readonly #arrivals = new Map<number, (() => void)[]>();

  constructor(
    private readonly time: VirtualTime,
    private readonly rng: Rng,
  ) {}

  // --- faults ---

  isolate(position: Position, isolated: boolean): void {
    this.#place(position).isolated = isolated;
  }

  deafen(position: Position, deaf: boolean): void {
    this.#place(position).deaf = deaf;
  }

  lose(position: Position, loss: number): void {
    this.#place(position).loss = loss;
  }

  /** Everything that it receives takes so much longer. */
  slow(position: Position, delayMs: number): void {
    this.#place(position).delayMs = delayMs;
  }

  link(position: Position, link: number, up: boolean): void {
    this.#place(position).linkDown[link] = !up;
  }

  cut(one: Position, other: Position, cut: boolean): void {
    if (cut) this.#cuts.add(pair(one, other));
    else this.#cuts.delete(pair(one, other));
  }

  // --- what gets through ---

  /** Does anything get from one place to another on this link? */
  carries(from: Position, to: Position, link: number): boolean {
    if (from === to) return true;
    const [source, target] = [this.#place(from), this.#place(to)];
    if (source.isolated || target.isolated || target.deaf || this.#cuts.has(pair(from, to))) return false;
    return source.linkDown[link] !== true && target.linkDown[link] !== true;
  }

  /** A connection (SSH, a migration's stream) needs one link that works both ways, and survives some loss. */
  connects(one: Position, other: Position): boolean {
    for (let link = 0; link < LINKS; link += 1) if (this.carries(one, other, link) && this.carries(other, one, link)) return Math.max(this.#place(one).loss, this.#place(other).loss) < 0.9;
    return false;
  }

  /** Is any link of the host up at all? */
  isUp(position: Position): boolean {
    const { isolated, linkDown } = this.#place(position);
    return !isolated && Array.from({ length: LINKS }, (_, link) => linkDown[link] !== true).some(Boolean);
  }

  /** Sends one datagram; `arrive` is called when it gets there. */
  send(from: Position, to: Position, link: number, arrive: () => void): void {
    if (!this.carries(from, to, link)) return;
    const loss = from === to ? 0 : Math.max(this.#place(from).loss, this.#place(to).loss);
    if (loss > 0 && this.rng.next() < loss) return;
    const { jitterMs, duplicates } = this.weather;
    const delayMs = DELAY_MS + (from === to ? 0 : this.#place(to).delayMs);
    this.#arriveAfter(delayMs + (jitterMs > 0 ? this.rng.next() * jitterMs : 0), arrive);
    if (duplicates > 0 && this.rng.next() < duplicates) this.#arriveAfter(delayMs + this.rng.next() * (jitterMs + 5), arrive);
  }

  #arriveAfter(ms: number, arrive: () => void): void {
    const atMs = this.time.nowMs + ms;
    const together = this.#arrivals.get(atMs);
    if (together) {
      together.push(arrive);
      return;
    }
    const arrivals = [arrive];
    this.#arrivals.set(atMs, arrivals);
    this.time.after(ms, () => {
      this.#arrivals.delete(atMs);
      for (const one of arrivals) one();
    }, true);
  }

  #place(position: Position): Place {
    let place = this.#places.get(position);
    if (!place) {
      place = { isolated: false, deaf: false, loss: 0, delayMs: 0, linkDown: [] };
      this.#places.set(position, place);
    }
    return place;
  }
}

const pair = (one: Position, other: Position): string => (one < other ? `${one}\n${other}` : `${other}\n${one}`);
