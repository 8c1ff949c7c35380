// The trust between daemons for containers: the scripts are ones that a shell takes, and their answers are read. What they do is tried in the lab.
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { DaemonPeer } from '../../container-trust.js';
import type { RunOptions } from '../ssh/ssh-connection.js';
import { SshContainerTrust } from './ssh-container-trust.js';

const PEER: DaemonPeer = { driver: 'lxd', hostName: 'host-2', address: '10.0.0.2:8443', fingerprint: 'f2' };
const TOKEN = 'eyJjbGllbnRfbmFtZSI6InJlZXZlLWhvc3QtMSIsImZpbmdlcnByaW50IjoiIn0=';
const CERTIFICATES = JSON.stringify([{ name: 'reeve-host-2', fingerprint: 'old' }, { name: 'reeve-host-22', fingerprint: 'other' }, { name: 'somebody', fingerprint: 'his' }]);

function trust(answers: readonly (readonly [part: string, stdout: string])[]) {
  const asked: { script: string; input: string | undefined }[] = [];
  const run = async (script: string, { input }: RunOptions) => {
    execFileSync('sh', ['-n'], { input: script });
    asked.push({ script, input: input === undefined ? undefined : String(input) });
    return { code: 0, stderr: '', timedOut: false, stdout: answers.find(([part]) => script.includes(part))?.[1] ?? '' };
  };
  return { asked, trust: new SshContainerTrust({ run }) };
}

const removedBy = (script = ''): readonly string[] => [...script.matchAll(/trust remove (\S+)/g)].map((match) => match[1] ?? '');

describe('the trust between daemons for containers', () => {
  it('invites by a token, and forgets by what the host was known before', async () => {
    const { asked, trust: one } = trust([['/1.0/certificates', CERTIFICATES], ['trust add', `${TOKEN}\n`]]);
    expect(await one.invite('lxd', 'host-2')).toBe(TOKEN);
    const [, { script }] = asked as [unknown, { script: string }];
    expect(removedBy(script)).toEqual(['old']);
    expect(script).toContain('trust add --name reeve-host-2 -q');
    await one.invite('incus', 'host-2');
    expect(asked.at(-1)?.script).toContain('trust add reeve-host-2 -q');
  });

  it('takes nothing else for a token', async () => {
    const { trust: one } = trust([['/1.0/certificates', '[]'], ['trust add', 'Error: not authorized\n']]);
    await expect(one.invite('lxd', 'host-2')).rejects.toThrow('LXD gave no token for host-2');
    await expect(trust([['/1.0/certificates', 'Error']]).trust.invite('lxd', 'host-2')).rejects.toThrow('cannot be read');
  });

  it('gives a token as input: the command is seen by others', async () => {
    const { asked, trust: one } = trust([]);
    await one.join(PEER, TOKEN);
    expect(asked[0]?.input).toBe(`${TOKEN}\n`);
    expect(asked[0]?.script).not.toContain(TOKEN);
    expect(asked[0]?.script).toContain('url=https://10.0.0.2:8443');
  });

  it('says why a peer is not reached', async () => {
    expect(await trust([]).trust.whyNotIn(PEER)).toBeNull();
    expect(await trust([['is=', 'it is not let in\n']]).trust.whyNotIn(PEER)).toBe('it is not let in');
  });

  it('removes what is of those hosts, or all that is ours, and never what is of others', async () => {
    const answers = [['daemon-%s', 'daemon lxd\n'], ['/1.0/certificates', CERTIFICATES]] as const;
    const { asked, trust: one } = trust(answers);
    await one.drop(['host-2']);
    expect(removedBy(asked.at(-1)?.script)).toEqual(['old']);
    expect(asked.at(-1)?.script).toContain('for name in reeve-host-2; do');
    await one.revoke();
    expect(removedBy(asked.at(-1)?.script)).toEqual(['old', 'other']);
  });
});
