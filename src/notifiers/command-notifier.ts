// Alerts to a program on the control plane's machine, as Nagios and Pacemaker do it: JSON on standard input, the same in REEVE_ALERT_ variables.
import { spawn, type ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import type { Alert } from '../cluster/alert.js';
import type { Notifier } from '../cluster/notifier.js';
import { OperationalError } from '../shared/errors.js';

export interface CommandOptions {
  /** The program's absolute path, and its arguments; no shell reads them. */
  readonly command: readonly [string, ...string[]];
  /** Then it and its children are killed. */
  readonly timeoutMs: number;
}

/** A line of what it says when it fails is shown. */
const MOST_SAID = 200;
/** Linux takes 128 KiB for one variable; people read less. The whole is on standard input. */
const MOST_IN_VARIABLE = 4_000;

/** After it ended: its last words are on their way, or what it left behind holds the pipe for ever. */
const LAST_WORDS_MS = 200;

export function commandNotifier({ command: [program, ...args], timeoutMs }: CommandOptions): Notifier {
  const send = (alert: Alert, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(givenUp(program));
      const child = spawn(program, args, { env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LANG: 'C.UTF-8', ...variablesOf(alert) }, stdio: ['pipe', 'ignore', 'pipe'], detached: true });
      const said = firstOf(child);
      const timers: NodeJS.Timeout[] = [];
      let over = false;
      const settle = (error: OperationalError | null): void => {
        if (over) return;
        over = true;
        timers.forEach(clearTimeout);
        signal.removeEventListener('abort', stop);
        if (error === null) return resolve();
        // With its children. One that succeeded may leave some that go on.
        killGroup(child);
        reject(error);
      };
      const stop = (): void => settle(givenUp(program));
      const ended = (code: number | null, by: NodeJS.Signals | null) => (): void => settle(failure(program, by ?? `exit code ${code}`, said()));
      signal.addEventListener('abort', stop, { once: true });
      timers.push(setTimeout(() => settle(new OperationalError('timeout', `${program} did not end within ${timeoutMs / 1_000} s`)), timeoutMs));
      child.once('error', (error) => settle(new OperationalError('failed', `${program} can't be run: ${error.message}`)));
      child.once('exit', (code, by) => (code === 0 ? settle(null) : timers.push(setTimeout(ended(code, by), LAST_WORDS_MS))));
      child.once('close', (code, by) => (code === 0 ? undefined : ended(code, by)()));
      child.stdin.on('error', () => undefined); // it may end without reading
      child.stdin.end(JSON.stringify(alert));
    });
  return { describe: `command ${program}`, send };
}

const givenUp = (program: string): OperationalError => new OperationalError('timeout', `${program}: given up`);

function failure(program: string, how: string, said: string): OperationalError {
  return new OperationalError('failed', `${program} ended with ${how}${said === '' ? '' : `: ${said}`}`);
}

/** REEVE_ALERT_ID, REEVE_ALERT_SEVERITY …; what is null is empty. */
function variablesOf(alert: Alert): Readonly<Record<string, string>> {
  const text = (value: unknown): string => String(value ?? '').replaceAll('\0', '').slice(0, MOST_IN_VARIABLE);
  return Object.fromEntries(Object.entries(alert).map(([key, value]) => [`REEVE_ALERT_${key.toUpperCase()}`, text(value)]));
}

/** Read to its end, whoever holds it, and whether or not we wait. */
function firstOf({ stderr }: ChildProcess): () => string {
  let text = '';
  if (stderr instanceof Socket) stderr.unref();
  stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    if (text.length < MOST_SAID * 4) text += chunk.slice(0, MOST_SAID * 4);
  });
  return () => text.replaceAll(/\s+/g, ' ').trim().slice(0, MOST_SAID);
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody of the group is left.
  }
}
