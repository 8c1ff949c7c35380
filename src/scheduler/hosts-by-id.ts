// The hosts of a view by id: the order in which ties are broken.
import type { Host } from '../hosts/host.js';

/** A view's hosts never change: they are sorted once. */
const SORTED = new WeakMap<readonly Host[], readonly Host[]>();

export function hostsById(hosts: readonly Host[]): readonly Host[] {
  const known = SORTED.get(hosts) ?? [...hosts].sort((one, other) => compareIds(one.id, other.id));
  SORTED.set(hosts, known);
  return known;
}

export const compareIds = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);
