// Reading a specification field by field: one clear line names what is wrong, and what is wanted instead.
import { fail, ok, type Result } from '../shared/result.js';

export type Fields = Readonly<Record<string, unknown>>;
/** Thrown by the readers only; `parsed` turns it into a value. */
export class Wrong extends Error {}

/** Bounds of what is sensible, far above what is usual: they catch a wrong unit. */
export const MAX_VCPUS = 512;
export const MAX_MEMORY_MIB = 16 * 1024 * 1024;
export const MAX_DISK_MIB = 64 * 1024 * 1024;

export const POOL = /^[^\s/][^/\n]{0,100}$/;
export const BRIDGE = /^[^\s/]{1,15}$/;

export function parsed<Value>(read: () => Value): Result<Value, string> {
  try {
    return ok(read());
  } catch (error) {
    if (error instanceof Wrong) return fail(error.message);
    throw error;
  }
}

export function object(value: unknown, name: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Wrong(`${name}: an object, not ${show(value)}`);
  return value as Fields;
}

export function onlyKnown(fields: Fields, at: string, known: readonly string[]): void {
  const stranger = Object.keys(fields).find((name) => !known.includes(name));
  if (stranger !== undefined) throw new Wrong(`${at}${stranger}: no such field; there are ${known.join(', ')}`);
}

export function optional<Value>(fields: Fields, name: string, parse: () => Value): Value | null {
  return fields[name] === undefined || fields[name] === null ? null : parse();
}

export function whole(fields: Fields, name: string, least: number, most: number, at = ''): number {
  const value = fields[name];
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Wrong(`${at}${name}: a whole number from ${least} to ${most}, not ${show(value)}`);
}

export function text(fields: Fields, name: string, most: number, at = ''): string {
  const value = fields[name];
  if (typeof value !== 'string') throw new Wrong(`${at}${name}: text, not ${show(value)}`);
  if (value.length > most) throw new Wrong(`${at}${name}: at most ${most} characters, not ${value.length}`);
  if (CONTROL.test(value)) throw new Wrong(`${at}${name}: it holds a control character, which a definition cannot`);
  return value;
}

/** What XML 1.0 has no way to write. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/;

export function matching(fields: Fields, name: string, pattern: RegExp, meaning: string, at = ''): string {
  const value = fields[name];
  if (typeof value === 'string' && pattern.test(value)) return value;
  throw new Wrong(`${at}${name}: ${meaning}, not ${show(value)}`);
}

export const path = (fields: Fields, name: string, at: string): string => matching(fields, name, /^\/[^\u0000-\u001f]{1,4000}$/, 'an absolute path on the hosts', at);

export function list(fields: Fields, name: string, most: number): readonly unknown[] {
  const value = fields[name] ?? [];
  if (!Array.isArray(value)) throw new Wrong(`${name}: a list, not ${show(value)}`);
  if (value.length > most) throw new Wrong(`${name}: at most ${most}, not ${value.length}`);
  return value;
}

export const show = (value: unknown): string => (value === undefined ? 'missing' : (JSON.stringify(value) ?? String(value)).slice(0, 60));

/** Null: it is made up. */
export function macAddress(fields: Fields, at: string): string | null {
  const mac = optional(fields, 'mac', () => matching(fields, 'mac', /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i, 'six bytes such as 52:54:00:12:34:56', at).toLowerCase());
  if (mac !== null && Number.parseInt(mac.slice(0, 2), 16) % 2 === 1) throw new Wrong(`${at}mac: ${mac} is a multicast address; the first byte must be even`);
  return mac;
}
