// The places that a keep-apart rule tells apart.
import type { Host } from '../../hosts/host.js';
import type { KeepApartRule } from '../placement-rule.js';

/** By host row: the row of its place. Two hosts with one place count as one. */
export function spotsOf(_rule: KeepApartRule, hosts: readonly Host[]): Int32Array {
  return Int32Array.from(hosts, (_host, row) => row);
}
