// Asks a host for its SSH host key, for enrolment: shown to a person, then pinned.
import { createHash } from 'node:crypto';
import { OperationalError } from '../../../shared/errors.js';
import { runProcess } from './run-process.js';

export interface ScannedHostKey {
  /** As in known_hosts, without the address: "ssh-ed25519 AAAA…". */
  readonly hostKey: string;
  /** As `ssh-keygen -l` shows it: "SHA256:…". */
  readonly fingerprint: string;
}

/** The best first: one key is pinned. */
const KEY_TYPES = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521', 'ssh-rsa'];
/** ssh-keyscan's own bound is per connection, and it makes one for each key type. */
const SCAN_S = 4;
const SCAN_MS = 10_000;

export async function scanHostKey(address: string, port: number): Promise<ScannedHostKey> {
  if (address.startsWith('-')) throw new OperationalError('failed', `"${address}" is not an address`);
  const args = ['-T', String(SCAN_S), '-p', String(port), '-t', 'ed25519,ecdsa,rsa', '--', address];
  const { stdout, stderr } = await runProcess('ssh-keyscan', args, { timeoutMs: SCAN_MS });
  const key = bestKey(stdout);
  if (key) return { hostKey: key, fingerprint: fingerprintOf(key) };
  const words = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('#')).at(0);
  throw new OperationalError('unreachable', `no SSH server answers at ${address} port ${port}${words ? `: ${words}` : ''}`, `ssh-keyscan -p ${port} ${address}`);
}

export function bestKey(scan: string): string | null {
  const keys = scan.split('\n').filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.split(/\s+/));
  for (const wanted of KEY_TYPES) {
    const found = keys.find(([, type]) => type === wanted);
    if (found?.[2]) return `${wanted} ${found[2]}`;
  }
  return null;
}

export function fingerprintOf(hostKey: string): string {
  const blob = Buffer.from(hostKey.split(/\s+/)[1] ?? '', 'base64');
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}
