// Runs a fence program: arguments as an array, secrets by environment or standard input, a bound on its time.
import { spawn } from 'node:child_process';
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

export function runProgram(program: string, args: readonly string[], { timeoutMs, env = {}, input = '' }: ProgramOptions): Promise<ProgramAnswer> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], { env: { PATH: process.env['PATH'] ?? '', LANG: 'C', LC_ALL: 'C', ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.stdin.on('error', () => undefined); // it may end without reading
    child.stdin.end(input);
    child.once('error', (error) => {
      clearTimeout(timer);
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      reject(missing ? new OperationalError('failed', `${program} is not installed on the control plane's machine`, `apt-get install ${program === 'ipmitool' ? 'ipmitool' : 'fence-agents'}`) : new OperationalError('failed', `${program}: ${error.message}`));
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      if (late) reject(new OperationalError('timeout', `${program}: no answer within ${timeoutMs} ms`));
      else resolve({ code: code ?? -1, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() });
    });
  });
}
