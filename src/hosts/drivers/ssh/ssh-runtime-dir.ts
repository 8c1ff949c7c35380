// A short private folder for control sockets: a unix socket's path must stay below 108 bytes, and nobody else may open it.
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** OpenSSH appends up to 17 characters while it binds; with our own part (pid, hash, name: up to 22) this stays below 100. */
const MAX_DIR_BYTES = 58;

/** Uses `preferred` where it is short and private enough, else a folder below the system's temporary one. */
export function sshRuntimeDir(preferred?: string): string {
  const uid = process.getuid?.() ?? 0;
  for (const dir of [preferred, join(tmpdir(), `reeve-ssh-${uid}-${pidNamespace()}`)]) {
    if (dir !== undefined && Buffer.byteLength(dir) <= MAX_DIR_BYTES && makePrivate(dir, uid)) {
      removeLeftovers(dir);
      return dir;
    }
  }
  return mkdtempSync('/tmp/reeve-ssh-');
}

/** Where a temporary folder is shared with a container, its process ids are not ours: leftovers are told by them. */
function pidNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
  } catch {
    return '0';
  }
}

let made = 0;

/** The folder of one connection of this process. Never that of another one to the same host, as of one that was removed and added again: who closes that one takes its folder away. */
export function connectionDir(runtimeDir: string, identity: string): string {
  made += 1;
  const dir = join(runtimeDir, `${process.pid}-${createHash('sha256').update(`${made} ${identity}`).digest('hex').slice(0, 10)}`);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return dir;
}

function makePrivate(dir: string, uid: number): boolean {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const found = lstatSync(dir);
    return found.isDirectory() && found.uid === uid && (found.mode & 0o077) === 0;
  } catch {
    return false;
  }
}

/** Folders of processes that are gone. Their masters end by themselves (ControlPersist). */
function removeLeftovers(dir: string): void {
  for (const name of readdirSync(dir)) {
    const pid = Number(/^(\d+)-[0-9a-f]{10}$/.exec(name)?.[1] ?? NaN);
    if (Number.isInteger(pid) && !isAlive(pid)) rmSync(join(dir, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
