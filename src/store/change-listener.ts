// Hears of changes by LISTEN on one connection for all clusters, and reconnects for ever; a missed notification costs one poll.
import pg from 'pg';
import { Defect } from '../shared/errors.js';
import type { ConnectionConfig } from './connection.js';

/** Between two tries to connect: long enough to spare a database that is starting, short against a failover. */
const AGAIN_MS = 1_000;
const CONNECT_MS = 5_000;
/** A connection can die without a word (a cable, a firewall). Asked this often, it must answer in time, or it is replaced. */
const ASK_EVERY_MS = 10_000;
const ANSWER_MS = 5_000;

export class ChangeListener {
  readonly #listeners: ReadonlyMap<string, Set<() => void>>;
  #client: pg.Client | null = null;
  #stopped = false;
  #timer: NodeJS.Timeout | null = null;

  /** `channels`: one per cluster, so that a change in one does not wake the others. */
  constructor(
    private readonly connection: ConnectionConfig,
    channels: readonly string[],
  ) {
    this.#listeners = new Map(channels.map((channel) => [channel, new Set()]));
  }

  /** Throws Defect for a channel that is not listened on. */
  add(channel: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(channel);
    if (!listeners) throw new Defect(`nobody listens on ${channel}`);
    const own = (): void => listener();
    listeners.add(own);
    return () => void listeners.delete(own);
  }

  async start(): Promise<void> {
    if (this.#stopped) return;
    const client = new pg.Client({ ...this.connection, connectionTimeoutMillis: CONNECT_MS, query_timeout: ANSWER_MS, keepAlive: true, application_name: 'reeve-listener' });
    this.#client = client;
    const lost = (): void => this.#replace(client);
    client.on('error', lost);
    client.on('end', lost);
    client.on('notification', ({ channel }) => this.#tell(channel));
    const channels = [...this.#listeners.keys()];
    try {
      await client.connect();
      for (const channel of channels) await client.query(`LISTEN ${channel}`);
      this.#later(() => void this.#ask(client), ASK_EVERY_MS);
      // What happened while we were not listening.
      channels.forEach((channel) => this.#tell(channel));
    } catch {
      lost();
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = null;
    await client?.end().catch(() => undefined);
  }

  async #ask(client: pg.Client): Promise<void> {
    try {
      await client.query('SELECT 1');
      if (this.#client === client) this.#later(() => void this.#ask(client), ASK_EVERY_MS);
    } catch {
      this.#replace(client);
    }
  }

  /** A connection is given up once, whichever way it showed that it is lost. */
  #replace(client: pg.Client): void {
    if (this.#client !== client) return;
    this.#client = null;
    client.end().catch(() => undefined);
    this.#later(() => void this.start(), AGAIN_MS);
  }

  #later(what: () => void, ms: number): void {
    if (this.#timer) clearTimeout(this.#timer);
    if (!this.#stopped) this.#timer = setTimeout(what, ms);
  }

  #tell(channel: string): void {
    for (const listener of this.#listeners.get(channel) ?? []) listener();
  }
}
