// What OpenSSH's words mean, and what a person can do about it.
import { OperationalError, type OperationalCode } from '../../../shared/errors.js';
import type { SshSettings } from './ssh-config.js';

interface Pattern {
  readonly matches: RegExp;
  readonly code: OperationalCode;
  readonly says: (settings: SshSettings) => string;
  readonly remedy: (settings: SshSettings) => string | null;
}

const at = (settings: SshSettings): string => `${settings.name} (${settings.address} port ${settings.port})`;
const sshCommand = (settings: SshSettings): string => `ssh -i ${settings.identityFile} -p ${settings.port} ${settings.user}@${settings.address} true`;

/** The first that matches wins: the specific before the general. */
const PATTERNS: readonly Pattern[] = [
  {
    matches: /REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed|host key is known for|no matching host key type/i,
    code: 'failed',
    says: (s) => `${at(s)} shows another SSH host key than the pinned one: it was reinstalled, or something else answers at its address`,
    remedy: (s) => `compare with \`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub\` on its console, then: reeve host repin ${s.name}`,
  },
  {
    matches: /UNPROTECTED PRIVATE KEY FILE|bad permissions/i,
    code: 'failed',
    says: (s) => `OpenSSH does not use the key ${s.identityFile}: others may read it`,
    remedy: (s) => `chmod 600 ${s.identityFile}`,
  },
  {
    matches: /Load key .*(No such file|invalid format|error in libcrypto)|Identity file .* not accessible/i,
    code: 'failed',
    says: (s) => `the key ${s.identityFile} cannot be read`,
    remedy: (s) => `ssh-keygen -y -f ${s.identityFile}`,
  },
  {
    matches: /Permission denied|Too many authentication failures/i,
    code: 'failed',
    says: (s) => `${at(s)} does not accept the key ${s.identityFile} for user ${s.user}`,
    remedy: (s) => `ssh-copy-id -i ${s.identityFile}.pub -p ${s.port} ${s.user}@${s.address}`,
  },
  { matches: /Could not resolve hostname/i, code: 'unreachable', says: (s) => `the address of ${s.name}, ${s.address}, does not resolve`, remedy: (s) => `getent hosts ${s.address}` },
  { matches: /Connection refused/i, code: 'unreachable', says: (s) => `no SSH server listens on ${at(s)}`, remedy: () => 'systemctl enable --now ssh (on that host)' },
  { matches: /No route to host|Network is unreachable/i, code: 'unreachable', says: (s) => `no route to ${at(s)}`, remedy: (s) => `ip route get ${s.address}` },
  { matches: /timed out|Timeout, server/i, code: 'unreachable', says: (s) => `${at(s)} does not answer`, remedy: sshCommand },
  {
    matches: /kex_exchange_identification|Connection (reset|closed) by|Broken pipe|Connection to .* closed|mux_client/i,
    code: 'unreachable',
    says: (s) => `the connection to ${at(s)} broke`,
    remedy: sshCommand,
  },
];

export function sshFailure(settings: SshSettings, stderr: string): OperationalError {
  const pattern = PATTERNS.find(({ matches }) => matches.test(stderr));
  if (pattern) return new OperationalError(pattern.code, pattern.says(settings), pattern.remedy(settings));
  const words = stderr.trim().split('\n').at(-1) ?? '';
  return new OperationalError('unreachable', `the connection to ${at(settings)} broke${words ? `: ${words}` : ''}`, sshCommand(settings));
}

/** sudo's own refusals, when the login is not root. */
export function sudoFailure(settings: SshSettings, stderr: string): OperationalError | null {
  if (!/^sudo: /m.test(stderr)) return null;
  const rule = `${settings.user} ALL=(root) NOPASSWD: ALL`;
  return new OperationalError(
    'failed',
    `${settings.user} may not become root on ${settings.name}: ${stderr.trim().split('\n').at(-1)}`,
    `on ${settings.name}: echo '${rule}' | sudo tee /etc/sudoers.d/reeve`,
  );
}
