// The kernel's watchdog, with a stand-in for its driver: a folder as in /sys/class/watchdog, and a `wdctl` on PATH.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DevWatchdog } from './dev-watchdog.js';

/** A character device that takes what is written and resets nothing. */
const DEVICE = '/dev/null';

let dir = '';

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'reeve-watchdog-'));
  for (const folder of ['bin', 'sys']) mkdirSync(join(dir, folder));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true, force: true });
});

const sys = (name: string, value: string): void => writeFileSync(join(dir, 'sys', name), `${value}\n`);

/** `does` is what the driver makes of the time that is asked for, as shell: `$asked` and `$sys` are there. Null: no wdctl is installed. */
function wdctl(does: string | null): void {
  const path = join(dir, 'bin');
  vi.stubEnv('PATH', does === null ? path : `${path}${delimiter}${process.env['PATH'] ?? ''}`);
  if (does === null) return;
  writeFileSync(join(path, 'wdctl'), `#!/bin/sh\necho "$@" >> '${join(dir, 'asked')}'\nasked=$2 sys='${join(dir, 'sys')}'\n${does}\n`);
  chmodSync(join(path, 'wdctl'), 0o755);
}

const asked = (): readonly string[] => (existsSync(join(dir, 'asked')) ? readFileSync(join(dir, 'asked'), 'utf8').trim().split('\n') : []);
const watchdog = (timeoutMs: number, device = DEVICE): DevWatchdog => new DevWatchdog(timeoutMs, device, join(dir, 'sys'));

const TAKES = 'echo "$asked" > "$sys/timeout"';
const KEEPS = 'exit 1';

interface Driver {
  readonly what: string;
  readonly wdctl: string | null;
  /** What the driver shows before. */
  readonly timeout: string | null;
  readonly nowayout?: string;
  readonly timeoutMs?: number;
  /** Null: it is armed. */
  readonly trouble: string | null;
  readonly asked: readonly string[];
}

const DRIVERS: readonly Driver[] = [
  { what: 'that takes the time', wdctl: TAKES, timeout: '60', nowayout: '0', trouble: null, asked: ['--settimeout 3 /dev/null'] },
  { what: 'that is asked for whole seconds, never more than was meant', wdctl: TAKES, timeout: '60', timeoutMs: 3_900, trouble: null, asked: ['--settimeout 3 /dev/null'] },
  { what: 'that takes a shorter time', wdctl: 'echo 2 > "$sys/timeout"', timeout: '60', trouble: null, asked: ['--settimeout 3 /dev/null'] },
  { what: 'that takes a longer time', wdctl: 'echo 10 > "$sys/timeout"', timeout: '60', trouble: '/dev/null resets after 10 s and can\'t be set to 3 s; set timing.watchdogMs to what it can do', asked: ['--settimeout 3 /dev/null'] },
  { what: 'that keeps a longer time', wdctl: KEEPS, timeout: '60', trouble: 'resets after 60 s and can\'t be set to 3 s', asked: ['--settimeout 3 /dev/null'] },
  { what: 'that keeps a time short enough', wdctl: KEEPS, timeout: '3', trouble: null, asked: ['--settimeout 3 /dev/null'] },
  { what: 'that does not show its time', wdctl: KEEPS, timeout: null, trouble: 'resets after an unknown number of s', asked: ['--settimeout 3 /dev/null'] },
  { what: 'that shows no time at all', wdctl: 'echo 0 > "$sys/timeout"', timeout: '60', trouble: 'resets after an unknown number of s', asked: ['--settimeout 3 /dev/null'] },
  { what: 'that can\'t be stopped again', wdctl: TAKES, timeout: '60', nowayout: '1', trouble: '/dev/null has nowayout set: a planned stop would reset the host; load its driver with nowayout=0', asked: [] },
  { what: 'without wdctl, set long', wdctl: null, timeout: '60', trouble: 'resets after 60 s', asked: [] },
  { what: 'without wdctl, set short enough', wdctl: null, timeout: '2', trouble: null, asked: [] },
  { what: 'that hangs when it is asked', wdctl: 'exec sleep 600', timeout: '60', trouble: 'resets after 60 s', asked: ['--settimeout 3 /dev/null'] },
];

describe('a driver', () => {
  it.each(DRIVERS)('$what', (driver) => {
    wdctl(driver.wdctl);
    if (driver.timeout !== null) sys('timeout', driver.timeout);
    if (driver.nowayout !== undefined) sys('nowayout', driver.nowayout);
    const one = watchdog(driver.timeoutMs ?? 3_000);
    const said = one.feed();
    expect(said).toEqual(driver.trouble === null ? null : expect.stringContaining(driver.trouble));
    expect(one.isArmed).toBe(driver.trouble === null);
    expect(asked()).toEqual(driver.asked);
    one.release();
  });

  it('is asked once, then only fed; after a planned stop it is asked anew', () => {
    wdctl(TAKES);
    const one = watchdog(3_000);
    for (let fed = 0; fed < 3; fed += 1) expect(one.feed()).toBeNull();
    expect(asked()).toHaveLength(1);
    one.release();
    expect(one.isArmed).toBe(false);
    one.release();
    expect(one.feed()).toBeNull();
    expect(asked()).toHaveLength(2);
    one.release();
  });

  it('that was refused is tried again at the next feed', () => {
    wdctl(TAKES);
    sys('nowayout', '1');
    const one = watchdog(3_000);
    expect(one.feed()).toContain('nowayout');
    sys('nowayout', '0');
    expect([one.feed(), one.isArmed]).toEqual([null, true]);
    one.release();
  });
});

describe('the device', () => {
  it('is written to with each feed, and told that the close is meant', () => {
    const file = join(dir, 'stand-in');
    writeFileSync(file, '');
    const one = watchdog(3_000, file);
    expect([one.feed(), one.feed()]).toEqual([null, null]);
    expect(readFileSync(file, 'utf8')).toBe('11');
    one.release();
    expect(readFileSync(file, 'utf8')).toBe('11V');
  });

  it('that is not there is said, and nothing is armed', () => {
    const one = watchdog(3_000, join(dir, 'nowhere'));
    expect(one.feed()).toContain('ENOENT');
    expect(one.isArmed).toBe(false);
  });
});
