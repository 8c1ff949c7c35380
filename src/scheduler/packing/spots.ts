// The places that a keep-apart rule tells apart.
import type { Host } from '../../hosts/host.js';
import { zoneOf } from '../../hosts/zone.js';
import type { KeepApartRule } from '../placement-rule.js';

/** By host row: the row of its place. Two hosts with one place count as one. */
export function spotsOf(rule: Pick<KeepApartRule, 'per'>, hosts: readonly Host[]): Int32Array {
  return rule.per === 'zone' ? zoneRows(hosts) : Int32Array.from(hosts, (_host, row) => row);
}

/** By host row: the row of the first host of its zone. */
export function zoneRows(hosts: readonly Host[]): Int32Array {
  const first = new Map<string, number>();
  return Int32Array.from(hosts, (host, row) => {
    const zone = zoneOf(host);
    const known = first.get(zone) ?? row;
    first.set(zone, known);
    return known;
  });
}
