// libvirt's words and what they mean.
import { describe, expect, it } from 'vitest';
import { GUARD_BUSY, GUARD_REFUSED } from '../ssh/guard-script.js';
import { libvirtFailure } from './libvirt-failure.js';
import { FAILURES } from './recorded.fixture.js';

describe('libvirtFailure', () => {
  it.each(FAILURES)('%j means %s', (stderr, code) => {
    const failure = libvirtFailure({ code: 1, stdout: '', stderr }, 'start g3', 'host-1');
    expect(failure.code).toBe(code);
    expect(failure.message).toMatch(/^start g3 on host-1: .+/);
    expect(failure.message).not.toContain('Failed to start');
  });

  it('passes on what the guard says', () => {
    const answer = (code: number, stderr: string): unknown => libvirtFailure({ code, stdout: '', stderr }, 'start', 'host-1');
    expect(answer(GUARD_REFUSED, 'reeve-guard: refused: leader epoch 1 is over, 2 was seen\n')).toMatchObject({ code: 'guard-refused', message: 'host-1 refused: leader epoch 1 is over, 2 was seen' });
    expect(answer(GUARD_BUSY, 'reeve-guard: busy: an older command for workload x still runs\n')).toMatchObject({ code: 'busy', retryable: true });
    expect(answer(127, '/bin/sh: 1: exec: /usr/lib/reeve/guard: not found\n')).toMatchObject({ code: 'guard-refused' });
    // A command's own exit code of that value is no refusal.
    expect(answer(GUARD_REFUSED, 'error: something else\n')).toMatchObject({ code: 'failed' });
  });
});
