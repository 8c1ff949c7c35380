// Redis for the tests of the queue: its program from the distribution, started by the tests themselves and by nobody else.
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run, say, seconds } from './say.mjs';

export function programPath(name, path = process.env.PATH ?? '') {
  return [...path.split(delimiter), '/usr/sbin', '/sbin'].map((folder) => join(folder || '.', name)).find(isExecutable) ?? null;
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Why there is no redis-server here and none can be installed; null: there is one. */
export async function ensureRedis() {
  if (programPath('redis-server')) return null;
  if (process.getuid?.() !== 0) return 'redis-server is not installed, and installing it needs root: sudo apt-get install redis-server';
  if (!programPath('apt-get')) return 'redis-server is not installed, and this system has no apt-get to install it with';
  say('Installing redis-server (apt-get): tests of the queue start their own, on a port of their own');
  const began = performance.now();
  // RUNLEVEL=1 keeps the package from starting a server that nobody asked for.
  const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  await run('apt-get', ['update', '-qq'], { env, capture: true });
  const { code, output } = await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'redis-server'], { env, capture: true });
  if (programPath('redis-server')) {
    say(`redis-server installed in ${seconds(began)}`);
    return null;
  }
  return `apt-get install redis-server ended with ${code}: ${output.trim().split('\n').at(-1) ?? ''}`;
}
