// The daemons' words, as they were heard, and what they come to.
import { describe, expect, it } from 'vitest';
import { DIALECTS } from './dialect.js';
import { EXIT, lxdFailure } from './lxd-failure.js';

const failure = (stderr: string, code = 1) => lxdFailure({ code, stdout: '', stderr }, 'start u', 'host-1', DIALECTS.lxd);

describe('lxdFailure', () => {
  it.each([
    ['Error: Instance not found', 'not-found'],
    ['Error: Failed getting exclusive access to instance: Instance is running', 'locked'],
    ['Error: The instance is currently running, stop it first or pass --force', 'locked'],
    ['Error: Get "http://unix.socket/1.0": dial unix /var/lib/lxd/unix.socket: connect: connection refused', 'unreachable'],
    ['Error: Get "http://unix.socket/1.0": dial unix /var/lib/lxd/unix.socket: connect: no such file or directory', 'unreachable'],
    ['Error: Unable to connect to: 10.77.0.13:8443 ([dial tcp 10.77.0.13:8443: connect: no route to host])', 'unreachable'],
    ['Error: read tcp 10.0.0.1:40000->10.0.0.2:8443: read: connection timed out', 'unreachable'],
    [`Error: The remote "reeve-nobody" doesn't exist`, 'failed'],
    ['Error: not authorized', 'failed'],
    ['Error: Add instance info to the database: This "instances" entry already exists', 'already'],
    ['Error: UNIQUE constraint failed: instances.project_id, instances.name', 'already'],
    ["Error: ETag doesn't match: f261 vs 53de", 'busy'],
    ['Error: Instance is busy running a "stop" operation', 'busy'],
    ['Error: Failed to begin transaction: context deadline exceeded', 'busy'],
    [`Error: Requested profile "web" doesn't exist`, 'failed'],
    ['Error: Device validation failed for "eth0": Failed loading device "eth0": Failed to load network "net7" for project "default": Network not found', 'failed'],
    ['Error: Unable to resolve container rootfs: lstat /var/lib/lxd/containers/big: no such file or directory', 'failed'],
    [`Error: Unable to perform container live migration. CRIU isn't installed on the source server`, 'unsupported'],
    ['Error: Instance type "virtual-machine" is not supported on this server: vhost_vsock kernel module not loaded', 'unsupported'],
    ['Error: Failed start validation for device "eth0": MAC address "10:66:6a:9d:38:4b" already defined on another NIC', 'failed'],
    ['Error: Something that was never heard of', 'failed'],
  ])('%s', (words, code) => {
    expect(failure(words)).toMatchObject({ code, message: `start u on host-1: ${words.replace('Error: ', '')}` });
  });

  it('leaves the advice of the client out, and gives its own', () => {
    const heard = failure('Error: Get "http://unix.socket/1.0": dial unix /var/lib/lxd/unix.socket: connect: connection refused\nTry `lxc info --show-log c1` for more info');
    expect(heard).toMatchObject({ message: expect.not.stringContaining('Try') as string, remedy: expect.stringContaining('systemctl status') as string });
    expect(failure('Error: Failed start validation for device "eth0": IP address "10.0.3.7" already defined on another NIC').remedy).toContain('take the address off it');
    expect(failure('Error: not authorized').remedy).toContain('reeve host add');
  });

  it('says what our own scripts have found', () => {
    expect(failure('reeve: there is no LXD on this host', EXIT.noClient)).toMatchObject({ code: 'unreachable', message: 'start u on host-1: there is no LXD on this host' });
    expect(failure('reeve: data are being copied into or out of c1 (operation x)', EXIT.copying)).toMatchObject({ code: 'busy', retryable: true });
    expect(failure('reeve: c1 is another instance by now', EXIT.otherInstance).code).toBe('busy');
    expect(failure('reeve: c1 is a replica', EXIT.notReplica).code).toBe('failed');
  });

  it('calls silence a timeout, whose effect is unknown', () => {
    for (const code of [124, 137]) expect(failure('', code)).toMatchObject({ code: 'timeout', message: expect.stringContaining('LXD did not answer') as string });
  });

  it('hears the guard before the daemon', () => {
    expect(failure('reeve-guard: refused: leader epoch 1 is over, 2 was seen\nError: Instance not found', 75).code).toBe('guard-refused');
  });
});
