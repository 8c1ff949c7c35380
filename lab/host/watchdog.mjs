// Stands for the hosts' watchdog hardware: watchdog.mjs STATE TIMEOUT_MS. Each host's /dev/watchdog is a pipe that ends here, outside of the
// host. The first byte arms it; a V lets it go; a host that wrote nothing for so long is reset, whatever became of its agent or kernel.
import { spawn } from 'node:child_process';
import { appendFileSync, closeSync, constants, existsSync, openSync, readdirSync, readSync } from 'node:fs';
import { join, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const [stateDir, timeoutText] = process.argv.slice(2);
const timeoutMs = Number(timeoutText);
const power = join(dirname(fileURLToPath(import.meta.url)), 'power.sh');
const LOOK_MS = 50;
const watched = new Map();

function log(host, line) {
  appendFileSync(join(stateDir, 'hosts', host, 'watchdog.log'), `${new Date().toISOString()} ${line}\n`);
}

/** What was written since the last look; null: nothing. */
function read(fd) {
  const buffer = Buffer.alloc(4096);
  try {
    const length = readSync(fd, buffer, 0, buffer.length, null);
    return length > 0 ? buffer.subarray(0, length).toString() : null;
  } catch (error) {
    if (error.code === 'EAGAIN') return null;
    throw error;
  }
}

function look(host, one) {
  const text = read(one.fd);
  const now = performance.now();
  if (text !== null) {
    const letGo = text.trimEnd().endsWith('V');
    if (one.armed === letGo) log(host, letGo ? 'let go' : 'armed');
    one.armed = !letGo;
    one.fedAt = now;
  }
  if (!one.armed || one.resetting || now - one.fedAt <= timeoutMs) return;
  one.armed = false;
  one.resetting = true;
  reset(host, one);
}

/** A host without power has no watchdog either: what was armed ended with it. */
function reset(host, one) {
  const child = spawn('/bin/sh', ['-c', `[ "$("$0" "$1" "$2" status)" = on ] || exit 3; exec "$0" "$1" "$2" reset`, power, stateDir, host], { stdio: 'ignore' });
  child.on('exit', (code) => {
    log(host, code === 3 ? 'not fed; the host is off' : `not fed for ${timeoutMs} ms: reset`);
    one.resetting = false;
  });
}

setInterval(() => {
  if (!existsSync(join(stateDir, 'hosts'))) process.exit(0);
  for (const host of readdirSync(join(stateDir, 'hosts'))) {
    const pipe = join(stateDir, 'hosts', host, 'watchdog');
    // Opened for reading and writing, so that it never ends when the host's side closes.
    if (!watched.has(host) && existsSync(pipe)) watched.set(host, { fd: openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK), armed: false, fedAt: 0, resetting: false });
    const one = watched.get(host);
    if (one) look(host, one);
  }
}, LOOK_MS);

process.on('SIGTERM', () => {
  for (const { fd } of watched.values()) closeSync(fd);
  process.exit(0);
});
