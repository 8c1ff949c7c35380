// The migration command: its words, its detached life under a real shell, and how its state is read.
import { describe, expect, it } from 'vitest';
import type { MigrationRequest } from '../../hypervisor.js';
import { migrateWords, migrationCommandScript, parseMigrationCommand, startMigrationScript } from './migration-script.js';

const REQUEST: MigrationRequest = {
  id: 'op-1', uuid: 'u-1', destination: { name: 'host-2', sshUser: 'root', sshPort: 22, address: '10.0.0.2' },
  bandwidthMiBps: null, maxDowntimeMs: 300, autoConverge: false, copyStorage: false,
};

describe('migrateWords', () => {
  it('says where the data goes, and asks for nothing unsafe', () => {
    expect(migrateWords(REQUEST).join(' ')).toBe('virsh -q migrate --live --p2p --persistent --undefinesource --migrateuri tcp://10.0.0.2 u-1 qemu+ssh://root@10.0.0.2:22/system');
  });

  it('adds what was asked for, and brackets an IPv6 address', () => {
    const words = migrateWords({ ...REQUEST, destination: { ...REQUEST.destination, address: 'fd00::2', sshUser: 'a b', sshPort: 2022 }, bandwidthMiBps: 40, autoConverge: true, copyStorage: true });
    expect(words.join(' ')).toContain('--auto-converge --copy-storage-all --bandwidth 40 --migrateuri tcp://[fd00::2] u-1 qemu+ssh://a%20b@[fd00::2]:2022/system');
  });

  it('takes no id that is a path', () => {
    for (const id of ['../x', 'a/b', '', '-x', 'a b']) {
      expect(() => startMigrationScript({ ...REQUEST, id })).toThrow(RangeError);
      expect(() => migrationCommandScript(id)).toThrow(RangeError);
    }
  });
});

describe('parseMigrationCommand', () => {
  it.each([
    ['none\n', { kind: 'none' }],
    ['running\n', { kind: 'running' }],
    ['ended 0\n', { kind: 'ended', exitCode: 0, output: '' }],
    ['ended 1\nerror: operation aborted\n', { kind: 'ended', exitCode: 1, output: 'error: operation aborted' }],
  ])('reads %j', (answer, state) => {
    expect(parseMigrationCommand(answer)).toEqual(state);
  });

  it('says that a killed command may have left the migration running', () => {
    expect(parseMigrationCommand('ended -1\nx\n')).toMatchObject({ kind: 'ended', exitCode: -1, output: expect.stringMatching(/^x\n.*may go on/) as string });
    expect(() => parseMigrationCommand('?')).toThrow('unreadable');
  });
});
