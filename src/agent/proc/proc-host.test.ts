// The lease as it is written down for the guard and for the next agent of the same boot.
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { procHost } from './proc-host.js';

function places(bootId: string, root = mkdtempSync(join(tmpdir(), 'reeve-proc-'))) {
  for (const dir of ['proc', 'run']) mkdirSync(join(root, dir), { recursive: true });
  writeFileSync(join(root, 'proc/uptime'), '1000.00 0.00\n');
  return { root, host: procHost({ procDir: join(root, 'proc'), guardDir: root, runDir: join(root, 'run'), bootId }) };
}

describe('the published voters', () => {
  it('are known to the next agent of the same boot and cluster', () => {
    const { root, host } = places('boot-a');
    expect(host.publishedVoterEpoch('cluster')).toBe(0);
    host.publishVoterEpoch('cluster', 7);
    const read = (bootId: string, clusterId: string): number => places(bootId, root).host.publishedVoterEpoch(clusterId);
    expect([read('boot-a', 'cluster'), read('boot-b', 'cluster'), read('boot-a', 'other')]).toEqual([7, 0, 0]);
  });
});

describe('the published lease', () => {
  it('is read by the next agent on its own clock', () => {
    const { root, host } = places('boot-a');
    host.publishLease({ untilMs: 52_000, isArmed: true }, 50_000);
    expect(readFileSync(join(root, 'run/lease'), 'utf8')).toBe('1 boot-a 1002000 1\n');
    expect(places('boot-a', root).host.publishedLeaseUntilMs(7_000)).toBe(9_000);
  });

  it('tells a stop in order from a lease that was never had, and forgets both with the boot', () => {
    const { root, host } = places('boot-a');
    const next = (bootId: string) => {
      const { host: read } = places(bootId, root);
      return [read.wasReleased(), read.publishedLeaseUntilMs(0)];
    };
    expect(next('boot-a')).toEqual([false, -Infinity]);
    host.publishLease({ untilMs: -Infinity, isArmed: false }, 0);
    expect(next('boot-a')).toEqual([false, -Infinity]);
    host.publishRelease();
    expect(readFileSync(join(root, 'run/lease'), 'utf8')).toMatch(/^1 boot-a 0 0 /);
    expect([next('boot-a'), next('boot-b')]).toEqual([[true, -Infinity], [false, -Infinity]]);
  });

  it('takes the place of a stop in order once a lease is held again', () => {
    const { root, host } = places('boot-a');
    host.publishRelease();
    host.publishLease({ untilMs: 2_000, isArmed: true }, 0);
    const { host: read } = places('boot-a', root);
    expect([read.wasReleased(), read.publishedLeaseUntilMs(0)]).toEqual([false, 2_000]);
  });
});
