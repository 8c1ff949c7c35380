// Hears of changes by LISTEN on a connection of its own, and reconnects for ever; a missed notification costs one poll.
import pg from 'pg';
import type { ConnectionConfig } from './open-store.js';

/** Between two tries to connect. */
const AGAIN_MS = 1_000;

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
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async start(): Promise<void> {
    if (this.#stopped) return;
    const client = new pg.Client({ ...this.connection, keepAlive: true, application_name: 'reeve-listener' });
    let lost = false;
    const again = (): void => {
      if (lost) return;
      lost = true;
      client.end().catch(() => undefined);
      if (!this.#stopped) this.#timer = setTimeout(() => void this.start(), AGAIN_MS);
    };
    client.on('error', again);
    client.on('end', again);
    client.on('notification', () => this.#tell());
    try {
      await client.connect();
      await client.query(`LISTEN ${this.channel}`);
      this.#client = client;
      // What happened while we were not listening.
      this.#tell();
    } catch {
      again();
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    await this.#client?.end().catch(() => undefined);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
