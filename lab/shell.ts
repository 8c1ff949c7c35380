// Runs programs for the lab: arguments as arrays, a bound on each, errors that say what was run.
import { execFile } from 'node:child_process';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly timeoutMs?: number;
  readonly okCodes?: readonly number[] | 'any';
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
}

export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { timeoutMs = 30_000, okCodes = [0], input } = options;
  return new Promise((resolve, reject) => {
    const child = execFile(command, [...args], { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 32 * 1024 * 1024, ...(options.env ? { env: options.env } : {}) }, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === 'number' ? error.code : -1) : 0;
      if (okCodes === 'any' || okCodes.includes(code)) resolve({ code, stdout, stderr });
      else reject(new Error(`${command} ${args.join(' ')}: ${error?.killed ? `no end within ${timeoutMs} ms` : stderr.trim() || stdout.trim() || error?.message || `exit ${code}`}`));
    });
    if (input === undefined) return;
    // One that ends without reading its input says why by its end.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}
