// What systemd is about to do with this host.
import { execFile } from 'node:child_process';
import type { SystemWay } from '../agent-ports.js';

/** systemd answers at once, also while it shuts down. */
const ANSWER_MS = 2_000;

/** Where there is no systemd, nothing is known of shutdowns. */
export function systemWay(): Promise<SystemWay> {
  return new Promise((resolve) => {
    execFile('systemctl', ['list-jobs', '--no-legend', '--plain'], { timeout: ANSWER_MS }, (error, stdout) => resolve(error ? 'unknown' : wayOf(stdout)));
  });
}

/** From systemd's list of jobs. */
export function wayOf(jobs: string): SystemWay {
  if (/(reboot|kexec)\.target\s+start/.test(jobs)) return 'reboot';
  return /(poweroff|halt|shutdown)\.target\s+start/.test(jobs) ? 'shutdown' : 'stays';
}

/** It was stopped for a shutdown that was called off: without it the next one would wait for nothing. */
export function armLeaveUnit(): void {
  execFile('systemctl', ['start', '--no-block', 'reeve-leave.service'], { timeout: ANSWER_MS }, () => undefined);
}
