// Hosts that are lost again and again: how often is too often, and for how long they are kept out.
import type { HostFlapping } from './host.js';

export interface QuarantinePolicy {
  /** Lost so often within the window: quarantined. */
  readonly lost: number;
  readonly withinMs: number;
  /** The first quarantine; doubles with each further one, up to the maximum. */
  readonly firstMs: number;
  readonly maxMs: number;
  /** After so long without another quarantine the next one is a first one again. */
  readonly forgottenMs: number;
}

export const DEFAULT_QUARANTINE: QuarantinePolicy = { lost: 3, withinMs: 3_600_000, firstMs: 600_000, maxMs: 86_400_000, forgottenMs: 86_400_000 };

/** Of so many losses no more are remembered: the window holds far fewer that matter. */
const REMEMBERED = 100;

export function lostOnceMore({ lostAtMs, quarantine }: HostFlapping, nowMs: number, { withinMs }: QuarantinePolicy): HostFlapping {
  return { lostAtMs: [...lostAtMs.filter((atMs) => nowMs - atMs < withinMs), nowMs].slice(-REMEMBERED), quarantine };
}

export const lossesWithin = ({ lostAtMs }: HostFlapping, nowMs: number, { withinMs }: QuarantinePolicy): number => lostAtMs.filter((atMs) => nowMs - atMs < withinMs).length;

/** The quarantine that it is to get now; null: not too often yet, or it has one. */
export function quarantineDue(flapping: HostFlapping, nowMs: number, policy: QuarantinePolicy): HostFlapping['quarantine'] {
  const { quarantine: last } = flapping;
  if ((last && !last.isOver) || lossesWithin(flapping, nowMs, policy) < policy.lost) return null;
  const times = last && nowMs - last.untilMs < policy.forgottenMs ? last.times + 1 : 1;
  const forMs = Math.min(policy.maxMs, policy.firstMs * 2 ** Math.min(times - 1, 30));
  return { sinceMs: nowMs, untilMs: nowMs + forMs, times, isOver: false };
}

/** After the end of a quarantine the losses before it count no more; how many quarantines there were is remembered. */
export function released({ quarantine }: HostFlapping): HostFlapping {
  return { lostAtMs: [], quarantine: quarantine ? { ...quarantine, isOver: true } : null };
}
