// The ends of instances are kept as they are heard, from a program that stands for the daemon's client; one that ends is started again.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startInstanceMonitor, type InstanceMonitor } from './instance-monitor.js';

let dir: string;
let monitor: InstanceMonitor | null = null;
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), 'reeve-endings-'))));
afterEach(() => {
  monitor?.stop();
  monitor = null;
  rmSync(dir, { recursive: true, force: true });
});

const event = (action: string, name: string, requestor?: object): string => JSON.stringify({ metadata: { action, source: `/1.0/instances/${name}`, requestor }, project: 'default', timestamp: '2026-11-26T12:51:28.5Z', type: 'lifecycle' });
const PERSON = { username: 'root' };

function client(script: string, hasState = true): string {
  const file = join(dir, 'lxc');
  writeFileSync(file, `#!/bin/sh\necho run >> ${dir}/runs\n${script}\n`);
  chmodSync(file, 0o755);
  if (hasState) mkdirSync(join(dir, 'state/database'), { recursive: true });
  const place = { clients: [file], stateDirs: [join(dir, 'state')], monitor: ['monitor'] } as const;
  const nowhere = { clients: ['/none/incus'], stateDirs: ['/none'], monitor: ['monitor'] } as const;
  monitor = startInstanceMonitor({ endingsDir: join(dir, 'endings'), ourStopsDir: join(dir, 'ours'), nowMs: Date.now, log: () => undefined, places: { lxd: place, incus: nowhere } });
  return file;
}
const kept = (name: string): string | null => (existsSync(join(dir, 'endings/lxd', name)) ? (readFileSync(join(dir, 'endings/lxd', name), 'utf8').split(' ')[0] ?? '') : null);
const runs = (): number => (existsSync(join(dir, 'runs')) ? readFileSync(join(dir, 'runs'), 'utf8').trim().split('\n').length : 0);

describe('the ends of instances', () => {
  it('are kept: who asked, Reeve or nobody; and forgotten at the next start', async () => {
    mkdirSync(join(dir, 'ours/lxd'), { recursive: true });
    writeFileSync(join(dir, 'ours/lxd/ours'), '');
    const lines = [event('instance-shutdown', 'asked', PERSON), event('instance-stopped', 'forced', PERSON), '', 'no event', event('instance-shutdown', 'crashed'), event('instance-stopped', 'ours', PERSON), event('instance-shutdown', 'again', PERSON), event('instance-started', 'again'), event('instance-shutdown', 'last')];
    writeFileSync(join(dir, 'lines'), `${lines.join('\n')}\n`);
    client(`cat ${dir}/lines; exec sleep 60`);
    await vi.waitFor(() => expect(kept('last')).toBe('itself'), 10_000);
    expect(['asked', 'forced', 'crashed', 'ours', 'again'].map(kept)).toEqual(['person-stopped', 'person-killed', 'itself', 'reeve', null]);
    // Used up: the next stop of it is somebody else's.
    expect(existsSync(join(dir, 'ours/lxd/ours'))).toBe(false);
  });

  it('are heard again after the daemon was away, and what is known stays', async () => {
    writeFileSync(join(dir, 'lines'), `${event('instance-shutdown', 'asked', PERSON)}\n`);
    client(`cat ${dir}/lines`);
    await vi.waitFor(() => expect(runs()).toBeGreaterThan(1), 10_000);
    expect(kept('asked')).toBe('person-stopped');
  });

  it('are not asked for where no daemon has its state', async () => {
    client('exit 0', false);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(runs()).toBe(0);
  });
});
