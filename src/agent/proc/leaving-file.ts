// The word of `reeve-agent leave` to the agent: this boot of the host goes down. A file, so that an agent that is restarted meanwhile knows it too.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { GoingDown } from '../../cluster/heartbeat-message.js';

export interface LeavingFile {
  /** Null: it does not go down. What was said in another boot counts for nothing. */
  read(): GoingDown | null;
  write(purpose: GoingDown): void;
  remove(): void;
}

export function leavingFile(runDir: string, bootId: string): LeavingFile {
  const file = `${runDir}/leaving`;
  return {
    read: () => {
      const [version, boot, purpose] = textOf(file).trim().split(' ');
      return version === '1' && boot === bootId && (purpose === 'shutdown' || purpose === 'reboot') ? purpose : null;
    },
    write: (purpose) => {
      writeFileSync(`${file}.new`, `1 ${bootId} ${purpose}\n`);
      renameSync(`${file}.new`, file);
    },
    remove: () => rmSync(file, { force: true }),
  };
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
