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
  /** Since when (wall clock) something is. */
  readonly sinceMs: number;
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

/** What is to be kept after this look; the time at which trouble began stays while there is any. */
export function troubleAfter(look: HealthLook, before: HostTrouble | null, nowMs: number): HostTrouble | null {
  if (look.deadBridges.length === 0 && look.failing.length === 0) return null;
  return { ...look, sinceMs: before?.sinceMs ?? nowMs };
}

/** Do they tell a person the same? Counts that rise do. */
export function isSameTrouble(one: HealthLook | null, other: HealthLook | null): boolean {
  const kinds = (look: HealthLook | null): string => (look === null ? '' : describeTrouble(look).replace(/ \(\d+\)/g, ''));
  return kinds(one) === kinds(other);
}
