// Several answers of a daemon in one output, each after a mark of its own; and JSON that is not taken at its word.
import type { z } from 'zod';
import { OperationalError } from '../../../shared/errors.js';

export const SECTION_MARK = '@@reeve-section ';

export function sectionsOf(output: string): ReadonlyMap<string, string> {
  const parts = `\n${output}`.split(`\n${SECTION_MARK}`).slice(1).map((part): [string, string] => {
    const end = part.indexOf('\n');
    return end < 0 ? [part.trim(), ''] : [part.slice(0, end).trim(), part.slice(end + 1)];
  });
  return new Map(parts);
}

export function jsonOf<Schema extends z.ZodType>(schema: Schema, text: string, what: string): z.infer<Schema> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new OperationalError('failed', `what is said by ${what} is no JSON: ${text.trim().slice(0, 80)}`);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new OperationalError('failed', `what is said by ${what} can't be read: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`);
}

