// The trial's scripts as a shell reads them, and their answers; what they do to real disks is for the tests on real hosts.
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { dropTrialScript, holdTrialScript, meetTrialScript, readMeeting, readTrial } from './lock-trial-script.js';

describe('the trial of disk locks', () => {
  it.each([['hold', holdTrialScript], ['meet', meetTrialScript], ['drop', dropTrialScript]])('%s is sound in a plain shell, with any path', (_name, script) => {
    for (const path of ['/srv/shared', "/srv/it's $HOME, `date`"]) execFileSync('sh', ['-n'], { input: script({ path, hostId: 'abc' }) });
  });

  it('is over wherever nothing was held: nobody is ended, no file is missed', () => {
    expect(execFileSync('sh', [], { input: dropTrialScript({ path: '/nowhere/at/all', hostId: 'abc' }), encoding: 'utf8' })).toBe('');
  });

  it('is read word by word, with the reason', () => {
    expect(readTrial('held\n')).toEqual({ kind: 'held' });
    expect(readTrial('not-held a second writer was let through here\n')).toEqual({ kind: 'not-held', why: 'a second writer was let through here' });
    expect(readTrial('untried libvirt names no emulator\n')).toEqual({ kind: 'untried', why: 'libvirt names no emulator' });
    expect(readTrial('')).toEqual({ kind: 'untried', why: 'no answer' });
    expect([readMeeting('refused\n'), readMeeting('let-through\n'), readMeeting('untried no such file\n')]).toEqual([{ kind: 'refused' }, { kind: 'let-through' }, { kind: 'untried', why: 'no such file' }]);
  });
});
