// Listening: may we judge others, or have we just started, or not been listening ourselves?
import { seconds } from './membership-evidence.js';
import type { Timing } from './timing.js';

export class Listening {
  #lastTickMs: number;
  #blindUntilMs: number;
  #stalledMs: number | null = null;

  constructor(
    private readonly timing: Timing,
    private readonly startMs: number,
  ) {
    this.#lastTickMs = startMs;
    this.#blindUntilMs = startMs + timing.startupGraceMs;
  }

  /** To be called before anything that was received late is looked at. */
  tick(nowMs: number): void {
    this.#noticeStall(nowMs);
    this.#lastTickMs = nowMs;
  }

  /** True while what we do not hear says nothing. Also asked between ticks, when a stall may not be noticed yet. */
  isBlind(nowMs: number): boolean {
    this.#noticeStall(nowMs);
    return nowMs < this.#blindUntilMs;
  }

  /** Blind because of an own stall rather than of a young start. */
  isStalled(nowMs: number): boolean {
    return this.isBlind(nowMs) && this.#stalledMs !== null;
  }

  evidence(nowMs: number): string {
    if (!this.isBlind(nowMs)) return `listening for ${seconds(nowMs - this.startMs)}`;
    if (this.#stalledMs !== null) return `own stall of ${seconds(this.#stalledMs)}: nobody is judged for another ${seconds(this.#blindUntilMs - nowMs)}`;
    return `listening for ${seconds(nowMs - this.startMs)}; nobody is judged before ${seconds(this.timing.startupGraceMs)}`;
  }

  #noticeStall(nowMs: number): void {
    const sinceMs = nowMs - this.#lastTickMs;
    if (sinceMs <= this.timing.tickMs + this.timing.stallMs) return;
    this.#stalledMs = sinceMs;
    this.#blindUntilMs = Math.max(this.#blindUntilMs, nowMs + this.timing.stallGraceMs);
  }
}
