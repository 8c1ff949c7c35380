// What a host says about its own health: the uplinks of its guests' bridges, and hardware that is failing.
// A hint, never a proof: it decides where workloads are better off, and keeps none of them down.
import type { Host } from './host.js';

export interface DeadBridge {
  readonly bridge: string;
  /** "its uplink eth1 has no carrier" */
  readonly why: string;
}

/** What is wrong now. Two empty lists: nothing that the host can see. */
export interface HealthLook {
  /** Bridges that have uplinks, and none of them a carrier: guests there reach nobody beyond the host. By name, in order. */
  readonly deadBridges: readonly DeadBridge[];
  /** Hardware that reports to be failing, a sentence each, in order: "memory controller mc0 counts uncorrectable errors (2)". */
  readonly failing: readonly string[];
}

/** Something is wrong. */
export interface HostTrouble extends HealthLook {
  /** Since when (wall clock) a bridge leads nowhere, and hardware is failing; null: neither does now. */
  readonly bridgesSinceMs: number | null;
  readonly failingSinceMs: number | null;
}

/** Those of these bridges that lead nowhere on this host. */
export function deadAmong({ trouble }: Pick<Host, 'trouble'>, bridges: readonly string[]): readonly DeadBridge[] {
  return trouble?.deadBridges.filter(({ bridge }) => bridges.includes(bridge)) ?? [];
}

export const isFailing = ({ trouble }: Pick<Host, 'trouble'>): boolean => (trouble?.failing.length ?? 0) > 0;

/** What is wrong, in one line without its end; '' when nothing is. */
export function describeTrouble({ deadBridges, failing }: HealthLook): string {
  return [...deadBridges.map(({ bridge, why }) => `${bridge} leads nowhere: ${why}`), ...failing].join('; ');
}

/** What is to be kept after this look; the time at which trouble of a kind began stays while there is any of it. */
export function troubleAfter(look: HealthLook, before: HostTrouble | null, nowMs: number): HostTrouble | null {
  if (look.deadBridges.length === 0 && look.failing.length === 0) return null;
  return {
    ...look,
    bridgesSinceMs: look.deadBridges.length > 0 ? (before?.bridgesSinceMs ?? nowMs) : null,
    failingSinceMs: look.failing.length > 0 ? (before?.failingSinceMs ?? nowMs) : null,
  };
}

/** Do they tell a person the same? Counts that rise do. */
export function isSameTrouble(one: HealthLook | null, other: HealthLook | null): boolean {
  const kinds = (look: HealthLook | null): string => (look === null ? '' : describeTrouble(look).replace(/ \(\d+\)/g, ''));
  return kinds(one) === kinds(other);
}

/** The part of its trouble that has lasted so long; null: none has. */
export function lasting(trouble: HostTrouble | null, forMs: number, nowMs: number): HostTrouble | null {
  if (trouble === null) return null;
  const isOld = (sinceMs: number | null): boolean => sinceMs !== null && nowMs - sinceMs >= forMs;
  const part = { ...trouble, deadBridges: isOld(trouble.bridgesSinceMs) ? trouble.deadBridges : [], failing: isOld(trouble.failingSinceMs) ? trouble.failing : [] };
  return part.deadBridges.length + part.failing.length === 0 ? null : part;
}
