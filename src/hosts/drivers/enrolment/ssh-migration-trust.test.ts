// The scripts behind MigrationTrust and HostSurveyor, really run by a shell on folders of the test's own.
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OperationalError } from '../../../shared/errors.js';
import type { MigrationPeer } from '../../migration-trust.js';
import { SshHostSurveyor, type RootShell } from './ssh-host-survey.js';
import { SshMigrationTrust } from './ssh-migration-trust.js';
import { parseSurvey } from './survey-script.js';
import { DOOR, peerLine, reachScript } from './trust-script.js';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA';
const peer = (n: number, more: Partial<MigrationPeer> = {}): MigrationPeer => ({ hostId: `id-${n}`, name: `host-${n}`, address: `10.0.0.${n}`, user: 'root', port: 22, hostKey: `${KEY}host${n}`, publicKey: `${KEY}migr${n}`, ...more });

let dir: string;
const file = (name: string): string => join(dir, 'root/.ssh', name);
const read = (name: string): string => (existsSync(file(name)) ? readFileSync(file(name), 'utf8') : '(none)');

/** Runs as the test's user, with a getent, a virsh and a home of the test's own. */
const shell: RootShell = {
  run: (script, { input, timeoutMs }) =>
    new Promise((resolve, reject) => {
      const env = { ...process.env, PATH: `${join(dir, 'bin')}:${process.env['PATH']}` };
      const child = execFile('/bin/sh', ['-c', script], { env, timeout: timeoutMs }, (error, stdout, stderr) => {
        if (error) reject(new OperationalError('failed', `${stderr} ${error.message}`));
        else resolve({ code: 0, stdout, stderr });
      });
      // A script that does not read its input may be gone before we wrote it.
      child.stdin?.on('error', () => {});
      child.stdin?.end(input ?? '');
    }),
};

function program(name: string, text: string): void {
  writeFileSync(join(dir, 'bin', name), `#!/bin/sh\n${text}\n`);
  chmodSync(join(dir, 'bin', name), 0o755);
}

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'reeve-trust-'));
  mkdirSync(join(dir, 'bin'));
  mkdirSync(join(dir, 'root'));
  mkdirSync(join(dir, 'home'));
  program('getent', `case $1:$2 in passwd:root) echo "root:x:0:0::${dir}/root:/bin/sh";; passwd:*) echo "$2:x:1:1::${dir}/home:/bin/sh";; ahosts:*) echo "127.0.1.1 STREAM x"; echo "127.0.1.1 DGRAM";; esac`);
  program('chown', ':');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('migration trust', () => {
  const trust = () => new SshMigrationTrust({ shell, user: 'root' });

  it('makes a key once', async () => {
    const key = await trust().publicKey();
    expect(key).toMatch(/^ssh-ed25519 /);
    expect(await trust().publicKey()).toBe(key);
    expect(statSync(file('reeve_migration')).mode & 0o777).toBe(0o600);
    expect(statSync(join(dir, 'root/.ssh')).mode & 0o777).toBe(0o700);
  });

  it('writes pinned keys, a scoped configuration and keys that open one door only', async () => {
    await trust().publicKey();
    await trust().admitPeers([peer(2), peer(3, { port: 2222 })]);
    expect(read('reeve_known_hosts')).toBe(`10.0.0.2 ${KEY}host2 reeve:id-2\n[10.0.0.3]:2222 ${KEY}host3 reeve:id-3\n`);
    expect(read('config')).toContain('Host 10.0.0.2 10.0.0.3\n  IdentityFile ~/.ssh/reeve_migration\n  UserKnownHostsFile ~/.ssh/reeve_known_hosts ~/.ssh/known_hosts\n  StrictHostKeyChecking yes\n');
    expect(read('authorized_keys')).toContain(`restrict,command="${DOOR}" ${KEY}migr2 reeve:id-2\n`);
    expect(statSync(file('authorized_keys')).mode & 0o077).toBe(0);
  });

  it('changes nothing when it is done twice, and replaces a host whose key is new', async () => {
    await trust().admitPeers([peer(2), peer(3)]);
    const before = [read('config'), read('authorized_keys'), read('reeve_known_hosts')];
    await trust().admitPeers([peer(2), peer(3)]);
    expect([read('config'), read('authorized_keys'), read('reeve_known_hosts')]).toEqual(before);
    await trust().admitPeers([peer(2, { hostKey: `${KEY}new` })]);
    expect(read('reeve_known_hosts')).toBe(`10.0.0.3 ${KEY}host3 reeve:id-3\n10.0.0.2 ${KEY}new reeve:id-2\n`);
  });

  it("keeps what people wrote, byte for byte, and their settings' scope", async () => {
    mkdirSync(join(dir, 'root/.ssh'));
    writeFileSync(file('config'), 'ForwardAgent no\nHost other\n  User me\n');
    writeFileSync(file('authorized_keys'), 'ssh-rsa AAAA me@there\n', { mode: 0o644 });
    await trust().admitPeers([peer(2)]);
    expect(read('config')).toMatch(/\n {2}ServerAliveCountMax 3\nHost \*\n# END .*\nForwardAgent no\nHost other\n {2}User me\n$/);
    expect(read('authorized_keys').startsWith('ssh-rsa AAAA me@there\n# BEGIN')).toBe(true);
    expect(statSync(file('authorized_keys')).mode & 0o777).toBe(0o644);
    await trust().dropPeers(['id-2']);
    expect([read('config'), read('authorized_keys')]).toEqual(['ForwardAgent no\nHost other\n  User me\n', 'ssh-rsa AAAA me@there\n']);
  });

  it('is read by OpenSSH as meant', async () => {
    mkdirSync(join(dir, 'root/.ssh'));
    writeFileSync(file('config'), 'ServerAliveInterval 77\n');
    await trust().admitPeers([peer(2)]);
    const options = async (host: string) => (await shell.run(`ssh -G -F ${file('config')} ${host}`, { timeoutMs: 5_000 })).stdout;
    expect(await options('10.0.0.2')).toMatch(/^stricthostkeychecking (yes|true)$/m);
    expect(await options('10.0.0.2')).toMatch(/^serveraliveinterval 3$/m);
    expect(await options('10.0.0.9')).toMatch(/^serveraliveinterval 77$/m);
  });

  it('follows a link to the file, and loses no other enrolment that runs at the same time', async () => {
    mkdirSync(join(dir, 'root/.ssh'));
    writeFileSync(join(dir, 'keys'), 'ssh-rsa AAAA me\n');
    symlinkSync(join(dir, 'keys'), file('authorized_keys'));
    await Promise.all([2, 3, 4, 5].map((n) => trust().admitPeers([peer(n)])));
    expect(readFileSync(join(dir, 'keys'), 'utf8').match(/^restrict/gm)).toHaveLength(4);
    expect(read('reeve_peers').trim().split('\n')).toHaveLength(4);
  });

  it('puts the door where Reeve logs in, the key where libvirt runs', async () => {
    await new SshMigrationTrust({ shell, user: 'ops' }).admitPeers([peer(2)]);
    expect(readFileSync(join(dir, 'home/.ssh/authorized_keys'), 'utf8')).toContain('reeve:id-2');
    expect(read('authorized_keys')).toBe('(none)');
    expect(read('config')).toContain('Host 10.0.0.2');
  });

  it('leaves nothing behind', async () => {
    await trust().publicKey();
    await trust().admitPeers([peer(2)]);
    await trust().revoke();
    await trust().revoke();
    const { stdout } = await shell.run(`ls -A ${join(dir, 'root/.ssh')}`, { timeoutMs: 5_000 });
    expect(stdout).toBe('');
  });

  it('lets nothing into the files that could be read as something else', () => {
    for (const bad of [{ address: '10.0.0.2 *' }, { hostId: 'a\nb' }, { user: '-oProxyCommand=x y' }, { publicKey: 'ssh-ed25519 "AAAA"' }, { hostKey: 'nonsense' }]) {
      expect(() => peerLine(peer(2, bad))).toThrow(OperationalError);
    }
    expect(() => reachScript(peer(2, { address: '$(reboot)' }))).toThrow(OperationalError);
  });

  it('says why a login does not work', async () => {
    program('ssh', 'echo "warning: x" >&2; echo "Permission denied (publickey)." >&2; exit 255');
    expect(await trust().reach(peer(2))).toBe('Permission denied (publickey).');
    program('ssh', 'exit 0');
    program('virsh', 'echo "error: authentication failed" >&2; exit 1');
    expect(await trust().reach(peer(2))).toBe('SSH works, libvirt over it does not: error: authentication failed');
    program('virsh', 'exit 0');
    expect(await trust().reach(peer(2))).toBeNull();
  });

  it('the door opens for libvirt and the trial login only', async () => {
    program('virt-ssh-helper', 'echo "socket of $1"');
    const knock = async (command: string) => {
      const { stdout } = await shell.run(`SSH_ORIGINAL_COMMAND='${command}'; export SSH_ORIGINAL_COMMAND; ( ${DOOR} ) 2>&1 || true`, { timeoutMs: 5_000 });
      return stdout.trim();
    };
    expect(await knock('true')).toBe('');
    expect(await knock('sh -c which virt-ssh-helper')).toBe('socket of qemu:///system');
    expect(await knock('rm -rf libvirt; reboot')).toBe('socket of qemu:///system');
    for (const other of ['', 'bash', 'scp -t /']) expect(await knock(other)).toBe('Reeve: this key is for live migration only');
  });
});

describe('survey', () => {
  const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now(), sleep: async () => {} };
  const surveyor = () => new SshHostSurveyor({ shell, clock });
  const virsh = (extra = ''): void => program('virsh', `
case $* in
  "-q version") printf 'Compiled against library: libvirt 11.3.0\\nUsing library: libvirt 11.3.0\\nUsing API: QEMU 11.3.0\\nRunning hypervisor: QEMU 10.0.2\\n' ;;
  "-q capabilities") echo "<capabilities><host>"; echo "  <uuid>00000001-aaaa</uuid>" ;;
  "-q list --all --autostart --name") echo vm-1; echo ;;
  "-q pool-list --name") echo "my pool" ;;
  "-q pool-list --all --name") echo "my pool"; echo off; echo lun ;;
  "-q pool-dumpxml my pool") echo "<pool><target><path>${join(dir, 'pool &amp; co')}</path></target></pool>" ;;
  "-q pool-dumpxml off") echo "<pool><path>/nowhere</path></pool>" ;;
  "-q pool-dumpxml lun") echo "<pool></pool>" ;;
esac
${extra}`);

  it('reads a host', async () => {
    virsh();
    const seen = await surveyor().survey();
    expect(seen).toMatchObject({ hostnameAddresses: ['127.0.1.1'], libvirtVersion: '11.3.0', libvirtError: null, qemuVersion: '10.0.2', libvirtUuid: '00000001-aaaa', autostart: ['vm-1'] });
    expect(seen.pools.map((pool) => [pool.name, pool.active])).toEqual([['my pool', true], ['off', false]]);
    expect(seen.bootId).toMatch(/^[0-9a-f-]{36}$/);
    expect(seen.memoryMiB).toBeGreaterThan(seen.freeMemoryMiB);
    expect(Math.abs(seen.clockOffsetMs)).toBeLessThanOrEqual(seen.clockRoundTripMs / 2 + 2);
  });

  it('says why libvirt does not answer', async () => {
    program('virsh', 'echo "error: failed to connect to the hypervisor" >&2; echo "error: Failed to connect socket: No such file" >&2; exit 1');
    expect(await surveyor().survey()).toMatchObject({ libvirtVersion: null, libvirtError: 'error: Failed to connect socket: No such file', pools: [] });
  });

  it('marks a pool once, whoever comes first, and takes back only its own mark', async () => {
    // The path in the XML is escaped; the folder's name is not.
    mkdirSync(join(dir, 'pool & co'));
    virsh();
    let ids = 0;
    const newId = () => `id-${(ids += 1)}`;
    const both = await Promise.all([surveyor().markPools(newId), surveyor().markPools(newId)]);
    const written = both.flat();
    const path = join(dir, 'pool & co');
    expect(written).toHaveLength(1);
    expect(readFileSync(join(path, '.reeve-pool'), 'utf8')).toBe(`${written[0]?.markerId}\n`);
    expect((await surveyor().survey()).pools[0]).toMatchObject({ path, writable: true, markerId: written[0]?.markerId });
    expect(await surveyor().markPools(newId)).toEqual([]);
    await surveyor().unmarkPools([{ pool: 'my pool', path, markerId: 'another' }]);
    expect(existsSync(join(path, '.reeve-pool'))).toBe(true);
    await surveyor().unmarkPools(written);
    const { stdout } = await shell.run(`ls -A '${path}'`, { timeoutMs: 5_000 });
    expect(stdout).toBe('');
  });

  it('does not take half an answer for a whole one', () => {
    expect(() => parseSurvey('hostname x\narchitecture x86_64\n', { offsetMs: 0, roundTripMs: 0 })).toThrow(OperationalError);
  });
});
