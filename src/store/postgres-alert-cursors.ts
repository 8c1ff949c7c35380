// The AlertCursors in Postgres: written by the leader only, together with what there is to say about it.
import type { DataSource, EntityManager } from 'typeorm';
import type { AlertCursor, AlertCursors, KeptCursor } from '../cluster/alert-cursor.js';
import type { NewClusterEvent } from '../cluster/cluster-event.js';
import { storableJson } from '../shared/storable.js';
import { addEvents } from './apply-changes.js';
import { asOperational } from './database-errors.js';
import type { AlertCursorRow } from './tables.js';

/** The leader's row stays locked until the end: nobody takes over in between. A target that is further already was told by the next leader. */
const SAVE = `INSERT INTO alert_cursor (target, seq, document) SELECT $1, $2::bigint, $3::jsonb FROM leader WHERE id = 1 AND epoch = $4 FOR SHARE
  ON CONFLICT (target) DO UPDATE SET seq = excluded.seq, document = excluded.document WHERE excluded.seq >= alert_cursor.seq RETURNING target`;

export class PostgresAlertCursors implements AlertCursors {
  constructor(
    private readonly source: DataSource,
    /** Where the cluster's changes are announced. */
    private readonly channel: string,
  ) {}

  async list(): Promise<readonly KeptCursor[]> {
    const rows = await asked(this.source.query<AlertCursorRow[]>('SELECT * FROM alert_cursor ORDER BY target COLLATE "C"'));
    return rows.map(({ target, seq, tested_at: testedAt, document }) => ({ ...document, target, seq: Number(seq), testedAtMs: testedAt === null ? null : new Date(testedAt).getTime() }));
  }

  async save(cursor: AlertCursor, { leaderEpoch, events }: { readonly leaderEpoch: number; readonly events: readonly NewClusterEvent[] }): Promise<boolean> {
    // Commits wait for nothing here, unless there is something to say, which is rare.
    if (events.length === 0) return (await asked(save(this.source.manager, cursor, leaderEpoch))) > 0;
    return asked(this.source.transaction(async (tx) => {
      // Events are numbered in the order of commits by whoever holds this row.
      await tx.query('SELECT version FROM cluster WHERE id = 1 FOR UPDATE');
      if ((await save(tx, cursor, leaderEpoch)) === 0) return false;
      await addEvents(tx, events);
      await tx.query('SELECT pg_notify($1, $2)', [this.channel, 'alerts']);
      return true;
    }));
  }

  async tested(target: string, atMs: number): Promise<void> {
    await asked(this.source.query(`UPDATE alert_cursor SET tested_at = $2 WHERE target = $1`, [target, new Date(atMs)]));
  }
}

/** How many rows were written. */
async function save(manager: EntityManager, { target, seq, ...document }: AlertCursor, leaderEpoch: number): Promise<number> {
  return (await manager.query<unknown[]>(SAVE, [target, seq, storableJson(document), leaderEpoch])).length;
}

async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw asOperational(error);
  }
}
