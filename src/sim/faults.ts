// What is broken now, and what was a short while ago: whether a host that is reset or fenced had anything wrong with it.
import type { VirtualTime } from './engine/virtual-time.js';

/** What a fault left behind may show so much later. */
const AFTERMATH_MS = 180_000;

export class Faults {
  readonly #active = new Map<string, Set<string>>();
  readonly #lastMs = new Map<string, number>();

  constructor(
    private readonly time: VirtualTime,
    private readonly voters: number,
  ) {}

  begin(subject: string, fault: string): void {
    const active = this.#active.get(subject) ?? new Set();
    active.add(fault);
    this.#active.set(subject, active);
    this.#lastMs.set(subject, this.time.nowMs);
  }

  end(subject: string, ...faults: readonly string[]): void {
    for (const fault of faults) this.#active.get(subject)?.delete(fault);
    this.#lastMs.set(subject, this.time.nowMs);
  }

  /** Anything that began and is not over. */
  get active(): readonly string[] {
    return [...this.#active].flatMap(([subject, faults]) => [...faults].map((fault) => `${subject}: ${fault}`));
  }

  isTouched(subject: string): boolean {
    if ((this.#active.get(subject)?.size ?? 0) > 0) return true;
    const lastMs = this.#lastMs.get(subject);
    return lastMs !== undefined && this.time.nowMs - lastMs < AFTERMATH_MS;
  }

  /** By a fault of its own, or because so much else is broken that it may have lost its majority. */
  isDisturbed(host: string): boolean {
    if (this.isTouched(host)) return true;
    const touched = [...new Set([...this.#active.keys(), ...this.#lastMs.keys()])].filter((subject) => this.isTouched(subject));
    return 2 * touched.length >= this.voters;
  }
}
