// Which process holds a lab: so that a second run does not pull it from under the first, and `down` ends the run that keeps it up.
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitUntil } from './wait-until.js';

const file = (stateDir: string): string => join(stateDir, 'owner');

/** Fields of /proc/PID/stat after the name in brackets, which may hold anything; the start time is number 22 of all. */
const START_TIME = 22 - 3;
const ENDS_IN_MS = 30_000;

/** A pid is used again by others; with its start time it is one process for as long as the machine is up. Null: there is none. */
function stampOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : `${pid} ${fields[START_TIME] ?? ''}`;
  } catch {
    return null;
  }
}

export async function takeOwnership(stateDir: string): Promise<void> {
  await writeFile(file(stateDir), stampOf(process.pid) ?? '');
}

/** The process that holds the lab, if it is another one and lives; null after a crash: then the lab is nobody's. */
export async function otherOwner(stateDir: string): Promise<number | null> {
  const stamp = (await readFile(file(stateDir), 'utf8').catch(() => '')).trim();
  const pid = Number(stamp.split(' ')[0]);
  return stamp !== '' && pid !== process.pid && stampOf(pid) === stamp ? pid : null;
}

/** Asks it to end in order, which takes its lab down; makes it end when it does not. */
export async function endOwner(stateDir: string): Promise<void> {
  const pid = await otherOwner(stateDir);
  if (pid === null) return;
  // Not by the file, which goes early while a lab is taken down.
  const stamp = stampOf(pid);
  const gone = async (): Promise<boolean> => stampOf(pid) !== stamp;
  process.kill(pid, 'SIGTERM');
  await waitUntil(`process ${pid} to end`, gone, { timeoutMs: ENDS_IN_MS }).catch(() => process.kill(pid, 'SIGKILL'));
}
