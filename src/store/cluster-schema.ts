// Where a cluster's tables are: the first one's where the database user's are by default, each further one's in a schema of its own.
import type { ConnectionConfig } from './connection.js';
import { inSchema } from './connection.js';

/** One cluster's place in the database. */
export interface ClusterPlace {
  /** Null: the default one of the database's user. */
  readonly schema: string | null;
  /** Where its changes are announced. */
  readonly channel: string;
}

const PREFIX = 'cluster_';
const CHANNEL = 'reeve_change';

/** `further`: the name of a cluster beside the first; null: the first. Names have lower-case letters, digits and hyphens, and so each its own schema. */
export function placeOf(further: string | null): ClusterPlace {
  if (further === null) return { schema: null, channel: CHANNEL };
  const schema = `${PREFIX}${further.replaceAll('-', '_')}`;
  return { schema, channel: `${CHANNEL}_${schema}` };
}

export const connectionTo = (connection: ConnectionConfig, { schema }: ClusterPlace): ConnectionConfig => (schema === null ? connection : inSchema(connection, schema));

/** The cluster whose schema this is; null: it is no cluster's. */
export function furtherOf(schema: string): string | null {
  return schema.startsWith(PREFIX) ? schema.slice(PREFIX.length).replaceAll('_', '-') : null;
}
