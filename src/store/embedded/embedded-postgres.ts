// Starts a Postgres of our own on a unix socket, keeps it running, and ends it with us.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { messageOf, OperationalError } from '../../shared/errors.js';
import { findBinaries, type Binaries } from './binaries.js';
import { PORT, postmasterOf, prepareDataDirectory, removeStaleLock, USER, type DataDirectory } from './data-directory.js';
import { runAs, type RunAs } from './run-as.js';

export interface EmbeddedPostgres {
  /** For pg and TypeORM: the socket's directory is the host. */
  readonly connection: { readonly host: string; readonly port: number; readonly user: string; readonly database: string };
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  readonly dataDir: string;
  readonly log: (line: string) => void;
  /** As whom it runs; found out when not given. */
  readonly as?: RunAs;
}

/** A server of an earlier run that was told to stop writes a checkpoint first. */
const PREDECESSOR_S = 30;
/** What flock(1) ends with when the lock was not to be had in that time. */
const LOCKED = 75;
/** Crash recovery replays at most max_wal_size; that takes seconds. */
const START_MS = 60_000;
const POLL_MS = 10;
/** As long as an earlier server takes to end as a rule. */
const QUIET_WAIT_MS = 1_000;
const CONNECT_MS = 2_000;
const FAST_STOP_MS = 15_000;
const IMMEDIATE_STOP_MS = 5_000;
/** Without its database the control plane can do nothing: a server that ended is started again for ever, each time a little later. */
const RESTART_MS = { first: 200, most: 10_000 };
const LAST_WORDS = 4_000;

/** Small and safe: a commit is on disk before it is answered. */
const SETTINGS = {
  listen_addresses: '', unix_socket_permissions: '0700', fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on', max_connections: '100', shared_buffers: '32MB',
  min_wal_size: '32MB', max_wal_size: '256MB', wal_level: 'minimal', max_wal_senders: '0', autovacuum_max_workers: '1', autovacuum_naptime: '30s', jit: 'off',
  log_destination: 'stderr', log_min_messages: 'fatal',
};
/** Three processes fewer; our reads come from memory. */
const SETTINGS_SINCE_18 = { io_method: 'sync' };

export async function startEmbeddedPostgres({ dataDir, log, as = runAs() }: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const binaries = findBinaries();
  const directory = await prepareDataDirectory(resolve(dataDir), binaries, as, log);
  const server = new EmbeddedServer(directory, binaries, as, log);
  await server.start();
  return { connection: server.connection, stop: () => server.stop() };
}

class EmbeddedServer {
  readonly connection: EmbeddedPostgres['connection'];
  #child: ChildProcess | null = null;
  #stopping = false;
  #restart: NodeJS.Timeout | null = null;
  #starting: Promise<void> = Promise.resolve();

  constructor(
    private readonly directory: DataDirectory,
    private readonly binaries: Binaries,
    private readonly as: RunAs,
    private readonly log: (line: string) => void,
  ) {
    this.connection = { host: directory.socketDir, port: PORT, user: USER, database: 'postgres' };
  }

  async start(): Promise<void> {
    removeStaleLock(this.directory.data);
    const child = this.#spawn();
    const words = lastWords(child);
    const ended = new Promise<string>((done) => {
      child.once('error', (error) => done(error.message));
      child.once('close', (code, signal) => done(code === LOCKED ? `another process${ownerOf(this.directory.data)} uses ${this.directory.data}; is another control plane running there?` : words() || `it ended with ${code ?? signal}`));
    });
    try {
      await this.#untilReady(child, ended);
    } catch (error) {
      child.kill('SIGQUIT');
      throw error;
    }
    this.#child = child;
    void ended.then((why) => this.#startAgain(why, RESTART_MS.first));
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#restart) clearTimeout(this.#restart);
    await this.#starting.catch(() => undefined);
    const child = this.#child;
    if (!child || hasEnded(child)) return;
    const ended = new Promise<void>((done) => child.once('exit', () => done()));
    child.kill('SIGINT');
    const impatient = setTimeout(() => child.kill('SIGQUIT'), FAST_STOP_MS);
    const last = setTimeout(() => child.kill('SIGKILL'), FAST_STOP_MS + IMMEDIATE_STOP_MS);
    await ended;
    clearTimeout(impatient);
    clearTimeout(last);
  }

  /** In a session of its own: a Ctrl-C in the terminal is for us, and we still need the database to end in order. */
  #spawn(): ChildProcess {
    const { data, socketDir, lockFile } = this.directory;
    const { dir, environment, major } = this.binaries;
    const [program, ...prefix] = this.as.prefix;
    const settings = Object.entries({ ...SETTINGS, ...(major >= 18 ? SETTINGS_SINCE_18 : {}) }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const locked = ['flock', '--timeout', String(PREDECESSOR_S), '--conflict-exit-code', String(LOCKED), '--no-fork', lockFile];
    return spawn(program, [...prefix, ...locked, join(dir, 'postgres'), '-D', data, '-k', socketDir, '-p', String(PORT), ...settings], { env: environment, stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  }

  /** A predecessor may still answer on the socket: ours is the one whose pid the lock file names. Alive is what answers; a pid proves nothing. */
  async #untilReady(child: ChildProcess, ended: Promise<string>): Promise<void> {
    const deadline = performance.now() + PREDECESSOR_S * 1_000 + START_MS;
    let end: string | null = null;
    void ended.then((why) => (end = why));
    let told = false;
    const waitFrom = performance.now() + QUIET_WAIT_MS;
    for (;;) {
      if (end !== null) throw new OperationalError('failed', `the embedded Postgres did not start: ${end}`);
      if (performance.now() > deadline) throw new OperationalError('timeout', 'the embedded Postgres did not start in time');
      const postmaster = postmasterOf(this.directory.data);
      if (postmaster?.ready && postmaster.pid === child.pid && (await answers(this.connection))) return;
      const predecessor = postmaster && postmaster.pid !== child.pid && existsSync(`/proc/${postmaster.pid}`);
      if (predecessor && !told && performance.now() > waitFrom) {
        told = true;
        this.log(`another Postgres (process ${postmaster.pid}) runs in ${this.directory.data}; waiting up to ${PREDECESSOR_S} s for it to end`);
      }
      await new Promise((done) => setTimeout(done, POLL_MS));
    }
  }

  #startAgain(why: string, afterMs: number): void {
    if (this.#stopping) return;
    this.log(`the embedded database ended (${why}); it is started again`);
    this.#restart = setTimeout(() => {
      this.#starting = this.start().catch((error: unknown) => this.#startAgain(messageOf(error), Math.min(afterMs * 2, RESTART_MS.most)));
    }, afterMs);
  }
}

function ownerOf(data: string): string {
  const pid = postmasterOf(data)?.pid;
  return pid === undefined ? '' : ` (Postgres, process ${pid})`;
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

function lastWords(child: ChildProcess): () => string {
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-LAST_WORDS)));
  return () => said.trim();
}

async function answers(connection: EmbeddedPostgres['connection']): Promise<boolean> {
  const client = new pg.Client({ ...connection, connectionTimeoutMillis: CONNECT_MS, query_timeout: CONNECT_MS });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
