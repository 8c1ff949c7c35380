// What libvirt's words mean, and what a person can do about it.
import { OperationalError, type OperationalCode } from '../../../shared/errors.js';
import { guardRefusal } from '../ssh/guarded.js';
import type { RunResult } from '../ssh/ssh-connection.js';

interface Pattern {
  readonly matches: RegExp;
  readonly code: OperationalCode;
  readonly remedy?: string;
}

/** libvirt's words for: there is no such domain here. Nothing else may be taken for it. */
export const UNKNOWN_DOMAIN = /failed to get domain|Domain not found|no domain with matching/i;

/** The first that matches wins: the safety signals before all others. */
const PATTERNS: readonly Pattern[] = [
  {
    matches: /Failed to get (shared )?"?(write|consistent read)"? lock|Is another process using the image|resource busy|Lockspace resource .* is locked|Lease is held by another host|Failed to acquire lock/i,
    code: 'locked',
    remedy: 'find who has the disk open (virsh list on every host); never force it',
  },
  // Before not-found: "No such file" about the daemon's socket says nothing about a workload.
  { matches: /failed to connect to the hypervisor|Failed to connect socket|Cannot recv data|End of file while reading data/i, code: 'unreachable', remedy: 'systemctl status libvirtd (on that host)' },
  { matches: UNKNOWN_DOMAIN, code: 'not-found' },
  { matches: /Storage volume not found|no storage vol|Storage pool not found|Network not found/i, code: 'not-found' },
  { matches: /already active|already running|already exists|already defined/i, code: 'already' },
  { matches: /cannot acquire state change lock|Timed out during operation|too many active clients|Resource temporarily unavailable/i, code: 'busy' },
  { matches: /permission denied|authentication unavailable|access denied/i, code: 'failed', remedy: 'the SSH login must be root, or may use sudo without a password' },
  { matches: /unsupported configuration|not supported|Cannot find suitable emulator|doesn't support option/i, code: 'unsupported' },
];

/** virsh writes "error: Failed to …" and then "error: why": both lines tell. */
export function libvirtFailure(result: RunResult, what: string, hostName: string): OperationalError {
  const refusal = guardRefusal(result, hostName);
  if (refusal) return refusal;
  const words = errorLines(result.stderr) || errorLines(result.stdout) || `exit code ${result.code}`;
  const pattern = PATTERNS.find(({ matches }) => matches.test(words));
  return new OperationalError(pattern?.code ?? 'failed', `${what} on ${hostName}: ${words}`, pattern?.remedy ?? null);
}

function errorLines(text: string): string {
  const lines = text.split('\n').map((line) => line.trim()).filter(Boolean);
  const errors = lines.filter((line) => line.startsWith('error: ')).map((line) => line.slice('error: '.length));
  const telling = errors.filter((line) => !/^Failed to (start|define|undefine|create|destroy|shutdown|resume|mark) /.test(line));
  return (telling.length ? telling : errors.length ? errors : lines.slice(-2)).join('; ');
}
