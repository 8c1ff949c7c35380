// Runs a fence program: arguments as an array, secrets by environment or standard input, a bound on its time.
import { spawn, type ChildProcess } from 'node:child_process';
import { OperationalError } from '../../shared/errors.js';

export interface ProgramAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly timeoutMs: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** Fence agents lie in sbin, which the PATH of an ordinary user lacks. */
const SBIN = '/usr/local/sbin:/usr/sbin:/sbin';
/** What a fence program says in a line or two; a stuck one must not fill our memory. */
const MOST_OUTPUT_BYTES = 64 * 1024;
/** After the program ended: a helper that it left behind may hold its output open for ever. */
const OUTPUT_ENDS_MS = 500;

export function runProgram(program: string, args: readonly string[], { timeoutMs, env = {}, input = '' }: ProgramOptions): Promise<ProgramAnswer> {
  return new Promise((resolve, reject) => {
    // A process group of its own: an agent's helpers (fence_ipmilan runs ipmitool) end with it.
    const child = spawn(program, [...args], { env: { PATH: `${process.env['PATH'] ?? '/usr/bin:/bin'}:${SBIN}`, LANG: 'C', LC_ALL: 'C', ...env }, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    const timers: NodeJS.Timeout[] = [];
    const settle = (end: () => void): void => {
      timers.forEach(clearTimeout);
      end();
    };
    const answer = (code: number | null) => (): void => resolve({ code: code ?? -1, stdout: stdout(), stderr: stderr() });
    const late = (): void => {
      killGroup(child);
      reject(new OperationalError('timeout', `${program}: no answer within ${timeoutMs} ms`));
    };
    const leftBehind = (code: number | null) => (): void => {
      killGroup(child);
      settle(answer(code));
    };
    timers.push(setTimeout(() => settle(late), timeoutMs));
    child.once('error', (error) => settle(() => reject(notStarted(program, error))));
    child.once('exit', (code) => timers.push(setTimeout(leftBehind(code), OUTPUT_ENDS_MS)));
    child.once('close', (code) => settle(answer(code)));
    child.stdin.on('error', () => undefined); // it may end without reading
    child.stdin.end(input);
  });
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    if (bytes < MOST_OUTPUT_BYTES) chunks.push(chunk);
    bytes += chunk.length;
  });
  return () => Buffer.concat(chunks).toString();
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nobody of the group is left.
  }
}

function notStarted(program: string, error: NodeJS.ErrnoException): OperationalError {
  if (error.code !== 'ENOENT') return new OperationalError('failed', `${program}: ${error.message}`);
  return new OperationalError('failed', `${program} is not installed on the control plane's machine`, `apt-get install ${program === 'ipmitool' ? 'ipmitool' : 'fence-agents'}`);
}
