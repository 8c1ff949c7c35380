// Which hosts count for evenness: those that take workloads now.
import { isQuarantined } from '../../hosts/host.js';
import type { Packing } from './packing.js';

/** Online, in service, neither cordoned nor left: a host that nothing may go to is not expected to be as full as the others. */
export function takesPart(packing: Packing, row: number): boolean {
  const host = packing.model.hosts[row];
  return host !== undefined && host.facts !== null && host.condition === 'online' && host.intent === 'active' && !host.cordoned && host.leaving === null && !isQuarantined(host) && packing.closed[row] === 0;
}
