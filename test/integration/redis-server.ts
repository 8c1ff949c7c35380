// A Redis of our own for a test, on a socket in a temporary folder; the reason when there is none.
import { spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Redis } from 'ioredis';

/** `npm test` installs redis-server, or says here why it could not; then the tests on Redis are left out. */
export const NO_REDIS = process.env['REEVE_TEST_NO_REDIS'] ?? null;

const MAX_TRIES = 500;

export interface RedisServer {
  readonly url: string;
  /** As by kill -9; everything in memory is lost. */
  kill(): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
}

export async function startRedis(): Promise<RedisServer> {
  const dir = mkdtempSync(join(tmpdir(), 'reeve-redis-'));
  const socket = join(dir, 'redis.sock');
  let child: ChildProcess | null = null;
  const start = async (): Promise<void> => {
    const args = ['--port', '0', '--unixsocket', socket, '--dir', dir, '--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'];
    child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', program(), ...args], { stdio: 'ignore' });
    await answering(socket);
  };
  const kill = async (): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((done) => child?.once('exit', done));
    child.kill('SIGKILL');
    await ended;
  };
  await start();
  return { url: socket, kill, start, remove: async () => {
    await kill();
    rmSync(dir, { recursive: true, force: true });
  } };
}

function program(): string {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  const found = folders.map((folder) => join(folder || '.', 'redis-server')).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  if (!found) throw new Error('redis-server is not installed: apt-get install redis-server, or run `npm test`, which does it');
  return found;
}

async function answering(socket: string): Promise<void> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const client = new Redis(socket, { lazyConnect: true, retryStrategy: () => null });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.ping();
      return;
    } catch {
      await new Promise((done) => setTimeout(done, 10));
    } finally {
      client.disconnect();
    }
  }
  throw new Error('redis-server did not start');
}
