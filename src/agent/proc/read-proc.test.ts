// Reading /proc: which processes are workloads, and what the kernel says about the host.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { isUuid } from '../../cluster/wire.js';
import { machinesOf, readBootId, readHostEpoch, readProcesses, readVitals, uuidOfCommand } from './read-proc.js';

const UUID = '0a1b2c3d-1111-4222-8333-444455556666';
const dir = mkdtempSync(join(tmpdir(), 'reeve-proc-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const line = (...words: readonly string[]): string => `${words.join('\0')}\0`;

describe('command lines', () => {
  it.each([
    ['libvirt on Ubuntu', line('/usr/bin/qemu-system-x86_64', '-name', 'guest=x,debug-threads=on', '-uuid', UUID, '-display', 'none'), UUID],
    ['arm', line('/usr/bin/qemu-system-aarch64', '-uuid', UUID), UUID],
    ['a wrapper named kvm', line('/usr/bin/kvm', '-uuid', UUID), UUID],
    ['capitals', line('qemu-kvm', '-uuid', UUID.toUpperCase()), UUID],
    ['no uuid given', line('/usr/bin/qemu-system-x86_64', '-name', 'x'), null],
    ['the word at the end', line('/usr/bin/qemu-system-x86_64', '-uuid'), null],
    ['a tool that is no guest', line('/usr/bin/qemu-img', 'convert', '-uuid', UUID), null],
    ['somebody who looks for guests', line('grep', '-uuid', UUID, 'qemu-system-x86_64'), null],
    ['a kernel thread', '', null],
  ])('%s', (_what, cmdline, uuid) => {
    expect(uuidOfCommand(cmdline)).toBe(uuid);
  });
});

describe('the kernel', () => {
  it('tells the running workloads, each once and in order', () => {
    const other = `f${UUID.slice(1)}`;
    for (const [pid, cmdline] of [['12', line('/usr/bin/qemu-system-x86_64', '-uuid', other)], ['7', line('/usr/bin/qemu-system-x86_64', '-uuid', UUID)], ['8', line('/usr/bin/qemu-system-x86_64', '-uuid', UUID)], ['self', line('qemu-kvm', '-uuid', UUID)]] as const) {
      mkdirSync(join(dir, pid));
      writeFileSync(join(dir, pid, 'cmdline'), cmdline);
    }
    mkdirSync(join(dir, '99'));
    expect([...machinesOf(readProcesses(dir) ?? [])].sort()).toEqual([[UUID, [7, 8]], [other, [12]]]);
    expect(readProcesses(join(dir, 'missing'))).toBeNull();
  });

  it('tells load and memory that can be had', () => {
    writeFileSync(join(dir, 'loadavg'), '1.25 0.5 0.1 2/300 4000\n');
    writeFileSync(join(dir, 'meminfo'), 'MemTotal:       16000000 kB\nMemFree:         1000000 kB\nMemAvailable:    8388608 kB\n');
    expect(readVitals(dir)).toEqual({ load1: 1.25, freeMemoryMiB: 8192 });
    expect(readVitals(join(dir, 'missing'))).toEqual({ load1: 0, freeMemoryMiB: 0 });
  });

  it('of this very machine can be read', () => {
    expect(isUuid(readBootId('/proc'))).toBe(true);
    expect(readVitals('/proc').freeMemoryMiB).toBeGreaterThan(0);
    expect([...machinesOf(readProcesses('/proc') ?? []).keys()].every(isUuid)).toBe(true);
  });
});

describe('the host epoch', () => {
  it.each([
    ['this boot is admitted', `1 ${UUID} 4 9\n`, 4],
    ['another boot was', '1 another 4 9\n', null],
    ['revoked', '1 none 4 9\n', null],
    ['damaged', `1 ${UUID} x\n`, null],
  ])('%s', (_what, record, epoch) => {
    writeFileSync(join(dir, 'state'), record);
    expect(readHostEpoch(dir, UUID)).toBe(epoch);
  });

  it('of a host without a guard is unknown', () => {
    expect(readHostEpoch(join(dir, 'missing'), UUID)).toBeNull();
  });
});
