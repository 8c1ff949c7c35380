// Certificates, remotes and the trust store among a host's facts, and how they are told of.
import { createHash, X509Certificate } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { DIALECTS } from './dialect.js';
import { daemonScript } from './container-daemon.js';
import { certificateOf, parseTrust } from './read-trust.js';

/** Made with openssl for this; its key is nowhere. */
const PEM = `-----BEGIN CERTIFICATE-----
MIIBtjCCAV2gAwIBAgIURyI7983mZ9njWFRhZDQSlR6GjJowCgYIKoZIzj0EAwIw
MTEZMBcGA1UECgwQTGludXggQ29udGFpbmVyczEUMBIGA1UEAwwLcm9vdEBob3N0
LTEwHhcNMjYxMTI2MTYxOTA4WhcNMzYxMTIzMTYxOTA4WjAxMRkwFwYDVQQKDBBM
aW51eCBDb250YWluZXJzMRQwEgYDVQQDDAtyb290QGhvc3QtMTBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABCumbE0rV+vMzoxzVtirpd8Thf89XicSgzZKVYKJYObr
BLO+vsJLtwjLEuOZNH+ok0AI9H6bX9dY3DvLXfus+dqjUzBRMB0GA1UdDgQWBBRw
iAccmff10KfhdSV7Z8Gdeo47ADAfBgNVHSMEGDAWgBRwiAccmff10KfhdSV7Z8Gd
eo47ADAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCIDEO8eBlf4n5
iZdd5atEXRbopaD/aw+vGnuN/0EmKsEJAiBR3j17jeQXHNC4B4E4E+Dwu7zel46y
XbXUyu2ZWWW/gw==
-----END CERTIFICATE-----
`;
const FINGERPRINT = createHash('sha256').update(new X509Certificate(PEM).raw).digest('hex');
const output = (more: { readonly server?: string; readonly client?: string } = {}): string => `@@reeve-section server
${JSON.stringify({ environment: { certificate: more.server ?? PEM } })}
@@reeve-section trusted
[{"name": "reeve-host-2", "type": "client", "fingerprint": "bb", "certificate": "-----"}, {"name": "somebody", "fingerprint": "aa"}]
@@reeve-section client
${more.client ?? PEM}@@reeve-section remotes
reeve-host-2 ${'a'.repeat(64)}
reeve-host-3 nothing
@@reeve-section end`;

describe('what the daemons know each other by', () => {
  it('is read with fingerprint and end', () => {
    const own = { fingerprint: FINGERPRINT, expiresAtMs: Date.parse(new X509Certificate(PEM).validTo) };
    expect(parseTrust(output())).toEqual({ client: own, server: own, remotes: [{ host: 'host-2', fingerprint: 'a'.repeat(64) }], letsIn: ['aa', 'bb'] });
    expect(new Date(own.expiresAtMs).getUTCFullYear()).toBe(2036);
  });

  it('is none where there is none, or it can not be read: the daemon itself answers', () => {
    expect(parseTrust(output({ server: '', client: '' }))).toMatchObject({ client: null, server: null });
    expect(certificateOf('-----BEGIN CERTIFICATE-----\nspoilt\n-----END CERTIFICATE-----\n')).toBeNull();
  });

  it('is asked for in a script that a shell takes', () => {
    for (const dialect of Object.values(DIALECTS)) execFileSync('sh', ['-n'], { input: daemonScript(dialect) });
  });
});
