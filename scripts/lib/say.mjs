// What the scripts print and run: one style of line, child processes with signals passed on, timings.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { dirname, join } from 'node:path';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

export function say(line) {
  process.stderr.write(`${line}\n`);
}

/** One clear line, then the exit code. */
export function stop(line, code = 1) {
  say(line);
  process.exit(code);
}

export function seconds(sinceMs) {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;
}

/**
 * Runs a program from the repo's root; resolves with its exit code (128 + signal when a signal ended it) and, if captured, its output.
 * With timeoutMs it is asked to end then, and made to end ten seconds later.
 */
export function run(program, args, { capture = false, env = {}, cwd = ROOT, input = 'ignore', timeoutMs = null } = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: [input, capture ? 'pipe' : 'inherit', capture ? 'pipe' : 'inherit'],
    });
    let output = '';
    child.stdout?.on('data', (chunk) => (output += chunk));
    child.stderr?.on('data', (chunk) => (output += chunk));
    const forward = (signal) => child.kill(signal);
    for (const signal of FORWARDED) process.on(signal, forward);
    const timers = timeoutMs === null ? [] : [setTimeout(() => child.kill('SIGTERM'), timeoutMs), setTimeout(() => child.kill('SIGKILL'), timeoutMs + GRACE_MS)];
    const end = (code) => {
      for (const timer of timers) clearTimeout(timer);
      for (const signal of FORWARDED) process.off(signal, forward);
      resolve({ code, output });
    };
    child.on('error', (error) => {
      output += `${program}: ${error.message}\n`;
      if (!capture) say(`${program}: ${error.message}`);
      end(127);
    });
    child.on('close', (code, signal) => end(code ?? 128 + (SIGNAL_NUMBERS[signal] ?? 0)));
  });
}

/** After SIGTERM, for tests to clean up what they started. */
const GRACE_MS = 10_000;
const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const SIGNAL_NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

/** True when a script was started itself, not imported. */
export function isMain(metaUrl) {
  return process.argv[1] === fileURLToPath(metaUrl);
}
