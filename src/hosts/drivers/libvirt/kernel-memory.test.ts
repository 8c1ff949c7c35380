// Hugepages and KSM as the kernel shows them: recorded counters, and the script on folders like those of /sys.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { KERNEL_MEMORY_SCRIPT, parseKernelMemory, type KernelMemory } from './kernel-memory.js';
import { KERNEL_MEMORY } from './recorded.fixture.js';

const parse = (output: string): KernelMemory => parseKernelMemory(output.split('\n').filter(Boolean).map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)] as const));
const run = (dir: string): string => execFileSync('/bin/sh', ['-c', KERNEL_MEMORY_SCRIPT.replaceAll('/sys/kernel/mm', dir)], { encoding: 'utf8' });

describe('parseKernelMemory', () => {
  it('reads pages by size: what is promised is not free, what is lent is not there', () => {
    expect(parse(KERNEL_MEMORY)).toEqual({
      hugepages: [{ sizeKiB: 2048, total: 64, free: 47, isDefault: true }, { sizeKiB: 1_048_576, total: 8, free: 2, isDefault: false }],
      ksmSavedMiB: 1024,
    });
  });

  it('is content with a kernel that has neither', () => {
    expect(parse('Hugepagesize: 2048\nhugepages 2048 0 0 0 0\n')).toEqual({ hugepages: [], ksmSavedMiB: 0 });
    expect(parse('')).toEqual({ hugepages: [], ksmSavedMiB: 0 });
  });
});

describe('the script', () => {
  it('reads what is there, and takes a counter that is missing for none', () => {
    const dir = mkdtempSync(join(tmpdir(), 'reeve-memory-'));
    const put = (path: string, text: string): void => {
      mkdirSync(join(dir, path, '..'), { recursive: true });
      writeFileSync(join(dir, path), text);
    };
    try {
      expect(run(dir)).toBe('');
      put('hugepages/hugepages-2048kB/nr_hugepages', '512\n');
      put('hugepages/hugepages-2048kB/free_hugepages', '500\n');
      put('hugepages/hugepages-2048kB/resv_hugepages', '0\n');
      put('hugepages/hugepages-1048576kB/nr_hugepages', '4\n');
      put('ksm/pages_sharing', '100\n');
      const page = execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' }).trim();
      expect(run(dir).split('\n').sort()).toEqual(['', 'hugepages 1048576 4 0 0 0', 'hugepages 2048 512 500 0 0', `ksm 100 ${page}`]);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('is understood by the shell of this machine, about this machine', () => {
    const { hugepages, ksmSavedMiB } = parse(run('/sys/kernel/mm'));
    expect(ksmSavedMiB).toBeGreaterThanOrEqual(0);
    for (const { total, free } of hugepages) expect(free).toBeLessThanOrEqual(total);
  });
});
