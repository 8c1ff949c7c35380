// What a host's daemon and client are known by, among the host's facts: certificates, remotes, and whom the daemon lets in.
import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import type { Certificate, DaemonTrust } from '../../host-facts.js';
import type { InstanceDriver } from './dialect.js';
import { hostOfRemote, REMOTE_PREFIX } from './remotes.js';
import { jsonOf, sectionsOf, SECTION_MARK } from './sections.js';

/**
 * Shell: `client_dir` is where the client named `$1` keeps its certificate and those of its remotes. The snap has a folder of its own, whatever else lies in the home
 * of root.
 */
export const clientDirScript = (driver: InstanceDriver): string => `client_dir() { case $1 in /snap/*) echo /root/snap/lxd/common/config ;; *) echo /root/.config/${driver === 'lxd' ? 'lxc' : 'incus'} ;; esac; }
fingerprint_of() { sed '/^-/d' "$1" | base64 -d | sha256sum | cut -d' ' -f1; }`;

/** After the client's words. The keys are not touched. */
export const trustScript = (driver: InstanceDriver): string => `${clientDirScript(driver)}
echo "${SECTION_MARK}trusted"
client query '/1.0/certificates?recursion=1' || exit $?
dir=$(client_dir "$program")
echo "${SECTION_MARK}client"
cat "$dir/client.crt" 2> /dev/null
echo "${SECTION_MARK}remotes"
for file in "$dir"/servercerts/${REMOTE_PREFIX}*.crt; do
  [ ! -s "$file" ] || { one=\${file##*/}; echo "\${one%.crt} $(fingerprint_of "$file")"; }
done`;

const trustedSchema = z.array(z.object({ fingerprint: z.string() }));
const serverSchema = z.object({ environment: z.object({ certificate: z.string().nullish() }) });

export function parseTrust(output: string): DaemonTrust {
  const sections = sectionsOf(output);
  const server = jsonOf(serverSchema, sections.get('server') ?? '', 'the daemon about itself').environment.certificate ?? '';
  return {
    client: certificateOf(sections.get('client') ?? ''),
    server: certificateOf(server),
    remotes: (sections.get('remotes') ?? '').split('\n').flatMap((line) => {
      const [, remote = '', fingerprint = ''] = /^(\S+) ([0-9a-f]{64})$/.exec(line) ?? [];
      const host = hostOfRemote(remote);
      return host === null ? [] : [{ host, fingerprint }];
    }),
    letsIn: jsonOf(trustedSchema, sections.get('trusted') ?? '', 'the daemon about whom it trusts').map(({ fingerprint }) => fingerprint).sort(),
  };
}

/** Null: there is none, or what is there is none. A file that was spoilt must not make the whole daemon look mute. */
export function certificateOf(pem: string): Certificate | null {
  if (pem.trim() === '') return null;
  try {
    const { fingerprint256, validTo } = new X509Certificate(pem);
    return { fingerprint: fingerprint256.replaceAll(':', '').toLowerCase(), expiresAtMs: Date.parse(validTo) };
  } catch {
    return null;
  }
}
