// The pure parts of SSH: quoting, configuration, words of OpenSSH, host keys, the probe's answer; and the local process runner.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { AGENT_FILES, INSTALLED_CLUSTER } from './agent-files.js';
import { parseProbe } from './probe-script.js';
import { runProcess } from './run-process.js';
import { bestKey, fingerprintOf } from './scan-host-key.js';
import { quoteAll } from './shell-quote.js';
import { Slots } from './slots.js';
import { knownHostsText, sshConfigText, type SshSettings } from './ssh-config.js';
import { SshConnection } from './ssh-connection.js';
import { sshFailure, sudoFailure } from './ssh-failure.js';

const SETTINGS: SshSettings = { name: 'host-1', address: '10.0.0.1', port: 22, user: 'ops', identityFile: '/keys/id', hostKey: 'ssh-ed25519 AAAA' };

describe('quote', () => {
  it('gives a real shell every word as it was', () => {
    const word = fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text.replaceAll('\0', ''));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), (words) => {
        const seen = execFileSync('/bin/sh', ['-c', `printf '%s\\001' ${quoteAll(words)}`], { encoding: 'utf8' });
        expect(seen.split('\u0001').slice(0, -1)).toEqual(words.flatMap((one) => one.split('\u0001')));
      }),
      { numRuns: 60 },
    );
  });
});

describe('a connection to a host', () => {
  it('keeps its files when another one to the same host is closed, as of one that was removed and added again', async () => {
    const runtimeDir = mkdtempSync(join(tmpdir(), 'reeve-dirs-'));
    try {
      const connection = (): SshConnection => new SshConnection(SETTINGS, { runtimeDir, program: ['false'] });
      const [old, now] = [connection(), connection()];
      expect(readdirSync(runtimeDir)).toHaveLength(2);
      await old.close();
      const [left = ''] = readdirSync(runtimeDir);
      expect(readdirSync(join(runtimeDir, left)).sort()).toEqual(['config', 'known_hosts']);
      await now.close();
      expect(readdirSync(runtimeDir)).toEqual([]);
    } finally {
      rmSync(runtimeDir, { recursive: true, force: true });
    }
  });
});

describe('the look for an agent', () => {
  it('finds the cluster in the file as it is written, and nothing where there is none', () => {
    const dir = mkdtempSync(join(tmpdir(), 'reeve-installed-'));
    try {
      const look = (): string => execFileSync('/bin/sh', ['-c', INSTALLED_CLUSTER.replaceAll(AGENT_FILES.config, join(dir, 'agent.json'))], { encoding: 'utf8' });
      expect(look()).toBe('');
      writeFileSync(join(dir, 'agent.json'), `${JSON.stringify({ clusterId: '0f3c-1', members: [{ clusterId: 'not this one' }] }, null, 2)}\n`);
      expect(look()).toBe('0f3c-1\n');
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

describe('ssh configuration', () => {
  const paths = { config: '/r/config', knownHosts: '/r/known', control: '/r/m' };

  it('checks the host key strictly and shares one connection', () => {
    const text = sshConfigText(SETTINGS, paths);
    for (const line of ['StrictHostKeyChecking yes', 'UserKnownHostsFile /r/known', 'GlobalKnownHostsFile /dev/null', 'BatchMode yes', 'ControlMaster auto', 'ControlPersist 60', 'ServerAliveInterval 2', 'ServerAliveCountMax 2', 'ConnectTimeout 5', 'IdentitiesOnly yes']) {
      expect(text).toContain(`  ${line}\n`);
    }
    expect(knownHostsText('ssh-ed25519 AAAA comment')).toBe('reeve-host ssh-ed25519 AAAA\n');
  });

  it('lets no value add a line or an option', () => {
    for (const address of ['a\nProxyCommand x', 'a"b', 'a\\b']) expect(() => sshConfigText({ ...SETTINGS, address }, paths)).toThrow(RangeError);
    expect(sshConfigText({ ...SETTINGS, identityFile: '/a b/%d' }, paths)).toContain('IdentityFile "/a b/%%d"');
    for (const key of ['', 'ssh-ed25519', '* AAAA', 'ssh-ed25519 A*']) expect(() => knownHostsText(key)).toThrow(RangeError);
  });
});

describe('sshFailure', () => {
  it.each([
    ['@@@@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nHost key verification failed.\n', 'failed', 'another SSH host key', 'reeve host repin host-1'],
    ['ops@10.0.0.1: Permission denied (publickey).\n', 'failed', 'does not accept the key /keys/id', 'ssh-copy-id -i /keys/id.pub'],
    ['ssh: connect to host 10.0.0.1 port 22: Connection refused\n', 'unreachable', 'no SSH server listens', 'ssh'],
    ['ssh: connect to host 10.0.0.1 port 22: No route to host\n', 'unreachable', 'no route', 'ip route'],
    ['ssh: connect to host 10.0.0.1 port 22: Connection timed out\n', 'unreachable', 'does not answer', 'ssh -i'],
    ['Connection timed out during banner exchange\n', 'unreachable', 'does not answer', 'ssh -i'],
    ['ssh: Could not resolve hostname nope: Name or service not known\n', 'unreachable', 'does not resolve', 'getent'],
    ['kex_exchange_identification: Connection closed by remote host\n', 'unreachable', 'broke', 'ssh -i'],
    ['Permissions 0644 for \'/keys/id\' are too open.\n@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @\nPermission denied (publickey).\n', 'failed', 'others may read it', 'chmod 600'],
    ['', 'unreachable', 'broke', 'ssh -i'],
    ['strange words\n', 'unreachable', 'broke: strange words', 'ssh -i'],
  ])('explains %j', (stderr, code, says, remedy) => {
    expect(sshFailure(SETTINGS, stderr)).toMatchObject({ code, message: expect.stringContaining(says) as string, remedy: expect.stringContaining(remedy) as string });
  });

  it('explains what sudo refuses', () => {
    expect(sudoFailure(SETTINGS, 'sudo: a password is required\n')).toMatchObject({ code: 'failed', remedy: expect.stringContaining('NOPASSWD') as string });
    expect(sudoFailure(SETTINGS, 'error: no\n')).toBeNull();
  });
});

describe('host keys', () => {
  it('takes the best of those shown, whatever their order', () => {
    expect(bestKey('# c\n10.0.0.1 ssh-rsa BBBB\n[10.0.0.1]:22 ssh-ed25519 AAAA\n')).toBe('ssh-ed25519 AAAA');
    expect(bestKey('# nothing\n')).toBeNull();
  });

  it('computes the fingerprint that ssh-keygen shows', () => {
    const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';
    const shown = execFileSync('ssh-keygen', ['-lf', '-'], { input: key, encoding: 'utf8' });
    expect(shown).toContain(fingerprintOf(key));
  });
});

describe('parseProbe', () => {
  it('reads the boot and the uuids of processes, and nothing else', () => {
    const output = 'boot b-1\nagent yes\n-uuid\nc0f0c0f0-0000-4000-8000-000000000002\n--\n-uuid\n/proc/1/cmdline\n-uuid\nc0f0c0f0-0000-4000-8000-000000000001\n--\nend\n';
    expect(parseProbe(output)).toEqual({ bootId: 'b-1', agentAlive: true, runningUuids: ['c0f0c0f0-0000-4000-8000-000000000001', 'c0f0c0f0-0000-4000-8000-000000000002'] });
  });

  describe('of containers that are noted by name', () => {
    const [C1, ODD] = ['c0f0c0f0-0000-4000-8000-00000000000a', 'c0f0c0f0-0000-4000-8000-00000000000b'];
    const shown = (...lines: readonly string[]): readonly string[] => parseProbe(['boot b-1', 'agent no', `mark ${C1} lxd:c1`, ...lines, 'end'].join('\n')).runningUuids;
    const monitor = (name: string, group: string, path = '/var/lib/lxd'): readonly string[] => [`monitor [lxc monitor] ${path}/containers ${name}`, `owned ${group}`];

    it.each([
      ['nothing of it', [], false],
      ['its monitor and its group', ['payload c1', ...monitor('c1', 'c1')], true],
      ['its monitor, and the next group', ['payload c1-1', ...monitor('c1', 'c1-1')], true],
      ['its group alone', ['payload c1'], true],
      ['a group that may be its', ['payload c1-1'], true],
      ['its monitor alone, which tells of its end', ['monitor [lxc monitor] /var/lib/lxd/containers c1'], false],
      ['one that is named like its next group', ['payload c1-1', ...monitor('c1-1', 'c1-1')], false],
      ['one of Incus by the same name', ['payload c1', ...monitor('c1', 'c1', '/var/lib/incus')], false],
      ['another one', ['payload c2', ...monitor('c2', 'c2')], false],
    ])('tells whether one runs: %s', (_what, lines, runs) => {
      expect(shown(...lines)).toEqual(runs ? [C1] : []);
    });

    it('is in doubt of what it can not read', () => {
      expect(shown(`mark ${ODD} what:ever`)).toEqual([ODD]);
    });
  });

  it('takes no list that was cut short', () => {
    for (const output of ['', 'boot b-1\nagent no\n', 'agent no\nend\n']) expect(() => parseProbe(output)).toThrow('before its end');
  });
});

describe('runProcess', () => {
  it('reports output, exit code and input', async () => {
    expect(await runProcess('sh', ['-c', 'cat; echo e >&2; exit 3'], { timeoutMs: 5_000, input: 'in' })).toEqual({ code: 3, stdout: 'in', stderr: 'e\n', timedOut: false });
  });

  it('kills what takes too long, and is not held up by a child left behind', async () => {
    expect(await runProcess('sleep', ['30'], { timeoutMs: 50 })).toMatchObject({ code: null, timedOut: true });
    expect(await runProcess('sh', ['-c', 'sleep 3 & echo out'], { timeoutMs: 2_500 })).toMatchObject({ code: 0, stdout: 'out\n', timedOut: false });
  });

  it('reports a program that is not there, and input that nobody reads', async () => {
    expect(await runProcess('/no/such/program', [], { timeoutMs: 1_000 })).toMatchObject({ code: null, stderr: expect.stringContaining('ENOENT') as string });
    expect(await runProcess('true', [], { timeoutMs: 5_000, input: 'x'.repeat(1_000_000) })).toMatchObject({ code: 0 });
  });
});

describe('Slots', () => {
  it('lets so many in, the next when one leaves, and gives up in time', async () => {
    const slots = new Slots(1);
    await slots.take(1_000, 'first');
    await expect(slots.take(10, 'second')).rejects.toMatchObject({ code: 'busy' });
    const third = slots.take(1_000, 'third');
    slots.give();
    await third;
    slots.give();
    await slots.take(10, 'fourth');
  });
});
