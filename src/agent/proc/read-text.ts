// Reads the small files of /proc.
import { readFileSync } from 'node:fs';

/** Empty when it cannot be read: a process may end between listing and reading. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
