// Zones: which hosts fail together. A host without one is a zone of its own.
import type { Host } from './host.js';

type Placed = Pick<Host, 'id' | 'zone'>;

/** Two hosts are in one zone when these are the same; to compare, not to show. */
export const zoneOf = ({ id, zone }: Placed): string => (zone === null ? `host ${id}` : `zone ${zone}`);

/** For a sentence: zone a, or host-1, which stands alone. */
export const zoneName = ({ name, zone }: Pick<Host, 'name' | 'zone'>): string => (zone === null ? `${name} (in no zone)` : `zone ${zone}`);

/** What selectors see of a host: its labels, and its zone by the name of zone. */
export const hostLabels = ({ labels, zone }: Pick<Host, 'labels' | 'zone'>): Host['labels'] => (zone === null ? labels : { ...labels, zone });
