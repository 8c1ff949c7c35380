// How a host's answer about its health is read. What the script says on real hosts: the conformance suite.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HEALTH_DIR, HEALTH_SCRIPT, parseHealth } from './health-script.js';

describe('the answer about its health', () => {
  it('names bridges without an uplink, and what is failing, in order', () => {
    const output = 'bridge br1 eth1\nbridge br0 eth0 eth2\nfailing smart-sda: 3 sectors are pending\nfailing array md0 misses disks (1)\nend\n';
    expect(parseHealth(output)).toEqual({
      deadBridges: [{ bridge: 'br0', why: 'none of its uplinks eth0, eth2 has a carrier' }, { bridge: 'br1', why: 'its uplink eth1 has no carrier' }],
      failing: ['array md0 misses disks (1)', 'smart-sda: 3 sectors are pending'],
    });
    expect(parseHealth('end\n')).toEqual({ deadBridges: [], failing: [] });
  });

  it('is refused when it is cut short: what is missing would look well', () => {
    expect(() => parseHealth('bridge br0 eth0\n')).toThrow('ended before its end');
  });

  it('is whole whatever others write: no backslash of theirs is obeyed', () => {
    const dir = mkdtempSync(join(tmpdir(), 'reeve-health-'));
    try {
      writeFileSync(join(dir, 'monitor'), String.raw`volume C:\cache is full\c`);
      const output = execFileSync('/bin/sh', ['-c', HEALTH_SCRIPT.replaceAll(HEALTH_DIR, dir)], { encoding: 'utf8' });
      expect(parseHealth(output).failing).toContain(String.raw`monitor: volume C:\cache is full\c`);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('takes no more of what others write than a line, and nothing that a terminal obeys', () => {
    const { failing } = parseHealth(`failing a: ${'x'.repeat(5_000)}\nfailing b: \u001b[31mred\nend\n`);
    expect(failing.map((one) => one.length)).toEqual([292, 10]);
    expect(failing[1]).toBe('b: [31mred');
  });
});
