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

describe('what runs', () => {
  const VM = '0a1b2c3d-1111-4222-8333-444455556666';
  const [C1, C2, GONE, ODD] = ['7', '8', '9', 'a'].map((end) => `${VM.slice(0, -1)}${end}`) as [string, string, string, string];

  function process(root: string, pid: number, command: string, group: string): void {
    mkdirSync(join(root, `proc/${pid}`));
    writeFileSync(join(root, `proc/${pid}/cmdline`), command);
    writeFileSync(join(root, `proc/${pid}/cgroup`), `0::${group}\n`);
    writeFileSync(join(root, `proc/${pid}/status`), 'State:\tS (sleeping)\nThreads:\t1\n');
  }

  it('is known of containers by the notes that name them, and of one that nobody has noted not at all', () => {
    const { root, host } = places('boot-a');
    process(root, 7, `/usr/bin/qemu-system-x86_64\0-uuid\0${VM}\0`, '/machine.slice');
    process(root, 8, '/sbin/init\0', '/lxc.payload.c1');
    process(root, 9, '/sbin/init\0', '/lxc.payload.unknown');
    expect(host.running()).toEqual([VM]);
    mkdirSync(join(root, 'leases'));
    for (const [uuid, word] of [[VM, ''], [C1, 'lxd:c1\n'], [GONE, 'lxd:gone\n'], [`${C2}.new`, 'lxd:unknown\n']]) writeFileSync(join(root, `leases/${uuid}`), word!);
    expect(host.running()).toEqual([VM, C1]);
    expect(host.leaseMarks().map(({ uuid }) => uuid)).toEqual([VM, C1, GONE]);
  });

  it('is in doubt where a note can not be read', () => {
    const { root, host } = places('boot-a');
    mkdirSync(join(root, 'leases'));
    writeFileSync(join(root, 'leases', ODD), 'lxd:../c1\n');
    expect(host.running()).toEqual([ODD]);
  });
});

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
