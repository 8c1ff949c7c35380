// The embedded database's files: made once, given to whom Postgres runs as, freed of a dead server's lock file.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, lchownSync, lstatSync, mkdirSync, openSync, closeSync, readdirSync, readFileSync, readlinkSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { OperationalError } from '../../shared/errors.js';
import type { Binaries } from './binaries.js';
import type { RunAs } from './run-as.js';

export interface DataDirectory {
  readonly data: string;
  readonly socketDir: string;
  /** Held by the server for as long as any process of it lives: nobody else uses the data meanwhile. */
  readonly lockFile: string;
}

export const USER = 'reeve';
export const PORT = 5432;
/** Linux allows 107 bytes for a unix socket's path; the longest name in the directory is ".s.PGSQL.5432.lock". */
const MAX_SOCKET_DIR = 107 - `/.s.PGSQL.${PORT}.lock`.length;
/** One second on an idle machine. */
const INITDB_MS = 120_000;

export async function prepareDataDirectory(data: string, binaries: Binaries, as: RunAs, log: (line: string) => void): Promise<DataDirectory> {
  mkdirSync(dirname(data), { recursive: true, mode: 0o700 });
  if (as.kind === 'nobody') assertReachable(dirname(data), as);
  if (existsSync(join(data, 'PG_VERSION'))) assertVersion(data, binaries);
  else await initialise(data, binaries, as, log);
  giveTo(data, as);
  const lockFile = `${data}.lock`;
  closeSync(openSync(lockFile, 'a', 0o644));
  return { data, socketDir: socketDirOf(data, as), lockFile };
}

/** Into a temporary directory, renamed when it is whole: a crash leaves no half database. */
async function initialise(data: string, { dir, environment }: Binaries, as: RunAs, log: (line: string) => void): Promise<void> {
  log('preparing the embedded database (once)');
  const fresh = `${data}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { mode: 0o700 });
  giveTo(fresh, as);
  const [program, ...prefix] = as.prefix;
  const args = [...prefix, join(dir, 'initdb'), '-D', fresh, '-U', USER, '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-instructions'];
  await new Promise<void>((done, refuse) => {
    let said = '';
    const child = spawn(program, args, { env: environment, stdio: ['ignore', 'ignore', 'pipe'], timeout: INITDB_MS });
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.once('error', (error) => refuse(new OperationalError('failed', `initdb: ${error.message}`)));
    child.once('close', (code, signal) => (code === 0 ? done() : refuse(new OperationalError('failed', `initdb ended with ${code ?? signal}: ${said.trim()}`))));
  });
  rmSync(data, { recursive: true, force: true });
  renameSync(fresh, data);
}

function assertVersion(data: string, { dir, major }: Binaries): void {
  const made = readFileSync(join(data, 'PG_VERSION'), 'utf8').trim();
  if (made === String(major)) return;
  throw new OperationalError('unsupported', `the embedded database in ${data} was made by Postgres ${made}; ${dir} holds Postgres ${major}`, `dump it with Postgres ${made} (pg_dump), move ${data} away, start again and restore`);
}

/** All of it has one owner; a change of how we run (a container that forbids namespaces) changes the owner. */
function giveTo(path: string, as: RunAs): void {
  if (lstatSync(path).uid === as.uid) return;
  lchownSync(path, as.uid, as.gid);
  if (lstatSync(path).isDirectory()) for (const name of readdirSync(path)) giveTo(join(path, name), as);
}

function assertReachable(dir: string, as: RunAs): void {
  // Ours alone, and made by us: others may pass through, and still not list it.
  chmodSync(dir, 0o711);
  const [program, ...prefix] = as.prefix;
  if (spawnSync(program, [...prefix, 'test', '-x', dir]).status === 0) return;
  throw new OperationalError('failed', `Postgres must not run as root, and the user nobody can't reach ${dir}`, 'set the data directory to one below /var/lib, or run the control plane as a user of its own');
}

/** Next to the data where the path is short enough; else below the temporary directory. Trust is by who can reach it, so it must be ours. */
function socketDirOf(data: string, as: RunAs): string {
  const beside = `${data}.sock`;
  const dir = Buffer.byteLength(beside) <= MAX_SOCKET_DIR ? beside : join(tmpdir(), `reeve-pg-${createHash('sha256').update(data).digest('hex').slice(0, 12)}`);
  removeForeign(dir, as);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  chmodSync(dir, 0o700);
  lchownSync(dir, as.uid, as.gid);
  return dir;
}

/** Of somebody else, or of ourselves when we ran otherwise: it holds nothing but a dead server's sockets. */
function removeForeign(dir: string, as: RunAs): void {
  const found = lstatSync(dir, { throwIfNoEntry: false });
  if (!found || (found.isDirectory() && found.uid === as.uid)) return;
  try {
    rmSync(dir, { recursive: true, force: true });
  } catch {
    throw new OperationalError('failed', `${dir} belongs to somebody else, and the database's socket must not`, `sudo rm -r ${dir}`);
  }
}

/** What a running server writes into its directory: its pid, and whether it takes connections. */
export function postmasterOf(data: string): { readonly pid: number; readonly ready: boolean } | null {
  const path = join(data, 'postmaster.pid');
  if (!existsSync(path)) return null;
  const lines = readFileSync(path, 'utf8').split('\n');
  return { pid: Number(lines[0]), ready: lines[7]?.trim() === 'ready' };
}

/**
 * After a loss of power the lock file names a pid that may now be any program's, and Postgres would refuse to start for ever.
 * A server of this directory works in it: a pid whose process does not is not a server of ours.
 */
export function removeStaleLock(data: string): void {
  const found = postmasterOf(data);
  if (!found || !existsSync(`/proc/${found.pid}`)) return;
  if (workingDirectory(found.pid) !== realpathSync(data)) rmSync(join(data, 'postmaster.pid'), { force: true });
}

function workingDirectory(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return null;
  }
}
