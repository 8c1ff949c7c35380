// Runs one local program with a bound in time and in output; never rejects for what the program did.
import { spawn } from 'node:child_process';

export interface ProcessOutcome {
  /** Null when a signal ended it, or when it could not be started. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

export interface ProcessOptions {
  readonly timeoutMs: number;
  readonly input?: string | Uint8Array;
}

/** More than any inventory of a few thousand domains; a program that writes more is broken. */
const MAX_OUTPUT_BYTES = 32 * 1024 * 1024;
/** After the program's end its output is in the pipe already; a child it left behind may hold the pipe open for ever. */
const DRAIN_MS = 250;

export function runProcess(program: string, args: readonly string[], options: ProcessOptions): Promise<ProcessOutcome> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    const out = collect();
    const err = collect();
    let timedOut = false;
    let settled = false;
    const settle = (code: number | null, extra = ''): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      child.stdout.destroy();
      child.stderr.destroy();
      resolve({ code, stdout: out.text(), stderr: err.text() + extra, timedOut });
    };
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, options.timeoutMs);
    const take = (into: Collector) => (chunk: Buffer): void => {
      if (!into.add(chunk)) child.kill('SIGKILL');
    };
    child.stdout.on('data', take(out));
    child.stderr.on('data', take(err));
    child.on('error', (error) => settle(null, error.message));
    // The immediate comes after what stood in the pipe was read: a stall of ours must not cost output.
    child.on('exit', (code) => setTimeout(() => setImmediate(() => settle(code)), DRAIN_MS).unref());
    child.on('close', (code) => settle(code));
    child.stdin.on('error', () => {}); // the program ended without reading all of it: its exit code tells
    child.stdin.end(options.input ?? '');
  });
}

interface Collector {
  add(chunk: Buffer): boolean;
  text(): string;
}

function collect(): Collector {
  const chunks: Buffer[] = [];
  let bytes = 0;
  return {
    add(chunk) {
      bytes += chunk.length;
      if (bytes <= MAX_OUTPUT_BYTES) chunks.push(chunk);
      return bytes <= MAX_OUTPUT_BYTES;
    },
    text: () => Buffer.concat(chunks).toString('utf8'),
  };
}
