// Small durable things: settings by key, and the audit log of what people did.
import type { DataSource } from 'typeorm';
import { AuditTable, type AuditRow, type SettingRow } from './tables.js';

export class PostgresSettings {
  constructor(private readonly source: DataSource) {}

  async get<Value>(key: string): Promise<Value | null> {
    const [row] = await this.source.query<SettingRow[]>('SELECT value FROM setting WHERE key = $1', [key]);
    return row ? (row.value as Value) : null;
  }

  async set(key: string, value: unknown): Promise<void> {
    await this.source.query('INSERT INTO setting (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value', [key, JSON.stringify(value)]);
  }

  /** Keeps the first value that any replica set, and returns it. */
  async setOnce<Value>(key: string, value: Value): Promise<Value> {
    await this.source.query('INSERT INTO setting (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING', [key, JSON.stringify(value)]);
    return (await this.get<Value>(key)) ?? value;
  }
}

export interface AuditEntry {
  readonly seq: number;
  readonly atMs: number;
  readonly actor: string;
  readonly action: string;
  readonly target: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export class PostgresAudit {
  constructor(private readonly source: DataSource) {}

  async append(entry: Omit<AuditEntry, 'seq' | 'atMs'>): Promise<void> {
    await this.source.getRepository(AuditTable).insert({ ...entry, details: { ...entry.details } as never });
  }

  async list(limit: number): Promise<readonly AuditEntry[]> {
    const rows = await this.source.query<AuditRow[]>('SELECT * FROM audit ORDER BY seq DESC LIMIT $1', [limit]);
    return rows.map(({ seq, at, ...rest }) => ({ ...rest, seq: Number(seq), atMs: new Date(at).getTime() }));
  }
}
