// Which losses a mode asks about: any one host, any two, any one zone.
import type { Host } from '../hosts/host.js';
import type { PlacementView } from './placement.js';
import { usageAt } from './usage.js';

export const ROOM_MODES = ['n+1', 'n+2', 'zone'] as const;
export type RoomMode = (typeof ROOM_MODES)[number];

/** What is lost at once. */
export interface LossToTry {
  /** By id. */
  readonly hosts: readonly Host[];
  readonly zone: string | null;
}

export interface LossesToTry {
  readonly losses: readonly LossToTry[];
  /** Hosts that are in no pair, as there are too many; 0: all are. */
  readonly leftOut: number;
}

/** Pairs are tried of so many hosts, the fullest: 64 make 2,016. */
export const HOSTS_IN_PAIRS = 64;

/** Only hosts that are in service can be lost: what is off is lost already, and what is silent is being decided about. By the ids of their hosts. */
export function lossesToTry(view: PlacementView, mode: RoomMode): LossesToTry {
  const hosts = view.hosts.filter(({ condition }) => condition === 'online').sort((one, other) => (one.id < other.id ? -1 : 1));
  const single = (host: Host): LossToTry => ({ hosts: [host], zone: null });
  if (mode === 'n+1' || (mode === 'n+2' && hosts.length < 2)) return { losses: hosts.map(single), leftOut: 0 };
  if (mode === 'n+2') {
    const paired = fullest(view, hosts);
    return { losses: paired.flatMap((one, nth) => paired.slice(nth + 1).map((other) => ({ hosts: [one, other], zone: null }))), leftOut: hosts.length - paired.length };
  }
  const names = [...new Set(hosts.map(({ zone }) => zone).filter((zone) => zone !== null))].sort();
  const zones = names.map((zone) => ({ hosts: hosts.filter((host) => host.zone === zone), zone }));
  return { losses: [...zones, ...hosts.filter(({ zone }) => zone === null).map(single)], leftOut: 0 };
}

function fullest(view: PlacementView, hosts: readonly Host[]): readonly Host[] {
  if (hosts.length <= HOSTS_IN_PAIRS) return hosts;
  const used = (host: Host): number => usageAt(view, host.id).memoryMiB;
  const chosen = new Set([...hosts].sort((one, other) => used(other) - used(one)).slice(0, HOSTS_IN_PAIRS));
  return hosts.filter((host) => chosen.has(host));
}
