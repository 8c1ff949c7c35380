// Promises in a file: on the disk before anybody hears of them.
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { NO_PROMISES, type KeptPromises, type PromiseStore } from '../../cluster/promises.js';

export function promiseFile(file: string): PromiseStore {
  return {
    load: () => {
      if (!existsSync(file)) return NO_PROMISES;
      const kept = parse(readFileSync(file, 'utf8'));
      // To forget a promise could run a workload twice: better no voter than one that forgot.
      if (!kept) throw new Error(`${file} is damaged: it holds promises about lost hosts; when none is being recovered, remove it and start again`);
      return kept;
    },
    save: (kept) => {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      const fd = openSync(`${file}.new`, 'w', 0o600);
      try {
        writeSync(fd, `${JSON.stringify(kept)}\n`);
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      renameSync(`${file}.new`, file);
      const folder = openSync(dirname(file), 'r');
      try {
        fsyncSync(folder);
      } finally {
        closeSync(folder);
      }
    },
  };
}

function parse(text: string): KeptPromises | null {
  try {
    const { excluded, unenforced, leaderEpoch } = JSON.parse(text) as Partial<KeptPromises>;
    return isNumbers(excluded) && isNumbers(unenforced) && Number.isInteger(leaderEpoch) ? { excluded, unenforced, leaderEpoch: leaderEpoch ?? 0 } : null;
  } catch {
    return null;
  }
}

function isNumbers(value: unknown): value is Readonly<Record<string, number>> {
  return typeof value === 'object' && value !== null && Object.values(value).every((one) => Number.isInteger(one));
}
