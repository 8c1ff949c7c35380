// An error as plain data, and back: what crosses to another thread keeps its kind, its code and its remedy.
import { Defect, messageOf, OperationalError, PassingConflict, UserError, type OperationalCode } from './errors.js';

export type ErrorData =
  | { readonly kind: 'user'; readonly code: UserError['code']; readonly isPassing: boolean; readonly message: string; readonly remedy: string | null }
  | { readonly kind: 'operational'; readonly code: OperationalCode; readonly message: string; readonly remedy: string | null }
  | { readonly kind: 'defect'; readonly message: string; readonly stack: string | null };

export function errorAsData(error: unknown): ErrorData {
  if (error instanceof UserError) return { kind: 'user', code: error.code, isPassing: error instanceof PassingConflict, message: error.message, remedy: error.remedy };
  if (error instanceof OperationalError) return { kind: 'operational', code: error.code, message: error.message, remedy: error.remedy };
  return { kind: 'defect', message: messageOf(error), stack: error instanceof Error ? (error.stack ?? null) : null };
}

export function errorFromData(data: ErrorData): Error {
  if (data.kind === 'user') return data.isPassing ? new PassingConflict(data.message, data.remedy) : new UserError(data.code, data.message, data.remedy);
  if (data.kind === 'operational') return new OperationalError(data.code, data.message, data.remedy);
  const defect = new Defect(data.message);
  // Where it happened, not where it was read.
  if (data.stack !== null) defect.stack = data.stack;
  return defect;
}
