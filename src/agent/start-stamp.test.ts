// Start stamps rise, whatever the clock does.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { nextStartStamp } from './start-stamp.js';

const dir = mkdtempSync(join(tmpdir(), 'reeve-stamp-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('the start stamp', () => {
  it('is the time, and rises even when the clock was set back', () => {
    const file = join(dir, 'new/agent.stamp');
    expect([5_000.7, 6_000, 100, 100, 7_000].map((nowMs) => nextStartStamp(file, nowMs))).toEqual([5_000, 6_000, 6_001, 6_002, 7_000]);
  });

  it('survives a damaged file', () => {
    const file = join(dir, 'damaged');
    writeFileSync(file, 'not a number');
    expect(nextStartStamp(file, 5_000)).toBe(5_000);
  });
});
