// A number that rises with each start of a process, even when the wall clock was set back meanwhile.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

export function nextStartStamp(file: string, nowMs: number): number {
  const stamp = Math.max(Math.floor(nowMs), lastStamp(file) + 1);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.new`, `${stamp}\n`);
  renameSync(`${file}.new`, file);
  return stamp;
}

function lastStamp(file: string): number {
  try {
    const stamp = Number(readFileSync(file, 'utf8').trim());
    return Number.isSafeInteger(stamp) ? stamp : 0;
  } catch {
    return 0;
  }
}
