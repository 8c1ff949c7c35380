// Small durable things: settings by key, and the audit log of what people did.
import type { DataSource } from 'typeorm';
import { storableJson } from '../shared/storable.js';
import { asOperational } from './database-errors.js';
import type { AuditRow, SettingRow } from './tables.js';

export class PostgresSettings {
  constructor(private readonly source: DataSource) {}

  async get<Value>(key: string): Promise<Value | null> {
    const [row] = await ask<SettingRow>(this.source, 'SELECT value FROM setting WHERE key = $1', [key]);
    return row ? (row.value as Value) : null;
  }

  /** All values whose keys begin with the prefix, by key. */
  async list<Value>(prefix: string): Promise<readonly Value[]> {
    const rows = await this.source.query<SettingRow[]>('SELECT value FROM setting WHERE starts_with(key, $1) ORDER BY key', [prefix]);
    return rows.map((row) => row.value as Value);
  }

  async set(key: string, value: unknown): Promise<void> {
    await ask(this.source, 'INSERT INTO setting (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value', [key, storableJson(value)]);
  }

  /** Keeps the first value that any replica set, and returns it. */
  async setOnce<Value>(key: string, value: Value): Promise<Value> {
    await ask(this.source, 'INSERT INTO setting (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING', [key, storableJson(value)]);
    return (await this.get<Value>(key)) ?? value;
  }
}

export interface AuditEntry {
  readonly seq: number;
  readonly atMs: number;
  /** Who: the operator's name, or the token's. */
  readonly actor: string;
  /** What: "host.confirm-off". */
  readonly action: string;
  /** On what: a name, or ''. */
  readonly target: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export class PostgresAudit {
  constructor(private readonly source: DataSource) {}

  async append(entry: Omit<AuditEntry, 'seq' | 'atMs'>): Promise<void> {
    const sql = 'INSERT INTO audit (actor, action, target, details) SELECT actor, action, target, details FROM jsonb_to_record($1::jsonb) AS r(actor text, action text, target text, details jsonb)';
    await ask(this.source, sql, [storableJson(entry)]);
  }

  /** Newest first; `beforeSeq` for the next page. */
  async list(limit: number, beforeSeq: number | null = null): Promise<readonly AuditEntry[]> {
    const rows = await ask<AuditRow>(this.source, 'SELECT * FROM audit WHERE $2::bigint IS NULL OR seq < $2 ORDER BY seq DESC LIMIT $1', [limit, beforeSeq]);
    return rows.map(({ seq, at, ...rest }) => ({ ...rest, seq: Number(seq), atMs: new Date(at).getTime() }));
  }
}

async function ask<Row>(source: DataSource, sql: string, values: readonly unknown[]): Promise<Row[]> {
  try {
    return await source.query<Row[]>(sql, [...values]);
  } catch (error) {
    throw asOperational(error);
  }
}
