// Hears of changes by LISTEN on a connection of its own, and reconnects for ever; a missed notification costs one poll.
import pg from 'pg';
import type { ConnectionConfig } from './connection.js';

/** Between two tries to connect: long enough to spare a database that is starting, short against a failover. */
const AGAIN_MS = 1_000;
const CONNECT_MS = 5_000;
/** A connection can die without a word (a cable, a firewall). Asked this often, it must answer in time, or it is replaced. */
const ASK_EVERY_MS = 10_000;
const ANSWER_MS = 5_000;

export class ChangeListener {
  readonly #listeners = new Set<() => void>();
  #client: pg.Client | null = null;
  #stopped = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly connection: ConnectionConfig,
    private readonly channel: string,
  ) {}

  add(listener: () => void): () => void {
    const own = (): void => listener();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  async start(): Promise<void> {
    if (this.#stopped) return;
    const client = new pg.Client({ ...this.connection, connectionTimeoutMillis: CONNECT_MS, query_timeout: ANSWER_MS, keepAlive: true, application_name: 'reeve-listener' });
    this.#client = client;
    const lost = (): void => this.#replace(client);
    client.on('error', lost);
    client.on('end', lost);
    client.on('notification', () => this.#tell());
    try {
      await client.connect();
      await client.query(`LISTEN ${this.channel}`);
      this.#later(() => void this.#ask(client), ASK_EVERY_MS);
      // What happened while we were not listening.
      this.#tell();
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

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
