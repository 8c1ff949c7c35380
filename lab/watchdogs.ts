// The watchdogs of a lab's hosts: one process outside of them all.
import { spawn } from 'node:child_process';
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitUntil } from './wait-until.js';

export async function startWatchdogs(stateDir: string, script: string, timeoutMs: number): Promise<void> {
  const log = await open(join(stateDir, 'watchdogs.log'), 'a');
  const child = spawn(process.execPath, [script, stateDir, String(timeoutMs)], { detached: true, stdio: ['ignore', log.fd, log.fd] });
  child.unref();
  await log.close();
  await writeFile(join(stateDir, 'watchdogs.pid'), String(child.pid));
}

/** Before the hosts are taken down: they would be reset. */
export async function stopWatchdogs(stateDir: string): Promise<void> {
  const file = join(stateDir, 'watchdogs.pid');
  const pid = Number(await readFile(file, 'utf8').catch(() => ''));
  if (!pid || !(await isOurs(pid, stateDir))) return;
  process.kill(pid, 'SIGTERM');
  await waitUntil('the watchdogs to end', async () => !(await isOurs(pid, stateDir)), { timeoutMs: 5_000, everyMs: 10 });
  await rm(file, { force: true });
}

/** Pids are reused: only what is still our program is ended. */
async function isOurs(pid: number, stateDir: string): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return command.includes('watchdog.mjs') && command.includes(stateDir);
}
