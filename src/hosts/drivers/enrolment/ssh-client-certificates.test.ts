// The successor of a client's certificate: the change itself is made for real, in a folder of its own, and cut off at every command that it consists of.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { certificateOf } from '../lxd/read-trust.js';
import { clearCertificatesScript, forgetCertificatesScript, letInScript, NOT_THERE, olderUsedScript, ownCertificateScript, preparedReachScript, prepareCertificateScript, useCertificateScript } from './client-certificate-script.js';

const PEER = { driver: 'lxd' as const, hostName: 'host-2', address: '[fd00::2]:8443', fingerprint: 'f2' };
let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'reeve-certificates-'));
  mkdirSync(join(root, 'conf'));
  mkdirSync(join(root, 'bin'));
  const key = { old: join(root, 'conf/client.key'), crt: join(root, 'conf/client.crt') };
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1', '-subj', '/CN=old', '-keyout', key.old, '-out', key.crt], { stdio: 'ignore' });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** In a folder of the test's own, with a client that is only named. `MV_ENDS_AT`: the shell dies right before its nth rename. */
function shell(script: string, endsAt = 0): { readonly code: number | null; readonly out: string } {
  const here = script
    .replace('client=$(daemons', 'client=/usr/bin/lxc; : $(daemons')
    .replace(/\/root\/(snap\/lxd\/common\/config|\.config\/lxc)/g, join(root, 'conf'))
    .replace('/run/lock/reeve-remotes', join(root, 'lock'));
  const counted = `renames=0\nmv() { renames=$((renames + 1)); [ "$renames" != "${endsAt}" ] || kill -KILL $$; command mv "$@"; }\n${here}`;
  const { status, stdout, stderr } = spawnSync('sh', ['-c', counted], { encoding: 'utf8' });
  return { code: status, out: `${stdout}${stderr}` };
}

/** What the client would show, and whether the key is that certificate's. */
function shows(): { readonly fingerprint: string | undefined; readonly isPair: boolean } {
  const [crt, key] = [join(root, 'conf/client.crt'), join(root, 'conf/client.key')];
  const publicOf = (args: readonly string[]): string => execFileSync('openssl', args, { encoding: 'utf8' });
  return { fingerprint: certificateOf(readFileSync(crt, 'utf8'))?.fingerprint, isPair: publicOf(['x509', '-in', crt, '-noout', '-pubkey']) === publicOf(['pkey', '-in', key, '-pubout']) };
}

const prepared = (): string => certificateOf(shell(prepareCertificateScript('lxd')).out)?.fingerprint ?? 'none';

describe('the successor of a client certificate', () => {
  it('is made once, and changes nothing by itself', () => {
    const before = shows();
    const fresh = prepared();
    expect(fresh).toMatch(/^[0-9a-f]{64}$/);
    expect([prepared(), shows()]).toEqual([fresh, before]);
    expect((certificateOf(shell(prepareCertificateScript('lxd')).out)?.expiresAtMs ?? 0) - Date.now()).toBeGreaterThan(3_600 * 24 * 3_600_000);
  });

  it('is shown by certificate and key at once, wherever the change is cut off, and after it is asked for again', () => {
    const old = shows().fingerprint;
    let cuts = 0;
    for (let endsAt = 1; ; endsAt += 1) {
      const fresh = prepared();
      const cut = shell(useCertificateScript('lxd', fresh), endsAt).code === null;
      expect(shows().isPair).toBe(true);
      expect([old, fresh]).toContain(shows().fingerprint);
      expect(shell(useCertificateScript('lxd', fresh)).code).toBe(0);
      expect(shows()).toEqual({ fingerprint: fresh, isPair: true });
      // Back to files as a person has them, for the next cut.
      shell(useCertificateScript('lxd', old ?? ''));
      expect(shows()).toEqual({ fingerprint: old, isPair: true });
      const pair = ['client.crt', 'client.key'].map((name) => [name, readFileSync(join(root, 'conf', name))] as const);
      rmSync(join(root, 'conf'), { recursive: true });
      mkdirSync(join(root, 'conf'));
      for (const [name, text] of pair) writeFileSync(join(root, 'conf', name), text);
      if (!cut) break;
      cuts += 1;
    }
    expect(cuts).toBe(6);
  });

  it('is not lost by clearing, and what is not shown is gone', () => {
    const old = shows().fingerprint ?? '';
    const fresh = prepared();
    shell(useCertificateScript('lxd', fresh));
    expect(shell(olderUsedScript('lxd'))).toEqual({ code: 0, out: '' });
    shell(clearCertificatesScript('lxd'));
    expect(shows()).toEqual({ fingerprint: fresh, isPair: true });
    expect(shell(useCertificateScript('lxd', old)).code).toBe(NOT_THERE);
    expect(shell(ownCertificateScript('lxd')).out).toContain('BEGIN CERTIFICATE');
  });

  it('is asked for by scripts that a shell takes, and no key leaves the host', () => {
    const scripts = [ownCertificateScript('incus'), prepareCertificateScript('incus'), preparedReachScript(PEER), useCertificateScript('incus', 'f'), olderUsedScript('incus'), clearCertificatesScript('incus'), letInScript('lxd', 'reeve-host-1', '-----BEGIN CERTIFICATE-----\nMII\nB==\n-----END CERTIFICATE-----\n'), forgetCertificatesScript('lxd', ['a', 'b'])];
    for (const script of scripts) {
      execFileSync('sh', ['-n'], { input: script });
      expect(script).not.toMatch(/cat [^\n]*client\.key/);
    }
    expect(scripts[6]).toContain('{"type":"client","name":"reeve-host-1","certificate":"MIIB=="}');
  });
});
