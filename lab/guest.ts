// The lab's guests: their kernel and init in the cache, their addresses, and talking to one.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Lab } from './lab.js';
import { run } from './shell.js';
import { REPO_ROOT } from './ticks.js';

export interface GuestImage {
  readonly kernel: string;
  readonly initrd: string;
}

const BUILD_MS = 300_000;

export function cacheDir(): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'reeve-lab');
}

/** Built once and kept in the cache; built anew when its sources change. */
export async function ensureGuest(log: (line: string) => void): Promise<GuestImage> {
  const cache = cacheDir();
  const image = { kernel: join(cache, 'vmlinux'), initrd: join(cache, 'initrd.cpio') };
  const known = await readFile(join(cache, 'guest.sum'), 'utf8').catch(() => '');
  if (existsSync(image.kernel) && existsSync(image.initrd) && known.trim() === (await sourcesSum())) return image;
  await mkdir(cache, { recursive: true });
  log('building the Linux guest (once; kept in the cache)');
  await run(join(REPO_ROOT, 'lab/guest/build.sh'), [cache], { timeoutMs: BUILD_MS });
  return image;
}

/** The same sum as build.sh writes: sha256 over `sha256sum`'s lines, without paths. */
async function sourcesSum(): Promise<string> {
  const dir = join(REPO_ROOT, 'lab/guest');
  const lines = await Promise.all(['init.c', 'modules.txt', 'build.sh'].map(async (name) => `${createHash('sha256').update(await readFile(join(dir, name))).digest('hex')}  ${name}\n`));
  return createHash('sha256').update(lines.join('')).digest('hex');
}

/** Guests get 10.66.0.100 + index. */
export function guestAddress(index: number): string {
  return `10.66.0.${100 + index}`;
}

export function guestCommandLine(name: string, index: number, more = ''): string {
  return `console=ttyS0 quiet nokaslr mitigations=off no_timer_check lpj=10000000 cryptomgr.notests panic=1 lab.name=${name} lab.ip=${guestAddress(index)} lab.tick=10.66.0.254 ${more}`.trim();
}

export interface GuestStat {
  readonly name: string;
  readonly boot: string;
  readonly seq: number;
  readonly diskCount: number;
  readonly split: number;
  readonly ioErrors: number;
  readonly memCorrupt: number;
  readonly passes: number;
}

const CONTROL = `const s=require('dgram').createSocket('udp4');const t=setTimeout(()=>{process.exit(1)},3000);s.on('message',m=>{process.stdout.write(m);clearTimeout(t);s.close()});s.send(process.argv[2],7777,process.argv[1])`;

/** Talks to the guest's init: stat | dirty MB RATE | crash | poweroff. */
export async function guestControl(lab: Lab, index: number, command: string): Promise<GuestStat> {
  const { stdout } = await lab.execCtl([process.execPath, '-e', CONTROL, guestAddress(index), command], { timeoutMs: 5_000 });
  return JSON.parse(stdout) as GuestStat;
}
