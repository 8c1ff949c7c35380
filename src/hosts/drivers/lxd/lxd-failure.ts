// What the words of LXD and Incus mean, and what a person can do about it.
import { OperationalError, type OperationalCode } from '../../../shared/errors.js';
import { guardRefusal } from '../ssh/guarded.js';
import type { RunResult } from '../ssh/ssh-connection.js';
import type { Dialect } from './dialect.js';

interface Pattern {
  readonly matches: RegExp;
  readonly code: OperationalCode;
  readonly remedy?: string | ((dialect: Dialect) => string);
}

/** Our own scripts' answers, by exit code; each writes its sentence as "reeve: …". */
export const EXIT = { otherInstance: 90, notReplica: 91, notStopped: 92, copying: 93, noClient: 94, notDone: 95, incomplete: 96, clientGone: 97, noDevice: 98 } as const;

const EXIT_CODES: Readonly<Record<number, OperationalCode>> = {
  [EXIT.otherInstance]: 'busy', // renamed or replaced between two looks: look again
  [EXIT.notReplica]: 'failed',
  [EXIT.notStopped]: 'failed',
  [EXIT.copying]: 'busy',
  [EXIT.noClient]: 'unreachable',
  [EXIT.clientGone]: 'unreachable',
  [EXIT.notDone]: 'failed',
  [EXIT.incomplete]: 'no-data',
  [EXIT.noDevice]: 'not-found',
};

/** The daemon's words for: there is no such instance here. Nothing else may be taken for it. */
export const UNKNOWN_INSTANCE = /^Error: (Instance not found|No such object|Failed to fetch instance .*: Instance not found)/m;
export const ALREADY_RUNNING = /The (instance|container) is already running/i;
export const NOT_RUNNING = /The (instance|container) is already stopped|The (instance|container) isn't running/i;

/** The first that matches wins: the safety signals before all others. */
const PATTERNS: readonly Pattern[] = [
  { matches: /Failed getting exclusive access to instance|Instance is running|is currently running, stop it first/i, code: 'locked', remedy: 'it runs there: find out which copy is right (list on every host); never force it' },
  {
    matches: /unix\.socket.*(connection refused|no such file)|LXD unix socket not found|connect: connection refused|daemon (is|doesn't appear to be) (not )?(running|started)|unexpected EOF|websocket: close/i,
    code: 'unreachable',
    remedy: ({ statusRemedy }) => `${statusRemedy} (on that host)`,
  },
  { matches: /Unable to connect to: .*(no route to host|timed out|i\/o timeout|connection refused)|connection timed out|no route to host/i, code: 'unreachable', remedy: 'the daemons of both hosts must reach each other at core.https_address (port 8443)' },
  { matches: /The remote ".*" doesn't exist/i, code: 'failed', remedy: 'enrol both hosts again: that makes their daemons trust each other (reeve host add)' },
  { matches: /not authorized|not trusted|x509:|certificate fingerprint mismatch/i, code: 'failed', remedy: 'enrol both hosts again: that makes their daemons trust each other (reeve host add)' },
  { matches: UNKNOWN_INSTANCE, code: 'not-found' },
  { matches: /Unable to resolve container rootfs/i, code: 'failed', remedy: 'its data were never copied whole: copy it again, or recover it elsewhere' },
  { matches: /Requested profile .* doesn't exist|Network not found|Storage pool not found|No root device could be found/i, code: 'failed', remedy: 'make it on that host as it is on the others (profile, network, storage pool)' },
  { matches: /(MAC|IP) address ".*" already defined on another NIC|Instance DNS name .* already used/i, code: 'failed', remedy: 'another instance of that host has its address or its name on the same network, a stopped one, too: find it (list --columns nst4), and take the address off it, or delete it when it is not needed' },
  { matches: /already exists|UNIQUE constraint failed/i, code: 'already' },
  { matches: /ETag doesn't match|Instance is busy running|database is locked|context deadline exceeded|Failed to begin transaction/i, code: 'busy' },
  { matches: /Cluster member is evacuated|Missing event connection/i, code: 'unreachable', remedy: 'look at the cluster of the daemons (cluster list)' },
  { matches: /is not supported on this server|migration\.stateful|CRIU isn't installed|not supported by/i, code: 'unsupported' },
  { matches: /permission denied/i, code: 'failed', remedy: 'the SSH login must be root, or may use sudo without a password' },
];

export function lxdFailure(result: RunResult, what: string, hostName: string, dialect: Dialect): OperationalError {
  const refusal = guardRefusal(result, hostName);
  if (refusal) return refusal;
  const own = /^reeve: (.*)$/m.exec(result.stderr)?.[1];
  const ownCode = EXIT_CODES[result.code];
  if (own !== undefined && ownCode !== undefined) return new OperationalError(ownCode, `${what} on ${hostName}: ${own}`, result.code === EXIT.noClient ? `${dialect.statusRemedy} (on ${hostName})` : null);
  const words = errorLines(result.stderr) || errorLines(result.stdout) || `exit code ${result.code}`;
  // Of `timeout`: our own bound on the daemon, ended on the host.
  if (result.code === TIMED_OUT || result.code === KILLED) return new OperationalError('timeout', `${what} on ${hostName}: ${dialect.title} did not answer in time; its effect is unknown`, `${dialect.statusRemedy} (on ${hostName})`);
  const pattern = PATTERNS.find(({ matches }) => matches.test(words));
  const remedy = typeof pattern?.remedy === 'function' ? pattern.remedy(dialect) : (pattern?.remedy ?? null);
  return new OperationalError(pattern?.code ?? 'failed', `${what} on ${hostName}: ${words.replace(/Error: /g, '')}`, remedy);
}

const TIMED_OUT = 124;
const KILLED = 137;

/** The client writes "Error: why", and at times a line of advice after it. */
function errorLines(text: string): string {
  const lines = text.split('\n').map((line) => line.trim()).filter((line) => line !== '' && !/^(Try `|To start your first|Or for a virtual machine|If this is your first time)/.test(line));
  const errors = lines.filter((line) => line.startsWith('Error: '));
  return (errors.length ? errors : lines.slice(-2)).join('; ');
}
