// What `reeve-agent leave` writes for the agent, and what systemd's jobs say.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { leavingFile } from './leaving-file.js';
import { wayOf } from './system-way.js';

describe('the word that the host goes down', () => {
  it('is read until it is taken back, and in this boot alone', () => {
    const dir = mkdtempSync(join(tmpdir(), 'reeve-leaving-'));
    const file = leavingFile(dir, 'boot-a');
    expect(file.read()).toBeNull();
    file.remove();
    file.write('reboot');
    expect([file.read(), leavingFile(dir, 'boot-b').read()]).toEqual(['reboot', null]);
    file.remove();
    expect(file.read()).toBeNull();
    writeFileSync(join(dir, 'leaving'), '1 boot-a lunch\n');
    expect(file.read()).toBeNull();
  });
});

describe('the jobs of systemd', () => {
  it.each([
    ['reboot', '1502 reboot.target           start waiting\n1503 shutdown.target         start waiting\n1499 reeve-leave.service     stop  running\n'],
    ['reboot', '1502 kexec.target start waiting\n'],
    ['shutdown', '1502 poweroff.target start waiting\n1503 shutdown.target start waiting\n'],
    ['shutdown', '1502 halt.target start waiting\n'],
    ['stays', '1499 reeve-leave.service stop running\n'],
    ['stays', '77 shutdown.target stop waiting\n'],
    ['stays', ''],
  ])('mean %s', (way, jobs) => expect(wayOf(jobs)).toBe(way));
});
