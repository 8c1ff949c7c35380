// How the answer of the set-up of disk locks is read. What the script does on a real host: test/e2e/storage-locks.
import { expect, it } from 'vitest';
import { readSetUp } from './lock-setup-script.js';

it('the answer is the last line, and one that is missing is no answer', () => {
  expect(readSetUp('Created symlink /etc/systemd\ndone\n')).toEqual({ kind: 'done' });
  expect(readSetUp('left 2 of its VMs run\n')).toEqual({ kind: 'left', why: '2 of its VMs run' });
  expect(readSetUp('failed\n')).toEqual({ kind: 'failed', why: 'it did not say why' });
  expect(() => readSetUp('')).toThrow('ended before its end');
});
