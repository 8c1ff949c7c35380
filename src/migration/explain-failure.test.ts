// virsh's words, as seen on real hosts, and the remedy that is read out of them.
import { describe, expect, it } from 'vitest';
import { explainFailure } from './explain-failure.js';

describe('explainFailure', () => {
  it.each([
    ['error: Unsafe migration: Migration without shared storage is unsafe', /shared pool/],
    ["error: Cannot recv data: Host key verification failed.: Connection reset by peer", /SSH host key/],
    ["error: Cannot recv data: root@10.0.0.2: Permission denied (publickey).: Connection reset by peer", /may not log in/],
    ["error: unable to connect to server at 'host-2:49152': Connection refused", /49152/],
    ["error: operation aborted: migration out job: canceled by client", /aborted/],
    ["error: internal error: process exited while connecting to monitor: qemu: cannot set up guest memory 'pc.ram': Cannot allocate memory", /enough free memory/],
    ["error: Cannot get interface MTU on 'br7': No such device", /lacks a bridge/],
    ["error: internal error: Failed to get \"write\" lock", /locked by another process/],
  ])('%s', (words, expected) => {
    expect(explainFailure(words)).toMatch(expected);
  });

  it('hands unknown words on as they are', () => {
    expect(explainFailure('some noise\nerror: End of file while reading data: Input/output error\n')).toBe('End of file while reading data: Input/output error');
    expect(explainFailure('')).toBe('the migration ended without a word');
  });
});
